from __future__ import annotations

import os
import pty
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from alligator import Gator
from alligator_core.backend import Bury, Message
from alligator_core.cli.dead import CHUNK

Shell = Callable[..., tuple[int, str, str]]


def bury_raw(gator: Gator, *bodies: bytes, reason: str = "It is no task.") -> list[str]:
    """Put messages straight among the dead letters."""
    ids = [f"raw-{number}" for number in range(len(bodies))]
    consumer = gator.backend.consumer(["all"], 60.0)
    for start in range(0, len(ids), 1000):
        gator.backend.push("all", [Message(*pair) for pair in zip(ids, bodies, strict=True)][start : start + 1000])
        consumer.settle([Bury(delivery, reason) for delivery in consumer.reserve(1000, 0.0)])
    consumer.close()
    return ids


def test_dead_letters_are_listed_latest_first(run_json: Any, bury: Any, dsn: str, shop: str) -> None:
    first, second = bury(1, 2)

    found = run_json("dead", "list", dsn)

    assert (found["queue"], found["total"], found["offset"]) == ("all", 2, 0)
    assert [letter["id"] for letter in found["dead"]] == [second, first]
    letter = found["dead"][0]
    assert letter["reason"] == "ValueError: no number 2 (attempt 1 of 1)"
    assert (letter["task"], letter["attempt"], letter["retries"], letter["deliveries"]) == (f"{shop}:fail", 1, 0, 1)
    assert set(letter) == {
        "id", "reason", "buried_at", "deliveries", "task", "attempt", "retries", "enqueued_at", "unreadable", "size",
    }  # fmt: skip


def test_dead_letters_are_listed_page_by_page(run: Any, run_json: Any, bury: Any, dsn: str) -> None:
    first, second, third = bury(1, 2, 3)

    found = run_json("dead", "list", dsn, "--limit", "1", "--offset", "1")
    result = run("dead", "list", dsn, "--limit", "2")

    assert (found["total"], found["offset"], [it["id"] for it in found["dead"]]) == (3, 1, [second])
    assert re.match(r"ID +BURIED +TASK +ATTEMPT +REASON", result.stdout)
    assert first not in result.stdout
    assert third in result.stdout
    assert "2 of 3 dead letters on the queue 'all', more with --offset 2." in result.stderr


def test_no_dead_letters_is_no_error(run: Any, run_json: Any, dsn: str) -> None:
    assert run("dead", "list", dsn).stdout == ""
    assert run_json("dead", "list", dsn) == {"queue": "all", "total": 0, "offset": 0, "dead": []}


def test_a_dead_letter_that_nobody_can_read_is_listed_all_the_same(
    run: Any, run_json: Any, gator: Any, dsn: str
) -> None:
    bury_raw(gator, b"\xff\x00 garbage", reason="bad\x1b[2J")

    assert "(unreadable)" in run("dead", "list", dsn).stdout
    assert "bad\\x1b[2J" in run("dead", "list", dsn).stdout
    shown = run_json("dead", "show", dsn, "raw-0", "--args")
    assert shown["unreadable"].startswith("It is no Alligator message")
    assert (shown["task"], shown["args"], shown["size"]) == (None, None, 10)


