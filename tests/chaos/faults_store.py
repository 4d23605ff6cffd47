"""Faults of what the store keeps and of its clock, and tasks that are hard to serve."""

from __future__ import annotations

from . import garbage
from .disk import Disk
from .faults import fault, needs_clock, needs_file, needs_processes, needs_server
from .scene import Scene

GARBAGE = 10_000


@fault("long task")
def long_task(scene: Scene) -> None:
    """A task five times longer than the lease, with an idle worker beside it: it runs once."""
    scene.start()
    scene.push(scene.mode.work, 5 * scene.lease)
    scene.produce(count=50, mixed=False)


@fault("garbage")
def throw_garbage(scene: Scene) -> None:
    """10,000 messages of random bytes, truncated, of wrong types, unknown names or huge nesting between good tasks."""
    scene.start()
    scene.produce(count=100)
    messages = list(garbage.corpus(scene.rng, min(scene.garbage, scene.store.most)))
    for start in range(0, len(messages), 500):
        scene.gator.backend.push(scene.gator.queue_name, messages[start : start + 500])
    scene.drain()
    if (dead := scene.gator.size().dead) != len(messages):
        scene.problems.append(f"{len(messages)} messages were garbage, and {dead} are dead letters")


@fault("a consumer vanishes")
def vanish(scene: Scene) -> None:
    """A consumer reserves tasks and is never heard of again."""
    scene.produce(count=40, mixed=False)
    consumer = scene.gator.backend.consumer([scene.gator.queue_name], scene.lease)
    held: list[object] = []
    scene.until(lambda: held.extend(consumer.reserve(10, 0.0)) or len(held) > 5, "it has some")  # type: ignore[func-returns-value]
    scene.start()


@fault("full disk", needs_file)
def full_disk(scene: Scene) -> None:
    """The disk of the store has no room for two seconds."""
    disk = Disk(scene.store.disk)
    scene.at_end(disk.close)
    scene.start()
    scene.produce(count=300)
    scene.pause(1.0, 1.5)
    pids = [pid for worker in scene.processes for pid in (worker.pid, *worker.children())]
    with scene.hurt():
        disk.fill(pids)
        scene.pause(1.5, 2.5)
        disk.free(pids)


@fault("the store's clock jumps", needs_clock)
def jump(scene: Scene) -> None:
    """The clock that decides over leases goes an hour ahead, and back; then a worker is killed."""
    scene.store.take_clock()
    scene.start()
    scene.produce(count=200, mixed=False)
    scene.pause(0.8, 1.2)
    with scene.hurt():
        scene.store.set_clock(3600.0)
        scene.pause(0.8, 1.2)
        scene.store.set_clock(0.0)
    scene.pause(0.3, 0.6)
    scene.rng.choice(scene.processes).kill_all()


@fault("the workers' clock jumps", lambda store, mode: needs_processes(store, mode) or needs_server(store, mode))
def jump_elsewhere(scene: Scene) -> None:
    """The clock of the workers' host goes two hours ahead, and back: the store's clock decides, so nothing happens."""
    scene.start()
    scene.produce(count=200, mixed=False)
    for ahead in (7200.0, 0.0):
        scene.pause(0.8, 1.2)
        scene.set_clock_of_workers(ahead)
