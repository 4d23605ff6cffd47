"""The plugin in an app that has set up logging by itself, and in producers."""

from __future__ import annotations

import io
import logging
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import structlog
from alligator_logging import Logging, TaskContext, mask_secrets
from alligator_logging.event import Event

from alligator import SUCCESS, Gator, OptionError, Worker, hookimpl

from . import jobs


def gator_with(**settings: Any) -> Gator:
    return Gator("locmem://", plugins=[Logging(**settings)])


def drain(gator: Gator, **options: Any) -> None:
    Worker(gator, burst=True, max_tasks=100, **options).run_forever()


@pytest.fixture(autouse=True)
def _at_info(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)


def events(caplog: pytest.LogCaptureFixture) -> list[tuple[str, dict[str, Any]]]:
    return [(each.msg.name, vars(each)["alligator"]) for each in caplog.records if isinstance(each.msg, Event)]


def names(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [name for name, _ in events(caplog)]


def test_a_producer_says_what_it_enqueued(caplog: pytest.LogCaptureFixture) -> None:
    gator_with().options(task_id="a", queue_name="mail", delay_by=60).task(jobs.speak, "hush")
    assert events(caplog) == [
        ("task enqueued", {"task_id": "a", "task": "tests.logging.jobs:speak", "queue": "mail", "delay": 60.0})
    ]
    assert caplog.messages == ["task enqueued task_id=a task=tests.logging.jobs:speak queue=mail delay=60.0"]


def test_a_producer_does_not_import_structlog() -> None:
    code = (
        "import sys, logging; logging.basicConfig(level='INFO'); from alligator import Gator; "
        "from alligator_logging import Logging; import tests.workspace.quickstart as q; "
        "Gator('locmem://', plugins=[Logging()]).task(q.read, ''); print('structlog' in sys.modules)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert ran.stdout == "False\n"
    assert "task enqueued task_id=" in ran.stderr


def test_arguments_are_not_logged_unless_asked_for(caplog: pytest.LogCaptureFixture) -> None:
    gator = gator_with()
    gator.task(jobs.log_in, "ann", "hush")
    drain(gator)
    assert "hush" not in caplog.text
    assert all("arguments" not in fields for _, fields in events(caplog))


def test_arguments_that_are_named_like_a_secret_are_masked(caplog: pytest.LogCaptureFixture) -> None:
    gator = gator_with(arguments=True)
    more = {"api_key": "hush", "author": "bob", "settings": [{"token": "hush", "dsn": "redis://ann:hush@host/0"}]}
    gator.task(jobs.log_in, "ann", "hush", **more)
    drain(gator)
    shown = [fields["arguments"] for _, fields in events(caplog) if "arguments" in fields]
    assert shown == 2 * [
        {
            "user": "'ann'",
            "password": "***",
            "more": "{api_key: ***, author: 'bob', settings: [{token: ***, dsn: 'redis://***@host/0'}]}",
        }
    ]
    assert "hush" not in caplog.text


def test_fields_of_a_dataclass_that_are_named_like_a_secret_are_masked(caplog: pytest.LogCaptureFixture) -> None:
    gator_with(arguments=True).task(jobs.speak, [jobs.Login("ann", "hush", "hush")])  # type: ignore[arg-type]
    assert events(caplog)[0][1]["arguments"] == {"word": "[Login(user='ann', password=***)]"}


def test_what_a_dataclass_shows_of_itself_is_all_that_is_shown(caplog: pytest.LogCaptureFixture) -> None:
    gator_with(arguments=True).task(jobs.speak, jobs.Discreet("hush"))  # type: ignore[arg-type]
    assert events(caplog)[0][1]["arguments"] == {"word": "Discreet()"}


@pytest.mark.parametrize("length", range(940, 1000, 5))
def test_a_url_in_a_long_error_shows_no_password(caplog: pytest.LogCaptureFixture, length: int) -> None:
    gator = gator_with()
    gator.task(jobs.fail, "x" * length + " redis://ann:hush-hush-hush@host/0")
    drain(gator)
    [error] = [fields["error"] for name, fields in events(caplog) if name == "task failed"]
    assert "hush" not in error


def test_a_redaction_of_the_apps_own_decides_what_is_shown(caplog: pytest.LogCaptureFixture) -> None:
    gator = gator_with(arguments=True, redact=lambda name, value: len(str(value)) if name == "user" else "…")
    gator.task(jobs.log_in, "ann", "hush")
    assert events(caplog)[0][1]["arguments"] == {"user": "3", "password": "…"}


def test_what_a_redaction_fails_on_is_not_shown_and_the_task_runs(caplog: pytest.LogCaptureFixture) -> None:
    def broken(name: str, value: object) -> object:
        raise LookupError(value)

    gator = gator_with(arguments=True, redact=broken)
    gator.task(jobs.log_in, "ann", "hush")
    drain(gator)
    assert "task succeeded" in names(caplog)
    assert events(caplog)[0][1]["arguments"]["password"] == "(not shown: LookupError)"
    assert "hush" not in caplog.text


def test_long_arguments_are_cut(caplog: pytest.LogCaptureFixture) -> None:
    gator_with(arguments=True).task(jobs.speak, "x" * 10_000)
    assert len(events(caplog)[0][1]["arguments"]["word"]) < 250


@pytest.mark.parametrize("name", ["password", "db_passwd", "api_key", "apikey", "access_token", "Authorization", "pwd"])
def test_names_of_secrets_are_known(name: str) -> None:
    assert mask_secrets(name, "hush") == "***"


@pytest.mark.parametrize("name", ["user", "author", "key", "passenger", "args[0]"])
def test_other_names_are_not(name: str) -> None:
    assert mask_secrets(name, "shown") == "shown"


def test_a_task_that_runs_in_process_is_logged_and_no_failure_twice(caplog: pytest.LogCaptureFixture) -> None:
    gator = gator_with()
    with pytest.raises(ValueError, match="no"):
        gator.options(retries=1, is_async=False).task(jobs.fail)
    steps = ["task started", "task failed", "task retried", "task started", "task failed", "task dead"]
    assert names(caplog) == steps
    assert len(caplog.records) == len(steps)


def test_a_gator_without_the_plugin_keeps_its_own_lines(caplog: pytest.LogCaptureFixture) -> None:
    gator = gator_with()
    gator.task(jobs.speak, "hush")
    drain(gator)
    caplog.clear()
    other = Gator("locmem://", plugins=[])
    other.task(jobs.fail)
    drain(other)
    assert "failed for good at attempt 1" in caplog.text
    assert names(caplog) == []


@contextmanager
def handler_with(layout: str) -> Iterator[io.StringIO]:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logging.Formatter(layout, defaults={"task_id": "?", "task": "?"}))
    logging.root.addHandler(handler)
    try:
        yield stream
    finally:
        logging.root.removeHandler(handler)


@pytest.mark.parametrize("options", [{}, {"threads": 2}, {"async_limit": 2}])
@pytest.mark.parametrize("function", [jobs.speak, jobs.speak_soon])
def test_a_handler_of_the_apps_own_finds_the_task_in_each_record_while_a_worker_runs(
    function: Any, options: dict[str, Any]
) -> None:
    gator = gator_with()
    with handler_with("%(name)s [%(task_id)s] %(message)s") as stream:
        gator.options(task_id="a").task(function, "hush")
        drain(gator, **options)
        logging.getLogger("shop").warning("after")
    lines = stream.getvalue().splitlines()
    assert "shop [a] said hush" in lines
    assert "shop [?] after" in lines
    assert [line for line in lines if "[-] worker started" in line]


def test_the_filter_may_be_set_by_hand() -> None:
    record = logging.LogRecord("shop", logging.INFO, "", 1, "said", (), None)
    assert TaskContext().filter(record)
    assert (vars(record)["task_id"], vars(record)["task"]) == ("-", "-")


def test_an_app_that_has_set_up_structlog_gets_the_events_there(caplog: pytest.LogCaptureFixture) -> None:
    capture = structlog.testing.LogCapture()
    structlog.configure(processors=[structlog.contextvars.merge_contextvars, capture])
    gator = gator_with()
    gator.options(task_id="a").task(jobs.speak, "hush")
    gator.options(task_id="b").task(jobs.fail)
    drain(gator)
    seen = [(each["event"], each["log_level"], each.get("task_id")) for each in capture.entries]
    assert [each for each in seen if each[2] == "a"] == [
        ("task enqueued", "info", "a"),
        ("task started", "info", "a"),
        ("sung", "info", "a"),
        ("task succeeded", "info", "a"),
    ]
    assert [name for name, _, id in seen if id == "b"][-2:] == ["task failed", "task dead"]
    assert names(caplog) == []


def test_a_log_that_breaks_fails_no_task(caplog: pytest.LogCaptureFixture) -> None:
    def broken(*_: object) -> None:
        raise LookupError("no disk")

    structlog.configure(processors=[broken])
    gator = gator_with()
    task = gator.options(is_async=False).task(jobs.log_in, "ann", "hush")
    assert task.status == SUCCESS
    assert "Plugin alligator_logging failed in before_task" in caplog.text


def test_hooks_of_others_are_followed_too(caplog: pytest.LogCaptureFixture) -> None:
    class Speaking:
        @hookimpl
        def before_task(self) -> None:
            jobs.log.info("bound %s", sorted(structlog.contextvars.get_contextvars().items()))

    gator = gator_with()
    gator.plugins.register(Speaking())
    gator.options(task_id="a").task(jobs.speak, "hush")
    drain(gator)
    assert "bound [('task', 'tests.logging.jobs:speak'), ('task_id', 'a')]" in caplog.text
    assert structlog.contextvars.get_contextvars() == {}


def test_another_style_is_an_error() -> None:
    with pytest.raises(OptionError, match="style='xml': it must be text or json"):
        Logging(style="xml")


def test_secrets_are_masked_however_deep_they_lie(caplog: pytest.LogCaptureFixture) -> None:
    deep: dict[str, Any] = {"token": "hush"}
    for _ in range(8):
        deep = {"deeper": [deep]}
    gator_with(arguments=True).task(jobs.log_in, "ann", "hush", credentials={"ann": "hush"}, deep=deep, none={})
    assert "hush" not in caplog.text
    assert events(caplog)[0][1]["arguments"]["more"].startswith("{credentials: ***, deep: {deeper: [")


def test_an_event_is_text_in_which_no_value_passes_for_a_field_or_a_line() -> None:
    event = Event("task failed", {"attempt": 1, "error": "ValueError: no\ntask_id=2", "task_id": "a b"})
    assert event == r"task failed attempt=1 error='ValueError: no\ntask_id=2' task_id='a b'"


def test_the_installed_plugin_is_found(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setenv("ALLIGATOR_PLUGINS", "logging")
    Gator("locmem://").task(jobs.speak, "hush")
    assert names(caplog) == ["task enqueued"]