def test_a_message_with_a_signature_is_read_by_whoever_knows_the_secret(
    run: Any, run_json: Any, dsn: str, shop: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALLIGATOR_SECRET", "a secret of the operator")
    (id,) = run("enqueue", dsn, f"{shop}:fail", "1").stdout.split()
    assert run_json("peek", dsn, id)["task"] == f"{shop}:fail"
    monkeypatch.delenv("ALLIGATOR_SECRET")
    assert run_json("peek", dsn, id)["unreadable"].startswith("It is signed, and this worker has no secret")
    assert run("cancel", dsn, id).stdout.split() == [id]


def test_a_dead_letter_without_a_signature_is_listed_shown_and_put_back_all_the_same(
    run: Any, run_json: Any, bury: Any, dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (id,) = bury(1)
    monkeypatch.setenv("ALLIGATOR_SECRET", "a secret of the operator")
    assert "(unreadable)" in run("dead", "list", dsn).stdout
    assert run_json("dead", "show", dsn, id)["unreadable"].startswith("It isn't signed")
    assert run_json("dead", "requeue", dsn, id)["requeued"] == [id]


def test_a_dead_letter_is_shown_with_its_traceback_and_its_arguments_on_demand(
    run: Any, run_json: Any, bury: Any, dsn: str, shop: str
) -> None:
    (id,) = bury(12345)

    found = run_json("dead", "show", dsn, id)
    text = run("dead", "show", dsn, id).stdout

    assert found["traceback"].splitlines()[0] == "Traceback (most recent call last):"
    assert found["traceback"].splitlines()[-1] == "ValueError: no number 12345"
    assert "args" not in found
    assert f"task         {shop}:fail" in text
    assert "\n\nTraceback (most recent call last):\n" in text
    assert "args         12345" in run("dead", "show", dsn, id, "--args").stdout
    assert run_json("dead", "show", dsn, id, "--args")["args"] == [12345]


def test_a_dead_letter_is_shown_without_importing_its_function(
    run_json: Any, bury: Any, dsn: str, shop: str, folder: Path
) -> None:
    (id,) = bury(1)
    (folder / f"{shop}.py").write_text("raise SystemExit('imported')")

    assert run_json("dead", "show", dsn, id)["task"] == f"{shop}:fail"


def test_a_dead_letter_that_is_not_there_is_exit_code_1(run: Any, dsn: str) -> None:
    assert "No dead letter 'gone' on the queue 'all'." in run("dead", "show", dsn, "gone", code=1).stderr


def test_dead_letters_are_requeued_by_id(run: Any, run_json: Any, bury: Any, gator: Gator, dsn: str) -> None:
    first, second = bury(1, 2)

    found = run_json("dead", "requeue", dsn, first, "gone", first, code=1)

    assert found == {"queue": "all", "requeued": [first], "not_requeued": ["gone"]}
    assert (gator.len(), [letter.id for letter in gator.dead()]) == (1, [second])
    assert run("dead", "requeue", dsn, second).stdout == "Requeued 1 task.\n"


def test_all_dead_letters_are_requeued_in_chunks(run_json: Any, gator: Gator, dsn: str) -> None:
    ids = bury_raw(gator, *[b"x"] * (2 * CHUNK + 1))

    found = run_json("dead", "requeue", dsn, "--all")

    assert (sorted(found["requeued"]), found["not_requeued"]) == (sorted(ids), [])
    assert (gator.size().ready, gator.size().dead) == (len(ids), 0)


def test_a_dead_letter_whose_id_waits_again_stays(run_json: Any, run: Any, gator: Gator, dsn: str) -> None:
    bury_raw(gator, b"x", b"y")
    gator.backend.push("all", [Message("raw-0", b"again")])

    assert run_json("dead", "requeue", dsn, "--all", code=1) == {
        "queue": "all", "requeued": ["raw-1"], "not_requeued": ["raw-0"],
    }  # fmt: skip
    assert "waiting again already: raw-0" in run("dead", "requeue", dsn, "--all", code=1).stderr


def test_dead_letters_are_purged_by_id(run: Any, run_json: Any, bury: Any, gator: Gator, dsn: str) -> None:
    first, second = bury(1, 2)

    assert run_json("dead", "purge", dsn, first, "gone", code=1) == {"queue": "all", "purged": 1, "not_found": ["gone"]}
    assert [letter.id for letter in gator.dead()] == [second]
    assert run("dead", "purge", dsn, second).stdout == "Removed 1 dead letter.\n"


def test_all_dead_letters_are_purged_when_told_yes(run: Any, run_json: Any, gator: Gator, dsn: str) -> None:
    bury_raw(gator, *[b"x"] * (CHUNK + 1))

    assert "say --yes" in run("dead", "purge", dsn, "--all", code=2).stderr
    assert gator.size().dead == CHUNK + 1
    assert run_json("dead", "purge", dsn, "--all", "--yes") == {"queue": "all", "purged": CHUNK + 1, "not_found": []}
    assert gator.size().dead == 0


@pytest.mark.parametrize("command", ["requeue", "purge"])
def test_ids_and_all_are_one_or_the_other(run: Any, dsn: str, command: str) -> None:
    assert "Name the ids, or say --all." in run("dead", command, dsn, code=2).stderr
    assert "Name the ids or say --all, not both." in run("dead", command, dsn, "x", "--all", code=2).stderr


def test_the_environment_serves_for_dead_letters(
    run_json: Any, monkeypatch: pytest.MonkeyPatch, bury: Any, dsn: str
) -> None:
    (id,) = bury(1)
    monkeypatch.setenv("ALLIGATOR_CONN", dsn)

    assert run_json("dead", "show", "-", id)["id"] == id
    assert run_json("dead", "requeue", "--all")["requeued"] == [id]


def test_a_progress_bar_is_drawn_on_a_terminal_only(shell: Shell, folder: Path) -> None:
    (folder / "graveyard.py").write_text(
        "from alligator import Gator\nfrom alligator_core.backend import Bury, Message\ngator = Gator('locmem://')\n"
        "gator.backend.push('all', [Message(str(n), b'x') for n in range(3)])\n"
        "consumer = gator.backend.consumer(['all'], 60)\n"
        "consumer.settle([Bury(delivery, 'bad') for delivery in consumer.reserve(3, 0)])\n"
    )
    ours, theirs = pty.openpty()

    shown = shell("alligator", "dead", "requeue", "graveyard:gator", "--all", stderr=theirs)
    hidden = shell("alligator", "dead", "requeue", "graveyard:gator", "--all")

    assert "Requeueing" in os.read(ours, 10_000).decode()
    assert "Requeueing" not in hidden[2]
    assert shown[:2] == hidden[:2] == (0, "Requeued 3 tasks.\n")
    os.close(ours)
    os.close(theirs)
