"""Faults of processes: killed, frozen, told to stop."""

from __future__ import annotations

import os
import signal
import time
from functools import partial

from alligator_core.backend import PEEK
from tests.waiting import freeze_unlocked

from . import tasks
from .faults import fault, needs_processes, needs_supervisor
from .processes import kill
from .scene import Scene
from .steps import STEPS, Steps


@fault("kill a worker", needs_processes)
def kill_a_worker(scene: Scene) -> None:
    """SIGKILL to a process that runs tasks, three times, at random moments."""
    scene.start()
    scene.produce(count=500)
    for _ in range(3):
        scene.pause(0.7, 1.4)
        kill(scene.busy(), scene.history)


@fault("kill the supervisor", needs_supervisor)
def kill_the_supervisor(scene: Scene) -> None:
    """SIGKILL to a supervisor, not to its children, twice; another one starts."""
    scene.start(2)
    scene.produce(count=300)
    for _ in range(2):
        scene.pause(1.0, 1.5)
        victim = scene.worker_of(scene.busy())
        children = victim.children()
        victim.kill()
        for child in children:  # what they do now is their own affair, but they may end at any moment
            scene.history.note("hurt", pid=child)


@fault("kill the group", needs_processes)
def kill_the_group(scene: Scene) -> None:
    """SIGKILL to all workers with all their children at once, twice."""
    scene.start()
    scene.produce(count=300)
    for _ in range(2):
        scene.pause(1.0, 1.5)
        scene.busy()
        for victim in scene.processes:
            victim.kill_all()


@fault("silent queue after a kill", needs_processes)
def kill_and_push_nothing(scene: Scene) -> None:
    """SIGKILL to a process in the middle of a task, with an idle worker beside it and nothing new pushed."""
    scene.start()
    number = scene.push(scene.mode.work, 4.0)
    pid = scene.started(number)
    kill(pid, scene.history)
    scene.started(number, but_not_by=pid)


@fault("freeze for longer than the lease", needs_processes)
def freeze(scene: Scene) -> None:
    """SIGSTOP until another worker runs what the frozen one held, then SIGCONT: its late ack must change nothing."""
    scene.start(2)
    number = scene.push(scene.mode.work, 5.0)
    pid = scene.started(number)
    scene.produce(count=60)
    frozen = scene.worker_of(pid)
    freeze_unlocked(frozen.freeze, frozen.thaw, scene.store.is_stuck)
    other = scene.started(number, but_not_by=pid)
    frozen.thaw()
    scene.until(lambda: _has_finished(scene, number, pid), "the frozen worker ends its run")
    time.sleep(0.3)  # for its late ack
    still_runs = not _has_finished(scene, number, other)
    is_gone = PEEK in scene.gator.backend.features and scene.insist(lambda: scene.gator.peek(str(number))) is None
    if is_gone and still_runs and not _has_finished(scene, number, other):
        scene.problems.append("a late ack removed what another worker was running")


@fault("freeze a child", needs_supervisor)
def freeze_a_child(scene: Scene) -> None:
    """SIGSTOP to a child, for longer than the lease, then SIGCONT: its supervisor lets go of what it held."""
    scene.start()
    number = scene.push(scene.mode.work, 5.0)
    pid = scene.started(number)
    scene.produce(count=60)
    scene.history.note("hurt", pid=pid)
    stop, go_on = partial(os.kill, pid, signal.SIGSTOP), partial(os.kill, pid, signal.SIGCONT)
    freeze_unlocked(stop, go_on, scene.store.is_stuck)
    scene.started(number, but_not_by=pid)
    go_on()
    scene.history.note("healed", pid=pid)


@fault("SIGTERM", needs_processes)
def terminate(scene: Scene) -> None:
    """SIGTERM with a long task running and many in hand: it ends, and others get the rest long before the lease."""
    scene.lease = 60.0
    _terminate_one(scene)


@fault("SIGTERM, no grace", needs_processes)
def terminate_at_once(scene: Scene) -> None:
    """The same with a grace period of 0: also what runs is given back."""
    scene.lease = 60.0
    scene.options["grace"] = 0.0
    _terminate_one(scene)


@fault("poison", needs_processes)
def poison(scene: Scene) -> None:
    """A task that kills its process, among others: it becomes a dead letter, and the others run."""
    scene.options["max-deliveries"] = 3
    scene.start()
    scene.produce(count=100, mixed=False)
    scene.expected_dead.add(scene.push(tasks.end_process, 0.05))


def _terminate_one(scene: Scene) -> None:
    scene.start(1)
    first = scene.push(scene.mode.work)
    scene.produce(count=200, rate=2000.0, seconds=0.0, mixed=False)
    scene.started(first)
    numbers = [scene.push(scene.mode.work, 1.5) for _ in range(scene.mode.hands)]
    scene.produce(count=100, rate=2000.0, seconds=0.01, mixed=False)
    scene.started(numbers[0])
    victim = scene.processes[0]
    for pid in [victim.pid, *victim.children()]:
        if not scene.options["grace"]:
            scene.history.note("hurt", pid=pid)
    scene.start(1)
    scene.dismiss(victim)
    victim.terminate()
    scene.until(lambda: not victim.is_running, "the worker ends")
    if code := victim.close():
        scene.problems.append(f"SIGTERM ended the worker with exit code {code}")


def _has_finished(scene: Scene, number: int, pid: int) -> bool:
    return any(event[:3] == ("finished", number, pid) for event in scene.history.events())


def _die_at(step: str) -> None:
    def act(scene: Scene) -> None:
        scene.start()
        steps = Steps(scene.steps, scene.history)
        scene.produce(count=300)
        for _ in range(2):
            scene.pause(0.5, 0.9)
            steps.arm(step)
            scene.until(lambda: not steps.is_armed(step), f"a worker gets to the step {step!r}")

    act.__doc__ = f"SIGKILL at the step {step!r} of the worker, twice."
    fault(f"kill {step}", needs_processes)(act)


for _step in STEPS:
    _die_at(_step)
