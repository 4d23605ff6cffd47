from __future__ import annotations

import json
import logging
import os
import re
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from alligator_core.task_log import JsonLines, LineHandler, TextLines

FIELDS = {
    "task": "shop:send", "id": "019abc", "queue": "all", "outcome": "success", "attempt": 1, "deliveries": 1,
    "seconds": 0.0012, "waited": 0.5,
}  # fmt: skip


def record(message: Any = "Hello %s", *args: Any, name: str = "alligator.task", **more: Any) -> logging.LogRecord:
    made = logging.LogRecord(name, logging.INFO, "x.py", 1, message, args or ("Ann",), more.pop("exc_info", None))
    made.__dict__.update(more)
    return made


def failure(error: Exception) -> Any:
    try:
        raise error
    except (KeyError, OSError, Unshowable):
        return sys.exc_info()


def as_json(made: logging.LogRecord) -> dict[str, Any]:
    line = JsonLines("web").format(made)
    assert "\n" not in line
    found: dict[str, Any] = json.loads(line, parse_constant=pytest.fail)
    return found


class Unshowable(Exception):
    def __repr__(self) -> str:
        raise ValueError("no")

    __str__ = __repr__


def test_a_text_line_has_time_level_worker_and_message() -> None:
    line = TextLines("web").format(record(created=1_000_000_000.25, msecs=250.0))

    assert re.fullmatch(rf"2001-09-\d\d \d\d:\d\d:\d\d\.250 INFO web:{os.getpid()} Hello Ann", line)


def test_a_text_line_names_a_logger_that_is_not_ours() -> None:
    assert TextLines("web").format(record(name="shop.mail")).endswith(" shop.mail: Hello Ann")


def test_the_time_follows_the_records_in_any_order() -> None:
    lines = JsonLines("web")

    times = [json.loads(lines.format(record(created=second, msecs=0.0)))["time"] for second in (0.0, 86400.0, 0.5)]

    assert times == ["1970-01-01T00:00:00.000Z", "1970-01-02T00:00:00.000Z", "1970-01-01T00:00:00.000Z"]


def test_nothing_in_a_message_can_pass_for_another_line_or_steer_a_terminal() -> None:
    line = TextLines("web").format(record("id %s", "a\n2001-09-09 forged\x1b[2J\r"))

    assert line.endswith("id a\n    2001-09-09 forged\\x1b[2J\\r")


def test_a_text_line_has_the_traceback_below() -> None:
    lines = TextLines("web").format(record(exc_info=failure(KeyError("x")))).splitlines()

    assert (lines[1], lines[-1]) == ("Traceback (most recent call last):", "KeyError: 'x'")


def test_a_json_line_has_the_fields_of_the_task() -> None:
    found = as_json(record(alligator=FIELDS))

    assert list(found)[:4] == ["time", "level", "logger", "message"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", found.pop("time"))
    assert found == {
        **FIELDS, "level": "INFO", "logger": "alligator.task", "message": "Hello Ann",
        "worker": f"web:{os.getpid()}", "pid": os.getpid(),
    }  # fmt: skip


def test_a_json_line_has_the_traceback_in_a_field() -> None:
    found = as_json(record(exc_info=failure(KeyError("x"))))

    assert found["exception"].splitlines()[-1] == "KeyError: 'x'"
    assert found["worker"] == f"web:{os.getpid()}"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (float("nan"), "nan"),
        (b"\xff", "b'\\xff'"),
        ("\udcff", "\udcff"),
        ({1: 2}, {"1": 2}),
        ({(1, 2): 3}, "{(1, 2): 3}"),
        (Unshowable(), "<Unshowable, which can't be shown: ValueError>"),
        ([float("inf")], "[inf]"),
    ],
)
def test_a_json_line_shows_any_value(value: object, shown: object) -> None:
    assert as_json(record(alligator={**FIELDS, "id": value}))["id"] == shown


def test_a_field_of_any_name_cannot_hide_what_a_line_always_has() -> None:
    found = as_json(record(alligator={"level": "x", (1, 2): "odd", "time": "y"}))

    assert (found["level"], found["(1, 2)"]) == ("INFO", "odd")


@pytest.mark.parametrize("lines", [TextLines("web"), JsonLines("web")])
def test_what_cannot_be_shown_is_logged_all_the_same(lines: logging.Formatter) -> None:
    assert "its arguments can't be shown: TypeError" in lines.format(record("%d", "x"))
    assert "can't be shown: ValueError" in lines.format(record("%s", Unshowable()))
    assert "Unshowable" in lines.format(record(exc_info=failure(Unshowable())))


