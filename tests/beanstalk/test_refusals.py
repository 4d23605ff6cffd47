"""A server that refuses, is gone, or is none: clear errors, and nothing lost."""

from __future__ import annotations

import signal

import pytest

from alligator_core.backend import Ack, Bury, Message, Replace
from alligator_core.errors import BackendError, BackendUnavailable, PushError
from tests.beanstalk.helpers import Impostor, ids_of, messages, new_queue, opened, take_all
from tests.beanstalk.servers import Server, until
from tests.waiting import free_port


def test_a_draining_server_takes_no_pushes_and_lets_the_queue_be_drained(own_server: Server) -> None:
    with opened(own_server.dsn) as backend:
        backend.push("all", messages("a", "b"))
        own_server.signal(signal.SIGUSR1)
        until(lambda: own_server.stats()["draining"] == "true")
        with pytest.raises(BackendUnavailable, match="drain mode") as caught:
            backend.push("all", messages("c"))
        assert not caught.value.maybe_applied
        consumer = backend.consumer(["all"], 30.0)
        held = consumer.reserve(2, 0.0)
        with pytest.raises(BackendUnavailable, match="drain mode"):
            consumer.settle([Ack(held[0]), Replace(held[1], Message("b", b"again"))])
        # The retry found no room: its message is still held, and what was done is done.
        assert backend.size("all")[:3] == (0, 0, 1)
        consumer.close()
        assert ids_of(take_all(backend.consumer(["all"], 30.0))) == ["b"]


def test_a_message_that_has_become_too_large_for_the_server_is_refused_and_its_neighbours_are_taken(
    own_server: Server,
) -> None:
    with opened(own_server.dsn) as backend:
        large = Message("large", b"x" * (backend.limits.max_body + 1024))
        with pytest.raises(PushError) as caught:
            backend.push("all", [*messages("a"), large, *messages("b")])
        assert list(caught.value.refused) == ["large"]
        assert ids_of(take_all(backend.consumer(["all"], 30.0))) == ["a", "b"]


def test_the_largest_body_is_read_from_the_server_and_may_be_set_lower() -> None:
    server = Server(None, "-z", "200000")
    with opened(server.dsn) as backend, opened(f"{server.dsn}&max_body=1000") as other:
        assert backend.limits.max_body == 200_000 - 2 - 1024
        assert other.limits.max_body == 1000
    server.kill()


def test_a_long_reason_is_cut_and_the_body_kept_whole(beanstalkd: Server) -> None:
    with opened(beanstalkd.dsn) as backend:
        queue = new_queue()
        body = b"\xfe" * backend.limits.max_body
        backend.push(queue, [Message("a", body)])
        consumer = backend.consumer([queue], 30.0)
        [held] = consumer.reserve(1, 0.0)
        assert consumer.settle([Bury(held, "why \N{CROCODILE}" * 1000)]) == []
        [letter] = backend.dead(queue)
        is_whole = letter.body == body
        assert is_whole
        assert letter.reason.startswith("why \N{CROCODILE}")
        backend.purge_dead(queue)


def test_a_server_that_is_down_is_an_error_that_says_that_nothing_was_sent() -> None:
    with opened(f"beanstalk://127.0.0.1:{free_port()}/") as backend:
        with pytest.raises(BackendUnavailable, match=r"can't be reached \(nothing was sent\)") as caught:
            backend.push("all", messages("a"))
        assert not caught.value.maybe_applied


@pytest.mark.parametrize("word", ["OUT_OF_MEMORY", "DRAINING"])
def test_a_server_that_has_no_room_is_an_error_that_may_pass(word: str) -> None:
    server = Impostor(b"USING alligator.all\r\n", f"{word}\r\n".encode(), closes=False)
    with opened(server.dsn) as backend, pytest.raises(BackendUnavailable, match="takes nothing just now"):
        backend.push("all", messages("a"))
    server.close()


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("EXPECTED_CRLF", "lost its place"),
        ("INTERNAL_ERROR", "internal error"),
        ("BAD_FORMAT", "could not read"),
        ("UNKNOWN_COMMAND", "1.12 or later"),
        ("HTTP/1.1 400 Bad Request", "which no beanstalkd does"),
        ("INSERTED x", "which no beanstalkd does"),
    ],
)
def test_a_server_that_refuses_or_speaks_nonsense_is_an_error_that_says_so(word: str, said: str) -> None:
    server = Impostor(b"USING alligator.all\r\n", f"{word}\r\n".encode(), closes=False)
    with opened(server.dsn) as backend, pytest.raises(BackendError, match=said):
        backend.push("all", messages("a"))
    server.close()


@pytest.mark.parametrize(
    "answers",
    [
        (b"WATCHING 2\r\nWATCHING 1\r\n", b"RESERVED 1 100\r\nhalf of it"),
        (b"WATCHING 2\r\nWATCHING 1\r\n", b"RESERV"),
        (b"WATCHING 2\r\nWATCHING 1\r\n",),
        (b"WATC",),
    ],
)
def test_a_reply_that_breaks_off_is_an_error_and_no_message(answers: tuple[bytes, ...]) -> None:
    server = Impostor(*answers)
    with opened(server.dsn) as backend, pytest.raises(BackendUnavailable, match=r"closed the connection|reset by peer"):
        backend.consumer(["all"], 30.0).reserve(1, 0.0)
    server.close()


@pytest.mark.parametrize(
    "answer",
    [b"RESERVED 1 4\r\ntoo long for that\r\n", b"RESERVED x 4\r\nbody\r\n", b"RESERVED 1\r\n", b"x" * 2000, b"OK\r\n"],
)
def test_a_reply_that_makes_no_sense_is_an_error_and_no_message(answer: bytes) -> None:
    server = Impostor(b"WATCHING 2\r\nWATCHING 1\r\n", answer, closes=False)
    with opened(server.dsn) as backend, pytest.raises(BackendError, match="which no beanstalkd does"):
        backend.consumer(["all"], 30.0).reserve(1, 0.0)
    server.close()


def test_something_else_on_the_port_is_no_beanstalkd() -> None:
    server = Impostor(max_job=0)
    server._stats = b"hello"
    with opened(server.dsn) as backend, pytest.raises(BackendError, match="which no beanstalkd does"):
        backend.ping()
    server.close()


def test_a_server_that_stands_still_is_an_error_in_time_that_says_that_the_push_may_have_happened(
    own_server: Server,
) -> None:
    with opened(f"{own_server.dsn}&timeout=3") as backend:
        backend.push("all", messages("a"))
        own_server.signal(signal.SIGSTOP)
        with pytest.raises(BackendUnavailable, match="may have happened") as caught:
            backend.push("all", messages("b"))
        assert caught.value.maybe_applied
        own_server.signal(signal.SIGCONT)
        until(lambda: backend.size("all").ready == 2)
