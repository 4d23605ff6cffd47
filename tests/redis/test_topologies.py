"""Sentinel, Cluster, TLS, sockets and shards: what each has to itself."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from alligator_core.backend import Ack, Message
from alligator_core.errors import BackendError, BackendUnavailable
from tests.certificates import make_certificates
from tests.redis.helpers import Background, ids_of, messages, new_queue, numbered, opened, take_all
from tests.redis.servers import ClusterOfThree, SentinelSet, Server, until

pytestmark = pytest.mark.long


@pytest.fixture
def queue() -> str:
    return new_queue()


def test_a_failover_is_gone_on_from(tmp_path: Path) -> None:
    servers = SentinelSet(tmp_path, down_after=800)
    try:
        with opened(f"{servers.dsn}?timeout=40") as backend:
            consumer = backend.consumer(["all"], 30.0)
            backend.push("all", messages("a", "b"))
            held = consumer.reserve(1, 0.0)
            until(lambda: servers.replica.client().hlen("{alligator:all}:b") == 2)
            until(lambda: servers.replica.client().exists("{alligator:all}:l"))
            servers.master.kill()
            backend.push("all", messages("c"))
            assert consumer.settle([Ack(held[0])]) == []
            assert ids_of(take_all(consumer)) == ["b", "c"]
    finally:
        servers.stop()


def test_a_master_that_no_sentinel_knows_is_an_error(sentinel_set: SentinelSet, queue: str) -> None:
    with (
        opened(sentinel_set.dsn.replace("/main/", "/other/") + "?timeout=0.3") as backend,
        pytest.raises(BackendUnavailable, match="other"),
    ):
        backend.push(queue, messages("a"))


def test_queues_of_a_cluster_lie_on_all_its_servers(cluster: ClusterOfThree) -> None:
    names = (new_queue() for _ in range(60))
    owners = {cluster.owner_of(f"{{alligator:{name}}}:b").port: name for name in names}
    assert set(owners) == {server.port for server in cluster.servers}
    with opened(cluster.dsn) as backend:
        for name in owners.values():
            backend.push(name, messages(name, f"{name}-2"))
        queues = list(owners.values())
        consumer = backend.consumer(queues, 30.0)
        assert len(take_all(consumer)) == 2 * len(queues)
        waiting = Background(consumer.reserve, 5, 20.0)
        until(
            lambda: all(
                cluster.owner_of(f"{{alligator:{n}}}:w").client().exists(f"{{alligator:{n}}}:w") for n in queues
            )
        )
        backend.push(queues[-1], messages("late"))
        assert ids_of(waiting.result()) == ["late"]


def test_a_slot_that_moves_takes_its_queue_along_and_loses_nothing(cluster: ClusterOfThree, queue: str) -> None:
    with opened(cluster.dsn) as backend:
        backend.push(queue, numbered(300))
        consumer = backend.consumer([queue], 30.0)
        held = consumer.reserve(100, 0.0)
        mover = Move(cluster, f"{{alligator:{queue}}}:b")
        mover.begin()
        pushing = Background(backend.push, queue, messages("x"))
        mover.carry()
        mover.end()
        pushing.result()
        assert consumer.settle([Ack(delivery) for delivery in held]) == []
        assert len(take_all(consumer)) == 201
        assert backend.size(queue)[:3] == (0, 0, 0)


def test_half_a_queue_is_never_seen_while_its_slot_moves(cluster: ClusterOfThree, queue: str) -> None:
    with opened(f"{cluster.dsn}?timeout=0.3") as hasty, opened(cluster.dsn) as backend:
        backend.push(queue, numbered(10))
        mover = Move(cluster, f"{{alligator:{queue}}}:b")
        mover.begin()
        for key in (None, "b", "r5"):
            if key:
                mover.carry(f"{{alligator:{queue}}}:{key}")
            with pytest.raises(BackendUnavailable):
                hasty.push(queue, messages("x"))
            with pytest.raises(BackendUnavailable):
                hasty.push(queue, messages("y", "z"))
        mover.carry()
        mover.end()
        assert backend.size(queue).ready == 10
        assert len(take_all(backend.consumer([queue], 30.0))) == 10


@pytest.mark.parametrize("kind", ["standalone", "cluster"])
def test_what_a_dead_process_held_is_taken_over_from_all_shards(
    redis_server: Server, cluster: ClusterOfThree, queue: str, kind: str
) -> None:
    dsn = redis_server.dsn if kind == "standalone" else cluster.dsn
    with opened(f"{dsn}?shards=4") as backend:
        backend.push(queue, numbered(40))
        doomed, held = backend.consumer([queue], 30.0, "dead"), 0
        while batch := doomed.reserve(100, 0.0):
            held += len(batch)
        assert (held, backend.holders([queue])) == (40, ["dead"])
        assert [backend.stop(queue, id) for id in ("1", "2", "3", "4", "unknown")] == [True] * 4 + [False]
        backend.keep_alive([queue], "dead", 60.0)
        taker = backend.consumer([queue], 30.0)
        taken = taker.take_over("dead")
        assert sorted(ids_of(taken)) == sorted(map(str, range(40)))
        assert (doomed.stops(), sorted(taker.stops())) == ([], ["1", "2", "3", "4"])
        assert taker.settle([Ack(delivery) for delivery in taken]) == []
        assert (backend.holders([queue]), backend.size(queue)[:4]) == ([], (0, 0, 0, 0))


@pytest.mark.parametrize("kind", ["standalone", "cluster"])
def test_shards_share_out_a_queue(redis_server: Server, cluster: ClusterOfThree, queue: str, kind: str) -> None:
    dsn = redis_server.dsn if kind == "standalone" else cluster.dsn
    with opened(f"{dsn}?shards=5") as backend:
        backend.push(queue, numbered(500))
        backend.push(queue, [*messages("7", "new"), Message("later", b"", 5, 60.0)])
        assert backend.size(queue)[:4] == (501, 1, 0, 0)
        canceled, peeked = backend.cancel(queue, "13"), backend.peek(queue, "14")
        assert canceled is not None
        assert peeked is not None
        assert peeked.state == "ready"
        consumer = backend.consumer([queue], 30.0)
        first = consumer.reserve(100, 0.0)
        assert len(first) == 100
        assert consumer.settle([Ack(delivery) for delivery in first]) == []
        assert len({*ids_of(first), *ids_of(take_all(consumer))}) == 500
        got = consumer.get(queue, "later")
        assert got is not None
        consumer.close()
        assert backend.purge(queue) == 1
        waiting = Background(consumer_of(backend, queue).reserve, 5, 20.0)
        backend.push(queue, messages("woken"))
        assert ids_of(waiting.result()) == ["woken"]


def test_shards_are_served_in_turn(redis_server: Server, queue: str) -> None:
    with opened(f"{redis_server.dsn}?shards=4") as backend:
        backend.push(queue, numbered(400))
        consumer = backend.consumer([queue], 30.0)
        batches = [ids_of(consumer.reserve(10, 0.0)) for _ in range(4)]
        shards = [{backend._names.shard(queue, id.encode()) for id in batch} for batch in batches]
        assert all(len(found) == 1 for found in shards)
        assert len(set.union(*shards)) == 4


def test_a_socket_will_do(tmp_path_factory: pytest.TempPathFactory, queue: str) -> None:
    folder = tmp_path_factory.mktemp("s")
    server = Server(folder, "--save", "", "--unixsocket", str(folder / "r.sock"))
    try:
        for scheme in ("unix", "redis+unix"):
            with opened(f"{scheme}://{folder}/r.sock?db=3") as backend:
                backend.push(queue, messages(scheme))
                assert server.client(db=3).hexists(f"{{alligator:{queue}}}:b", scheme)
        with opened(f"unix://{folder}/nothing.sock") as backend, pytest.raises(BackendUnavailable):
            backend.push(queue, messages("a"))
    finally:
        server.stop()


def test_keys_get_the_prefix(redis_server: Server, queue: str) -> None:
    with opened(f"{redis_server.dsn}?prefix=shop&client_name=till") as backend:
        backend.push(queue, messages("a"))
        assert redis_server.client().exists(f"{{shop:{queue}}}:b")
        assert "till" in {client["name"] for client in redis_server.client().client_list()}


@pytest.fixture(scope="module")
def tls_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, Path]]:
    """A server that wants certificates of its clients; its TLS port, and the certificates."""
    from tests.waiting import free_port

    port, certificates = free_port(), make_certificates(tmp_path_factory.mktemp("certificates"))
    files = [
        option
        for option, name in (("ca-cert-file", "ca.crt"), ("cert-file", "server.crt"), ("key-file", "server.key"))
        for option in (f"--tls-{option}", str(certificates / name))
    ]
    server = Server(tmp_path_factory.mktemp("tls"), "--save", "", "--tls-port", str(port), *files)
    yield port, certificates
    server.stop()


def test_tls_with_certificates_on_both_sides(tls_server: tuple[int, Path], queue: str) -> None:
    port, folder = tls_server
    own = f"ssl_ca_certs={folder}/ca.crt&ssl_certfile={folder}/client.crt&ssl_keyfile={folder}/client.key"
    with opened(f"rediss://localhost:{port}/0?{own}") as backend:
        backend.push(queue, numbered(600))
        consumer = backend.consumer([queue], 30.0)
        assert len(take_all(consumer)) == 600
        waiting = Background(consumer.reserve, 1, 20.0)
        backend.push(queue, messages("a"))
        assert ids_of(waiting.result()) == ["a"]


def test_a_certificate_that_nobody_vouches_for_is_refused(tls_server: tuple[int, Path], queue: str) -> None:
    port, folder = tls_server
    with (
        opened(f"rediss://localhost:{port}/0") as backend,
        pytest.raises(BackendError, match=r"certificate verify failed.*ssl_ca_certs="),
    ):
        backend.push(queue, messages("a"))
    own = f"ssl_certfile={folder}/client.crt&ssl_keyfile={folder}/client.key"
    with opened(f"rediss://localhost:{port}/0?ssl_cert_reqs=none&{own}") as backend:
        backend.push(queue, messages("a"))


class Move:
    """A slot on its way to another server, as `redis-cli --cluster reshard` moves it."""

    def __init__(self, cluster: ClusterOfThree, key: str) -> None:
        self.source = cluster.owner_of(key)
        self.target = next(server for server in cluster.servers if server is not self.source)
        self._servers = cluster.servers
        self._from, self._to = self.source.client(), self.target.client()
        self._slot = self._from.execute_command("CLUSTER KEYSLOT", key)

    def begin(self) -> None:
        """Tell both servers."""
        self._to.execute_command("CLUSTER SETSLOT", self._slot, "IMPORTING", _id_of(self.source))
        self._from.execute_command("CLUSTER SETSLOT", self._slot, "MIGRATING", _id_of(self.target))

    def carry(self, *keys: str) -> None:
        """Move some keys, or all that are left."""
        left = keys or self._from.execute_command("CLUSTER GETKEYSINSLOT", self._slot, 100)
        for key in left:
            self._from.execute_command("MIGRATE", "127.0.0.1", self.target.port, key, 0, 5000)

    def end(self) -> None:
        """Tell everybody."""
        for server in (self.target, self.source, *self._servers):
            server.client().execute_command("CLUSTER SETSLOT", self._slot, "NODE", _id_of(self.target))


def _id_of(server: Server) -> str:
    found = server.client().execute_command("CLUSTER MYID")
    return found.decode() if isinstance(found, bytes) else str(found)


def consumer_of(backend: object, queue: str):  # type: ignore[no-untyped-def]
    """Return a consumer of one queue."""
    return backend.consumer([queue], 30.0)  # type: ignore[attr-defined]


def test_a_server_of_a_cluster_says_so_while_a_slot_of_it_moves(cluster: ClusterOfThree, queue: str) -> None:
    mover = Move(cluster, f"{{alligator:{queue}}}:b")
    mover.begin()
    with (
        opened(mover.source.dsn) as backend,
        pytest.raises(BackendError, match=r"write redis\+cluster:// for redis://"),
    ):
        backend.push(queue, messages("a"))
    mover.end()


def test_a_server_of_a_cluster_says_how_to_name_the_cluster(cluster: ClusterOfThree, queue: str) -> None:
    owner = cluster.owner_of(f"{{alligator:{queue}}}:b")
    other = next(server for server in cluster.servers if server.port != owner.port)
    with (
        opened(f"redis://127.0.0.1:{other.port}/0") as backend,
        pytest.raises(BackendError, match=r"write redis\+cluster:// for redis://"),
    ):
        backend.push(queue, messages("a"))