@pytest.mark.parametrize("lines", [TextLines("web"), JsonLines("web")])
def test_no_line_shows_the_password_of_a_url(lines: logging.Formatter) -> None:
    url = "redis://user:s3c/r3@t@host/1"

    line = lines.format(record("Lost %s of ann@example.org", url, exc_info=failure(OSError(f"at {url}"))))

    assert line.count("redis://***@host/1") == 2
    assert "s3c" not in line
    assert "r3" not in line
    assert "ann@example.org" in line


def test_threads_write_whole_lines(tmp_path: Path) -> None:
    log = logging.getLogger(f"test.{uuid4().hex}")
    log.setLevel("INFO")
    log.propagate = False
    fd = os.open(tmp_path / "log", os.O_CREAT | os.O_APPEND | os.O_WRONLY)
    handler = LineHandler(fd)
    handler.setFormatter(JsonLines("web"))
    log.addHandler(handler)

    def write(number: int) -> None:
        for _ in range(500):
            log.info("%d %s", number, "x" * 500)

    threads = [threading.Thread(target=write, args=[number]) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    handler.flush()

    os.close(fd)
    said = [json.loads(line)["message"][0] for line in (tmp_path / "log").read_text().splitlines()]
    assert sorted(said) == sorted("0123" * 500)


def test_a_log_whose_reader_is_gone_stops_nothing() -> None:
    ours, theirs = os.pipe()
    os.close(ours)
    handler = LineHandler(theirs)

    assert handler.handle(record())

    os.close(theirs)


def test_a_log_that_nobody_reads_loses_lines_and_stops_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("alligator_core.task_log.PATIENCE", 0.01)
    ours, theirs = os.pipe()
    os.set_blocking(theirs, False)
    handler = LineHandler(theirs)

    for _ in range(5):
        handler.handle(record("x" * 100_000))
    handler.flush()

    os.close(ours)
    os.close(theirs)


def read(fd: int) -> list[bytes]:
    return [line.rpartition(b" ")[2] for line in os.read(fd, 100_000).splitlines()]


def test_a_line_is_written_at_once_and_those_that_follow_fast_soon_after() -> None:
    ours, theirs = os.pipe()
    handler = LineHandler(theirs)
    now = time.time()

    handler.handle(record("%s", "one", created=now))
    assert read(ours) == [b"one"]
    handler.handle(record("%s", "two", created=now + 0.001))
    assert read(ours) == [b"two"]  # by the thread, for which this waits
    handler.handle(record("%s", "three", created=now + 0.002))
    handler.handle(record("%s", "four", created=now + 60))

    said = read(ours)
    assert said + (read(ours) if len(said) < 2 else []) == [b"three", b"four"]
    os.close(theirs)
    os.close(ours)


def test_a_warning_is_written_at_once_with_all_that_came_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("alligator_core.task_log.TOGETHER", 60.0)
    ours, theirs = os.pipe()
    handler = LineHandler(theirs)
    for word in ("one", "two"):
        handler.handle(record("%s", word))

    handler.handle(record("%s", "three", levelno=logging.WARNING))

    assert read(ours) == [b"one", b"two", b"three"]
    os.close(theirs)
    os.close(ours)


def test_a_process_that_ends_writes_what_waits() -> None:
    code = """
import logging, os, sys
from alligator_core import task_log
task_log.TOGETHER = 60.0
task_log.set_up_log("text", "INFO")
for number in range(3):
    logging.info("line %d", number)
if os.fork() == 0:
    logging.info("child")
    logging.shutdown()
    os._exit(0)
os.wait()
"""

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert [line.rpartition(": ")[2] for line in done.stderr.splitlines()] == ["line 0", "child", "line 1", "line 2"]


@pytest.mark.parametrize("owner", ["", "alligator"])
def test_an_app_that_sets_up_logging_has_its_way(owner: str) -> None:
    code = f"""
import logging
from alligator_core.task_log import set_up_log
logging.getLogger({owner!r}).addHandler(logging.NullHandler())
assert not set_up_log("text", "INFO")
assert [type(handler) for handler in logging.getLogger({owner!r}).handlers] == [logging.NullHandler]
"""

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_lines_go_to_stderr_from_the_level_on() -> None:
    code = """
import logging
from alligator_core.task_log import set_up_log
assert set_up_log("json", "WARNING", "mailer")
logging.getLogger("shop").info("no")
logging.getLogger("shop").warning("yes")
"""

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert json.loads(done.stderr)["message"] == "yes"
    assert json.loads(done.stderr)["worker"].startswith("mailer:")
