"""What a server or a DSN refuses, and the error that says so."""

from __future__ import annotations

import traceback

import pytest

from alligator_core.errors import BackendError, BackendUnavailable, DsnError, OptionError
from tests.amqp.helpers import opened
from tests.messages import messages, new_queue
from tests.waiting import free_port


def test_a_wrong_password_is_refused_and_not_shown(rabbitmq: str) -> None:
    with opened(rabbitmq.replace("://", "://guest:sesame@")) as backend, pytest.raises(BackendError) as caught:
        backend.ping()
    assert "Check the user and the password" in str(caught.value)
    assert not isinstance(caught.value, BackendUnavailable)
    assert "sesame" not in "".join(traceback.format_exception(caught.value))


def test_an_unknown_vhost_is_refused(rabbitmq: str) -> None:
    with opened(f"{rabbitmq}nowhere") as backend, pytest.raises(BackendError, match="Check the vhost"):
        backend.ping()


def test_a_server_that_is_not_there_is_unavailable_and_nothing_was_sent() -> None:
    with opened(f"amqp://127.0.0.1:{free_port()}/") as backend:
        with pytest.raises(BackendUnavailable, match="nothing was sent") as caught:
            backend.push("all", messages("a"))
        assert not caught.value.maybe_applied


def test_the_first_node_that_answers_is_used(rabbitmq: str) -> None:
    with opened(rabbitmq.replace("://", f"://127.0.0.1:{free_port()},")) as backend:
        backend.ping()


def test_a_queue_made_in_another_way_is_refused(rabbitmq: str) -> None:
    queue = new_queue()
    with opened(rabbitmq) as backend:
        backend.push(queue, messages("a"))
    with opened(f"{rabbitmq}?priority=yes") as backend, pytest.raises(BackendError, match="made in another way"):
        backend.push(queue, messages("b"))


@pytest.mark.parametrize(
    ("dsn", "error", "match"),
    [
        ("amqp://host/?ca=x.pem", OptionError, "write amqps://"),
        ("amqps://host/?cert=x.pem", OptionError, "cert= and key= together"),
        ("amqps://host/?ca=/nowhere.pem", OptionError, "name PEM files"),
        ("amqp://user@host/", DsnError, "needs a user and a password"),
        ("amqp://host/?prefix=amq.x", OptionError, "must not begin with amq"),
        ("amqp://host/?timeout=0", OptionError, "more than 0"),
        (f"amqp://host/{'v' * 256}", DsnError, "255 bytes"),
    ],
)
def test_a_dsn_that_makes_no_sense_is_refused(dsn: str, error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=match), opened(dsn):
        pass
