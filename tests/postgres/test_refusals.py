"""What can't work, and what the user is told then."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from alligator_core.backend import Message
from alligator_core.errors import AlligatorException, BackendError, BackendUnavailable, DsnError, OptionError, PushError
from tests.postgres.helpers import messages, new_queue, open_backend
from tests.postgres.servers import PASSWORD, Server
from tests.waiting import free_port


def refusal(dsn: str) -> AlligatorException:
    """Return the error of a push."""
    backend = open_backend(dsn)
    with pytest.raises(AlligatorException) as caught:
        backend.push(new_queue(), messages("a"))
    backend.close()
    return caught.value


def test_a_wrong_password_is_no_passing_trouble(postgres: Server) -> None:
    error = refusal(postgres.dsn_of(user="locked", password="wr0ng"))
    assert re.search("password", str(error))
    assert not isinstance(error, BackendUnavailable)
    assert "wr0ng" not in f"{error} {error.__cause__} {vars(error.__cause__)}"


def test_a_missing_password_is_no_passing_trouble(postgres: Server) -> None:
    error = refusal(postgres.dsn_of(user="locked"))
    assert not isinstance(error, BackendUnavailable)
    assert "percent-encode" in str(error)


def test_a_password_with_special_characters_is_read(postgres: Server) -> None:
    postgres.execute("CREATE SCHEMA of_locked AUTHORIZATION locked")
    dsn = postgres.dsn_of(user="locked", password=PASSWORD.replace("/", "%2F").replace("@", "%40"))
    backend = open_backend(f"{dsn}?schema=of_locked")
    backend.push(new_queue(), messages("a"))
    backend.close()


def test_a_user_that_is_not_let_in_hears_of_the_rules(postgres: Server) -> None:
    error = refusal(postgres.dsn_of(user="banned"))
    assert "pg_hba.conf" in str(error)
    assert not isinstance(error, BackendUnavailable)


def test_an_unknown_role_is_refused(postgres: Server) -> None:
    error = refusal(postgres.dsn_of(user="nobody-knows"))
    assert not isinstance(error, BackendUnavailable)


def test_a_missing_database_is_told_with_the_remedy(postgres: Server) -> None:
    error = refusal(postgres.dsn_of("nowhere"))
    assert "createdb" in str(error)
    assert not isinstance(error, BackendUnavailable)


def test_a_server_that_is_not_there_may_come_back() -> None:
    error = refusal(f"postgres://127.0.0.1:{free_port()}/postgres")
    assert isinstance(error, BackendUnavailable)
    assert not error.maybe_applied


def test_a_user_without_rights_hears_what_to_grant(postgres: Server) -> None:
    postgres.execute("CREATE ROLE poor LOGIN")
    error = refusal(postgres.dsn_of(user="poor") + "?schema=not_there")
    assert "GRANT CREATE ON DATABASE" in str(error)
    assert not isinstance(error, BackendUnavailable)


def test_a_standby_or_read_only_database_is_told_apart(postgres: Server) -> None:
    postgres.execute("CREATE DATABASE frozen")
    backend = open_backend(postgres.dsn_of("frozen"))
    backend.size("all")
    postgres.execute("ALTER DATABASE frozen SET default_transaction_read_only = on")
    backend.close()
    error = refusal(postgres.dsn_of("frozen"))
    assert "read-only" in str(error)
    assert "target_session_attrs" in str(error)
    assert not isinstance(error, BackendUnavailable)


def test_tables_of_another_version_are_not_touched(postgres: Server) -> None:
    open_backend(f"{postgres.dsn}?schema=future").size("all")
    postgres.execute("COMMENT ON TABLE future.alligator_messages IS 'alligator 99'")
    error = refusal(f"{postgres.dsn}?schema=future")
    assert "alligator 99" in str(error)
    assert "schema=" in str(error)


def test_a_table_of_somebody_else_is_not_touched(postgres: Server) -> None:
    postgres.execute("CREATE SCHEMA taken")
    postgres.execute("CREATE TABLE taken.alligator_messages (id integer)")
    assert "another schema=" in str(refusal(f"{postgres.dsn}?schema=taken"))


def test_a_table_that_lost_a_column_is_told_with_the_remedy(postgres: Server) -> None:
    open_backend(f"{postgres.dsn}?schema=crippled").size("all")
    postgres.execute("ALTER TABLE crippled.alligator_messages DROP COLUMN stop CASCADE, DROP COLUMN rank CASCADE")
    error = refusal(f"{postgres.dsn}?schema=crippled")
    assert "another shape" in str(error)


def test_a_database_of_another_encoding_is_refused(postgres: Server) -> None:
    postgres.execute("CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'")
    assert "UTF8" in str(refusal(postgres.dsn_of("latin")))


def test_a_server_without_tls_is_told(postgres: Server) -> None:
    error = refusal(f"{postgres.dsn}?sslmode=require")
    assert "SSL" in str(error)
    assert not isinstance(error, BackendUnavailable)


@pytest.mark.parametrize("id", ["a\0b", "\ud800"])
def test_an_id_that_text_can_not_hold_is_refused_and_nothing_stored(postgres: Server, id: str) -> None:
    backend, queue = open_backend(postgres.dsn), new_queue()
    with pytest.raises(PushError):
        backend.push(queue, [Message(id, b"")])
    with pytest.raises(OptionError):
        backend.push(id, [Message("a", b"")])
    assert backend.size(queue).ready == 0
    assert (backend.cancel(queue, id), backend.peek(queue, id), backend.stop(queue, id)) == (None, None, False)
    assert (backend.dead(queue, [id]), backend.requeue(queue, [id]), backend.purge_dead(queue, [id])) == ([], [], 0)
    consumer = backend.consumer([queue], 30.0)
    assert consumer.get(queue, id) is None
    consumer.close()
    backend.close()


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("timeout=0", "more than 0"),
        ("schema=", "name"),
        ("sslmode=maybe", "verify-full"),
        ("sslrootcert=/nowhere", "no such file"),
        ("max_dead=0", "1 or more"),
        ("synchronous_commit=perhaps", "remote_apply"),
        ("shema=a", "schema"),
    ],
)
def test_a_bad_option_is_refused_with_what_it_should_be(query: str, says: str) -> None:
    with pytest.raises(OptionError, match=says):
        open_backend(f"postgres://localhost/db?{query}")


@pytest.mark.parametrize("dsn", ["postgres://localhost/a/b", "postgres://localhost/db?host=/run"])
def test_a_dsn_that_says_two_things_is_refused(dsn: str) -> None:
    with pytest.raises(DsnError):
        open_backend(dsn)


def test_a_full_disk_is_told_with_the_remedy(postgres: Server, tmp_path: Path) -> None:
    from alligator_postgres.failures import explained
    from psycopg import errors

    error = explained(errors.DiskFull("could not extend file"), "postgres://host/db", sent=True)
    assert type(error) is BackendError
    assert "make room" in str(error)
