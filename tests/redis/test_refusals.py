"""What the server refuses, each with its cause and what to do about it, and never with a password."""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from alligator_core.backend import Ack, Bury, Message, Release
from alligator_core.errors import BackendError, BackendUnavailable, PushError
from tests.redis.helpers import ids_of, messages, new_queue, numbered, opened, take_all
from tests.redis.servers import Server


@pytest.fixture
def queue() -> str:
    return new_queue()


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with a password, and a user who may do next to nothing."""
    server = Server(tmp_path_factory.mktemp("guarded"), "--save", "", "--requirepass", "pa55/word")
    server.client(password="pa55/word").acl_setuser("poor", enabled=True, passwords=["+poor"], commands=["+info"])
    yield server
    server.stop()


@pytest.mark.parametrize("protocol", ["2", "3"])
@pytest.mark.parametrize(
    ("credentials", "remedy"),
    [
        ("", "write one into the DSN"),
        (":wr0ng@", "check them in the DSN"),
        ("nobody:wr0ng@", "check them in the DSN"),
        ("poor:poor@", "allow it all commands"),
    ],
)
def test_credentials_that_are_missing_or_wrong(
    guarded: Server, queue: str, protocol: str, credentials: str, remedy: str
) -> None:
    with opened(f"redis://{credentials}127.0.0.1:{guarded.port}/0?protocol={protocol}") as backend:
        with pytest.raises(BackendError, match=remedy) as caught:
            backend.push(queue, messages("a"))
        assert not isinstance(caught.value, BackendUnavailable)
        assert "wr0ng" not in str(caught.value)


def test_a_password_with_special_characters_is_percent_encoded(guarded: Server, queue: str) -> None:
    with opened(f"redis://default:pa55%2Fword@127.0.0.1:{guarded.port}/0?protocol=3") as backend:
        backend.push(queue, messages("a"))
        assert backend.size(queue).ready == 1


def test_a_password_for_a_server_without_one(redis_server: Server, queue: str) -> None:
    with opened(f"redis://:needless@127.0.0.1:{redis_server.port}/0") as backend:
        with pytest.raises(BackendError, match="leave it out") as caught:
            backend.push(queue, messages("a"))
        assert "needless" not in str(caught.value)


def test_a_database_that_does_not_exist(redis_server: Server, queue: str) -> None:
    with (
        opened(f"redis://127.0.0.1:{redis_server.port}/99") as backend,
        pytest.raises(BackendError, match="no database of that number"),
    ):
        backend.push(queue, messages("a"))


@pytest.mark.parametrize("key", ["b", "r5", "d", "w", "l", "n", "x", "u", "p", "c", "t"])
def test_a_key_of_somebody_else_is_named_and_nothing_is_lost_by_it(redis_server: Server, queue: str, key: str) -> None:
    client = redis_server.client()
    foreign = f"{{alligator:{queue}}}:{key}"
    with opened(redis_server.dsn) as backend:
        consumer = backend.consumer([queue], 30.0)
        client.geoadd(foreign, (1, 1, "x")) if key in {"b", "r5", "n", "p", "c", "t"} else client.set(foreign, "x")
        said = []
        for operation in (
            lambda: backend.push(queue, messages("a")),
            lambda: backend.push(queue, messages("b", "c")),
            lambda: backend.push(queue, [Message("d", b"", 7, 60.0)]),
            lambda: take_all(consumer),
            lambda: backend.cancel(queue, "b"),
            lambda: backend.push(queue, messages("e")),
        ):
            try:
                operation()
            except BackendError as exc:
                said.append(str(exc))
        assert all("another type" in text or "somebody else" in text for text in said), said
        if key in {"b", "r5", "l"}:
            assert said
        client.delete(foreign)
        consumer.close()
        counted = backend.size(queue)
        assert counted.reserved == 0
        assert len(take_all(backend.consumer([queue], 30.0))) == counted.ready


def test_a_server_without_memory_takes_no_pushes_and_lets_the_queue_be_drained(tmp_path: Path, queue: str) -> None:
    server = Server(tmp_path / "small", "--save", "")
    try:
        with opened(server.dsn) as backend:
            backend.push(queue, numbered(1000))
            server.client().config_set("maxmemory", "1mb")
            with pytest.raises(BackendError, match="It is full"):
                backend.push(queue, messages("x"))
            with pytest.raises(BackendError, match="It is full"):
                backend.push(queue, messages("x", "y"))
            with pytest.raises(PushError, match="It is full"):
                backend.push(
                    queue, [*numbered(1), Message("z", b"", 7), *(Message(f"d{n}", b"", 5, 60.0) for n in range(9))]
                )
            consumer = backend.consumer([queue], 30.0)
            one, two, *_ = consumer.reserve(3, 0.0)
            assert consumer.settle([Release(one), Bury(two, "why")]) == []
            assert consumer.keep_alive() == []
            consumer.close()
            assert len(take_all(backend.consumer([queue], 30.0))) == 999
    finally:
        server.stop()


def test_a_replica_takes_nothing_and_the_producer_hears_of_it_in_time(tmp_path: Path, redis_server: Server) -> None:
    replica = Server(tmp_path / "replica", "--save", "", "--replicaof", f"127.0.0.1 {redis_server.port}")
    try:
        with opened(f"{replica.dsn}?timeout=2") as backend:
            with pytest.raises(BackendUnavailable, match=r"takes nothing just now.*READONLY") as caught:
                backend.push("all", messages("a"))
            assert not caught.value.maybe_applied
            with pytest.raises(BackendUnavailable, match="READONLY"):
                backend.consumer(["all"], 30.0).reserve(1, 0.0)
    finally:
        replica.stop()


def test_a_server_that_can_not_save_takes_no_pushes(tmp_path: Path, queue: str) -> None:
    server = Server(tmp_path / "full", "--save", "900 1", "--dbfilename", "dump.rdb")
    try:
        with opened(server.dsn) as backend:
            backend.push(queue, messages("a"))
            (tmp_path / "full" / "dump.rdb").mkdir()
            client = server.client()
            with suppress(Exception):
                client.execute_command("SAVE")
            client.execute_command("BGSAVE")
            while client.info("persistence")["rdb_bgsave_in_progress"]:
                pass
            with pytest.raises(BackendError, match="can't save to its disk"):
                backend.push(queue, messages("b"))
            assert backend.size(queue).ready == 1
    finally:
        (tmp_path / "full" / "dump.rdb").rmdir()
        server.stop()


def test_a_server_that_is_still_loading_is_waited_for(tmp_path: Path, queue: str) -> None:
    server = Server(tmp_path / "loading", "--appendonly", "yes", "--aof-use-rdb-preamble", "no")
    try:
        with opened(server.dsn) as backend:
            backend.push(queue, numbered(1500))
            server.stop()
            slowly = ("--key-load-delay", "300", "--loading-process-events-interval-bytes", "1024")
            server.start(*slowly)
            backend.push(queue, messages("late"))
            assert len(take_all(backend.consumer([queue], 30.0))) == 1501
    finally:
        server.stop()


def test_a_server_that_may_evict_is_warned_about_once(
    tmp_path: Path, queue: str, caplog: pytest.LogCaptureFixture
) -> None:
    server = Server(tmp_path / "cache", "--save", "", "--maxmemory-policy", "allkeys-lru")
    try:
        with opened(server.dsn) as backend, caplog.at_level(logging.WARNING, "alligator.redis"):
            backend.push(queue, messages("a"))
            backend.push(queue, messages("b"))
        assert [record.message for record in caplog.records if "allkeys-lru" in record.message] == [
            record.message for record in caplog.records
        ]
        assert len(caplog.records) == 1
    finally:
        server.stop()


def test_a_server_that_is_too_old_is_refused(queue: str) -> None:
    facts = b"redis_version:5.0.7\r\n"
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            with suppress(OSError):
                while True:
                    client, _ = listener.accept()
                    with client:
                        while data := client.recv(4096):
                            info = b"$%d\r\n%b\r\n" % (len(facts), facts)
                            client.sendall(info * data.count(b"INFO") or b"+OK\r\n" * data.count(b"SETINFO"))

        threading.Thread(target=serve, daemon=True).start()
        port = listener.getsockname()[1]
        with (
            opened(f"redis://127.0.0.1:{port}/0") as backend,
            pytest.raises(BackendError, match=r"Redis 5\.0\.7: 6\.2"),
        ):
            backend.push(queue, messages("a"))


def test_a_stopped_server_is_an_error_in_time_that_says_that_the_push_may_have_happened(
    tmp_path: Path, queue: str
) -> None:
    import signal

    server = Server(tmp_path / "stopped", "--save", "")
    try:
        with opened(f"{server.dsn}?timeout=2") as backend:
            backend.push(queue, messages("a"))
            server.pause(signal.SIGSTOP)
            with pytest.raises(BackendUnavailable, match="may have happened") as caught:
                backend.push(queue, messages("b"))
            assert caught.value.maybe_applied
            server.pause(signal.SIGCONT)
            backend.push(queue, messages("b"))
            assert ids_of(take_all(backend.consumer([queue], 30.0))) == ["a", "b"]
    finally:
        server.pause(signal.SIGCONT)
        server.stop()


def test_connections_are_shared_out_and_a_shortage_is_an_error(redis_server: Server, queue: str) -> None:
    with opened(f"{redis_server.dsn}?max_connections=2&timeout=2") as backend:
        one, two = backend._client.topology.pool_for(b"").take(), backend._client.topology.pool_for(b"").take()
        with pytest.raises(BackendError, match="raise max_connections="):
            backend.push(queue, messages("a"))
        for link in (one, two):
            backend._client.topology.pool_for(b"").give(link)
        backend.push(queue, messages("a"))
        held = backend.consumer([queue], 30.0).reserve(1, 0.0)
        assert ids_of(held) == ["a"]
        assert Ack(held[0]).delivery.queue == queue


def test_a_user_needs_no_more_than_the_keys_of_the_prefix(redis_server: Server, queue: str) -> None:
    client = redis_server.client()
    client.acl_setuser("tidy", enabled=True, passwords=["+pw"], keys=["{alligator:*"], commands=["+@all"])
    with opened(f"redis://tidy:pw@127.0.0.1:{redis_server.port}/0") as backend:
        consumer = backend.consumer([queue], 30.0)
        assert consumer.reserve(1, 0.01) == []
        backend.push(queue, messages("a", "b"))
        held = consumer.reserve(1, 0.0)
        assert consumer.settle([Bury(held[0], "why")]) == []
        assert backend.requeue(queue) == ["a"]
        assert ids_of(take_all(consumer)) == ["b", "a"]
