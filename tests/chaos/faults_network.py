"""Faults of the server and of the way to it."""

from __future__ import annotations

from collections.abc import Callable

from .faults import fault, needs_server
from .processes import kill
from .proxy import Proxy
from .scene import Scene


@fault("stop the server", needs_server)
def stop_the_server(scene: Scene) -> None:
    """The server is stopped for a second or two and started again, twice."""
    _restart(scene, scene.store.stop)


@fault("kill the server", needs_server)
def kill_the_server(scene: Scene) -> None:
    """SIGKILL to the server, twice."""
    _restart(scene, scene.store.kill)


@fault("kill the server and a worker", needs_server)
def kill_both(scene: Scene) -> None:
    """SIGKILL to the server and to a process that runs a task, at the same time, twice."""
    _restart(scene, lambda: (kill(scene.busy(), scene.history), scene.store.kill()))


@fault("kill a worker each second", needs_server)
def kill_each_second(scene: Scene) -> None:
    """10,000 tasks; SIGKILL to a process that runs some about once a second, and twice to the server."""
    scene.start()
    scene.produce(10_000, rate=2000.0, seconds=0.001 * scene.mode.hands, mixed=False)
    for turn in range(12):
        scene.pause(0.7, 1.3)
        kill(scene.busy(), scene.history)
        if turn in (3, 7):
            with scene.hurt():
                scene.store.kill()
                scene.pause(0.3, 1.0)
                scene.store.start()
                scene.insist(scene.gator.size)


@fault("slow network", needs_server)
def slow_network(scene: Scene) -> None:
    """Every piece of data takes up to 150 ms, either way."""
    proxy = _behind_a_proxy(scene)
    proxy.delay = lambda: scene.rng.uniform(0.0, 0.15)
    with scene.hurt():
        scene.pause(3.0, 4.0)
        proxy.delay = None


@fault("cut connections", needs_server)
def cut_connections(scene: Scene) -> None:
    """All connections are cut, eight times."""
    proxy = _behind_a_proxy(scene)
    with scene.hurt():
        for _ in range(8):
            scene.pause(0.1, 0.6)
            proxy.cut()


@fault("half-close connections", needs_server)
def half_close_connections(scene: Scene) -> None:
    """The way from the workers to the server is closed, the way back isn't, five times."""
    proxy = _behind_a_proxy(scene)
    with scene.hurt():
        for _ in range(5):
            scene.pause(0.2, 0.8)
            proxy.half_close()


@fault("black hole", needs_server)
def black_hole(scene: Scene) -> None:
    """All data are swallowed for longer than a lease while the connections stand; then those are cut."""
    proxy = _behind_a_proxy(scene)
    scene.pause(0.5, 1.0)
    with scene.hurt():
        proxy.is_hole = True
        scene.pause(1.5 * scene.lease, 2.0 * scene.lease)
        proxy.is_hole = False
        proxy.cut()


@fault("lose replies", needs_server)
def lose_replies(scene: Scene) -> None:
    """One request of five is carried out, but its reply is lost with the connection; the producer's too."""
    proxy = _behind_a_proxy(scene, also_producer=True)
    with scene.hurt():
        scene.until(lambda: bool(scene.history.having("started")), "a task starts")
        proxy.lose_replies(0.2, scene.rng)
        scene.until(lambda: proxy.replies_lost > 15, "replies are lost")
        proxy.lose_replies(0.0, scene.rng)


def _restart(scene: Scene, end: Callable[[], object]) -> None:
    scene.start()
    scene.produce(count=300)
    for _ in range(2):
        scene.pause(0.7, 1.2)
        with scene.hurt():
            end()
            scene.pause(0.5, 2.0)
            scene.store.start()
            scene.insist(scene.gator.size)


def _behind_a_proxy(scene: Scene, *, also_producer: bool = False) -> Proxy:
    proxy = Proxy(scene.store.port)
    scene.at_end(proxy.close)
    scene.worker_dsn = scene.store.proxied(proxy)
    if also_producer:
        scene.produce_by(scene.worker_dsn)
    scene.start()
    scene.produce(count=250)
    return proxy
