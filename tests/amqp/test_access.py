"""Who may connect and do what: TLS with certificates on both sides, and the rights of users."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest
from alligator_amqp.backend import AmqpBackend

from alligator_core.backend import Ack, Bury, Message
from alligator_core.errors import BackendError, BackendUnavailable
from tests.amqp.helpers import opened
from tests.amqp.servers import PATIENCE, Server
from tests.certificates import make_certificates
from tests.messages import ids_of, messages, new_queue
from tests.waiting import free_port

RIGHTS: Final = {
    "enough": (r"^alligator\.", ".*", r"^alligator\."),
    "no-configure": ("^$", ".*", ".*"),
    "no-write": (".*", "^$", ".*"),
    "no-read": (".*", ".*", "^$"),
}
"""Of users, to configure, write and read. `enough` is what the README says."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, folder: Path) -> Iterator[tuple[Server, str]]:
    """A server with some users, and the address at which it wants certificates of its clients."""
    port = free_port()
    (folder / "definitions.json").write_text(json.dumps(definitions()))
    server = Server(
        tmp_path_factory.mktemp("tls"),
        f"load_definitions = {folder}/definitions.json",
        f"listeners.ssl.default = 127.0.0.1:{port}",
        f"ssl_options.cacertfile = {folder}/ca.crt",
        f"ssl_options.certfile = {folder}/server.crt",
        f"ssl_options.keyfile = {folder}/server.key",
        "ssl_options.verify = verify_peer",
        "ssl_options.fail_if_no_peer_cert = true",
    )
    yield server, f"localhost:{port}"
    server.kill()


@pytest.fixture(scope="module")
def address(server: tuple[Server, str]) -> str:
    return server[1]


def test_with_certificates_on_both_sides_messages_come_and_go(address: str, folder: Path) -> None:
    own = f"ca={folder}/ca.crt&cert={folder}/client.crt&key={folder}/client.key"
    with opened(f"amqps://{address}/?{own}") as backend:
        queue = new_queue()
        # More than one record of TLS, both ways.
        backend.push(queue, messages(*(f"{number:0200}" for number in range(600))))
        consumer = backend.consumer([queue], 30.0)
        held = consumer.reserve(600, PATIENCE)
        assert ids_of(held) == [f"{number:0200}" for number in range(600)]
        assert consumer.settle([Ack(each) for each in held]) == []
        consumer.close()


def test_an_authority_that_nobody_knows_is_refused(address: str) -> None:
    with (
        opened(f"amqps://{address}/") as backend,
        pytest.raises(BackendError, match="certificate verify failed") as caught,
    ):
        backend.push(new_queue(), messages("a"))
    assert "nothing was sent" in str(caught.value)


def test_without_verification_any_server_will_do(address: str, folder: Path) -> None:
    own = f"cert={folder}/client.crt&key={folder}/client.key"
    with opened(f"amqps://{address}/?verify=no&{own}") as backend:
        backend.push(new_queue(), messages("a"))


def test_a_client_without_a_certificate_is_refused(address: str, folder: Path) -> None:
    with opened(f"amqps://{address}/?ca={folder}/ca.crt&timeout=2") as backend, pytest.raises(BackendError):
        backend.push(new_queue(), messages("a"))


def test_tls_at_a_port_without_it_is_an_error_that_says_so(server: tuple[Server, str], folder: Path) -> None:
    with (
        opened(f"{server[0].dsn.replace('amqp:', 'amqps:')}?ca={folder}/ca.crt&timeout=2") as backend,
        pytest.raises(BackendError, match="can't be reached"),
    ):
        backend.push(new_queue(), messages("a"))


def definitions() -> dict[str, Any]:
    """Return what a server is to begin with; it makes no guest then."""
    names = ["guest", *RIGHTS]
    return {
        "vhosts": [{"name": "/"}, {"name": "a limit"}],
        "users": [{"name": name, "password": "guest" if name == "guest" else "sesame", "tags": ""} for name in names],
        "permissions": [
            {"user": name, "vhost": "/", **dict(zip(("configure", "write", "read"), rights, strict=True))}
            for name, rights in (("guest", (".*", ".*", ".*")), *RIGHTS.items())
        ],
    }


@contextmanager
def as_user(server: tuple[Server, str], name: str) -> Iterator[AmqpBackend]:
    with opened(server[0].dsn.replace("://", f"://{name}:sesame@")) as backend:
        yield backend


def test_the_rights_that_the_readme_names_are_enough(server: tuple[Server, str]) -> None:
    with as_user(server, "enough") as backend:
        queue = new_queue()
        backend.push(queue, [*messages("a", "b"), Message("late", b"", delay=0.2)])
        consumer = backend.consumer([queue], 30.0)
        held = [each for _ in range(3) for each in consumer.reserve(1, PATIENCE)]
        assert {*ids_of(held)} == {"a", "b", "late"}
        assert consumer.settle([*(Ack(each) for each in held[:2]), Bury(held[2], "no good")]) == []
        consumer.close()
        assert [entry.id for entry in backend.dead(queue)] == [held[2].id]
        assert backend.requeue(queue) == [held[2].id]
        assert backend.size(queue).ready == 1


@pytest.mark.parametrize("name", ["no-configure", "no-write"])
def test_who_may_not_push_is_told_what_to_grant(server: tuple[Server, str], name: str) -> None:
    with as_user(server, name) as backend, pytest.raises(BackendError) as caught:
        backend.push(new_queue(), messages("a"))
    assert not isinstance(caught.value, BackendUnavailable)
    assert "rabbitmqctl set_permissions" in str(caught.value)
    assert "sesame" not in str(caught.value)


def test_who_may_not_read_is_told_what_to_grant(server: tuple[Server, str]) -> None:
    with as_user(server, "no-read") as backend:
        queue = new_queue()
        backend.push(queue, messages("a"))
        consumer = backend.consumer([queue], 30.0)
        with pytest.raises(BackendError, match="rabbitmqctl set_permissions"):
            consumer.reserve(1, 0.0)
        consumer.close()
    with opened(server[0].dsn) as backend:
        assert backend.size(queue).ready == 1


def test_a_limit_of_connections_is_no_question_of_rights(server: tuple[Server, str]) -> None:
    with opened(f"{server[0].dsn}a%20limit") as backend, pytest.raises(BackendError) as without_rights:
        backend.ping()
    assert not isinstance(without_rights.value, BackendUnavailable)
    server[0].ctl("set_permissions", "-p", "a limit", "guest", ".*", ".*", ".*")
    server[0].ctl("set_vhost_limits", "-p", "a limit", '{"max-connections": 0}')
    with opened(f"{server[0].dsn}a%20limit") as backend:
        with pytest.raises(BackendUnavailable, match="raise the limit of the vhost or the user"):
            backend.ping()
        server[0].ctl("clear_vhost_limits", "-p", "a limit")
        backend.ping()
