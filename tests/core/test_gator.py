from __future__ import annotations

import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from alligator import (
    CANCELED,
    SUCCESS,
    ConfigurationError,
    DsnError,
    Gator,
    OptionError,
    PluginError,
    Task,
    UnknownPluginError,
    UnsupportedFeature,
)
from alligator_core.backend import Backend, Message
from alligator_core.dsn import Dsn

from . import jobs
from .backends import WatchedBackend
from .helpers import drain

SECRET = "watched://ann:hunter2@host/0?password=hunter2"


def test_a_task_that_is_enqueued_runs_once_in_a_worker(gator: Gator) -> None:
    task = gator.task(jobs.note, {"user": 7})
    assert gator.len() == 1
    assert drain(gator).tasks_run == 1
    assert jobs.ran == [{"user": 7}]
    assert gator.size() == (0, 0, 0, 0, True)
    assert task.name == "tests.core.jobs:note"


def test_tasks_run_in_the_order_they_were_made(gator: Gator) -> None:
    for number in range(20):
        gator.task(jobs.note, number)
    drain(gator)
    assert jobs.ran == list(range(20))


def test_typed_arguments_arrive_with_their_types(each_gator: Gator) -> None:
    order = jobs.Order(7, Decimal("12.50"), jobs.Color.RED, (3, 4))
    each_gator.task(jobs.ship, order, color=jobs.Color.BLUE)
    drain(each_gator)
    assert jobs.ran == [(order, jobs.Color.BLUE)]
    assert type(jobs.ran[0][0].size) is tuple


def test_a_gator_has_a_queue_of_its_own_choice() -> None:
    gator = Gator("locmem://queues-of-test-gator", "mail", plugins=[])
    gator.task(jobs.note, 1)
    assert (gator.queue_name, gator.len()) == ("mail", 1)
    assert Gator("locmem://queues-of-test-gator", plugins=[]).len() == 0


def test_what_a_gator_shows_never_holds_the_password(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    gator = Gator(SECRET, backend_class=WatchedBackend, plugins=[])
    task = gator.task(jobs.fail)
    drain(gator)
    assert isinstance(gator.backend, WatchedBackend)
    letter = gator.backend.inner.dead("all")[0]
    shown = [repr(gator), str(gator), repr(gator.dsn), repr(task), caplog.text, letter.reason]
    assert "Gator('watched://ann:***@host/0?password=***', 'all')" in shown
    assert "watched://ann:***@host" in caplog.text
    assert not any("hunter2" in each for each in shown)


def test_no_error_about_a_dsn_holds_the_password() -> None:
    for dsn in (SECRET, SECRET.replace("host/", "host:x/"), SECRET + "&password=hunter2"):
        with pytest.raises(ConfigurationError) as caught:
            Gator(dsn, plugins=[])
        assert "hunter2" not in str(caught.value)
        assert "***" in str(caught.value)


def test_an_unknown_scheme_is_an_error_that_names_what_is_there_and_what_to_install() -> None:
    with pytest.raises(
        UnknownPluginError, match=r"No backend for 'nosuchthing://h'. Install one: pip install alligator-nosuchthing"
    ) as caught:
        Gator("nosuchthing://h")
    assert caught.value.kind == "backend"
    assert "locmem" in caught.value.installed


def test_a_misspelt_scheme_is_an_error_that_suggests_the_nearest() -> None:
    with pytest.raises(UnknownPluginError, match=r"No backend for 'locmen://'. Did you mean 'locmem'\?"):
        Gator("locmen://")


def test_the_package_to_install_is_named_for_schemes_that_differ_from_it() -> None:
    # By the error itself: which of these packages are installed here is not this test's business.
    for scheme in ("rediss", "redis+sentinel"):
        assert "pip install alligator-redis" in str(UnknownPluginError("backend", scheme, []))


def test_an_option_that_the_backend_does_not_know_is_an_error() -> None:
    with pytest.raises(OptionError, match="locmem:// has no option 'timeout'"):
        Gator("locmem://?timeout=5")


@pytest.mark.parametrize("setting", [{"queue_name": ""}, {"is_async": "maybe"}])
def test_a_bad_setting_is_an_error_when_the_gator_is_made(setting: dict[str, Any]) -> None:
    with pytest.raises(OptionError):
        Gator("locmem://", **setting)


def test_nothing_is_connected_to_before_the_first_task() -> None:
    gator = Gator("watched://", backend_class=WatchedBackend, plugins=[])
    gator.options(retries=1)
    assert isinstance(gator.backend, WatchedBackend)
    assert gator.backend.calls == []


def test_a_backend_class_gets_the_dsn_without_the_option_that_is_the_cores() -> None:
    seen = []

    def build(dsn: Dsn) -> Backend:
        seen.append(dsn)
        return WatchedBackend(dsn)

    Gator("anything://h?serializer=json&x=1", backend_class=build, plugins=[])
    assert [dsn.options for dsn in seen] == [{"x": "1"}]


def test_a_gator_builds_another_backend_with_its_own_plugins(gator: Gator) -> None:
    other = gator.build_backend("locmem://")
    other.push("all", [Message("1", b"x")])
    assert gator.len() == 0
    assert other.size("all").ready == 1


def test_closing_a_gator_closes_its_backend_and_it_can_be_used_again(watched: Gator) -> None:
    watched.close()
    watched.task(jobs.note, 1)
    assert watched.backend.calls == ["close", "push"]  # type: ignore[attr-defined]


def test_two_gators_do_not_mix() -> None:
    first, second = Gator("locmem://", plugins=[]), Gator("locmem://", plugins=[])
    first.task(jobs.note, 1)
    assert (first.len(), second.len()) == (1, 0)
    assert first.plugins is not second.plugins


def test_a_gator_can_be_used_from_many_threads(gator: Gator) -> None:
    barrier = threading.Barrier(8)

    def enqueue(number: int) -> None:
        barrier.wait()
        for _ in range(50):
            gator.task(jobs.note, number)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(enqueue, range(8)))
    assert gator.len() == 400


class Shouting(Task):
    def run(self) -> Any:
        jobs.ran.append("before")
        try:
            return str(super().run()).upper()
        finally:
            jobs.ran.append("after")


def test_a_task_class_wraps_every_call() -> None:
    gator = Gator("locmem://", task_class=Shouting, plugins=[])
    assert isinstance(gator.task(jobs.note, "x"), Shouting)
    task = gator.pop()
    assert task
    assert (type(task), task.result, jobs.ran) == (Shouting, "X", ["before", "x", "after"])


def test_a_task_class_wraps_tasks_with_options_as_well() -> None:
    gator = Gator("locmem://", task_class=Shouting, plugins=[])
    gator.options(retries=1).task(jobs.note, "x")
    drain(gator)
    assert jobs.ran == ["before", "x", "after"]


def test_canceling_takes_a_waiting_task_off_and_returns_it(gator: Gator) -> None:
    task = gator.options(delay_by=60).task(jobs.note, 1)
    canceled = gator.cancel(task.task_id)
    assert canceled
    assert (canceled.task_id, canceled.status, canceled.args) == (task.task_id, CANCELED, [1])
    assert gator.len() == 0


def test_canceling_too_late_returns_none(gator: Gator) -> None:
    task = gator.task(jobs.note, 1)
    gator.pop()
    assert gator.cancel(task.task_id) is None
    assert gator.cancel("never was") is None


def test_canceling_what_runs_returns_none_and_does_not_stop_it(gator: Gator) -> None:
    task = gator.task(jobs.hold)
    with ThreadPoolExecutor(1) as pool:
        popped = pool.submit(gator.pop)
        while not jobs.ran:
            pass
        assert gator.cancel(task.task_id) is None
        jobs.let_go.set()
        assert popped.result().status == SUCCESS


@pytest.mark.parametrize("body", [b"garbage", b'json\n{"id":"bad","task":"no.such:thing"}'])
def test_canceling_what_cannot_be_read_says_so_all_the_same(gator: Gator, body: bytes) -> None:
    gator.backend.push("all", [Message("bad", body)])
    canceled = gator.cancel("bad")
    assert canceled
    assert (canceled.task_id, canceled.status) == ("bad", CANCELED)


def test_len_counts_what_waits_delayed_included_but_not_what_runs_or_is_dead(gator: Gator) -> None:
    gator.options(delay_by=60).task(jobs.note, 1)
    gator.task(jobs.fail)
    gator.task(jobs.note, 2)
    assert gator.len() == 3
    drain(gator)
    assert gator.len() == 1
    assert gator.size().dead == 1


def test_peek_shows_a_message_and_leaves_it(gator: Gator) -> None:
    task = gator.task(jobs.note, 1)
    entry = gator.peek(task.task_id)
    assert entry
    assert (entry.id, entry.state, entry.deliveries) == (task.task_id, "ready", 1)
    assert gator.peek("other") is None
    assert gator.len() == 1


def test_purging_removes_all_that_waits(gator: Gator) -> None:
    gator.map(jobs.note, range(3))
    gator.options(delay_by=60).task(jobs.note, 3)
    assert gator.purge() == 4
    assert gator.len() == 0


def test_dead_letters_can_be_listed_requeued_and_purged(each_gator: Gator) -> None:
    gator = each_gator
    tasks = gator.map(jobs.fail, ["a", "b", "c"])
    drain(gator)
    assert [letter.id for letter in gator.dead()] == [task.task_id for task in reversed(tasks)]
    assert [letter.id for letter in gator.dead(limit=1, offset=1)] == [tasks[1].task_id]
    assert [letter.id for letter in gator.dead(ids=[tasks[0].task_id])] == [tasks[0].task_id]
    assert gator.requeue([tasks[0].task_id]) == [tasks[0].task_id]
    assert gator.purge_dead([tasks[1].task_id]) == 1
    assert gator.purge_dead() == 1
    assert gator.size() == (1, 0, 0, 0, True)


def test_what_the_backend_has_no_feature_for_is_refused_by_name() -> None:
    gator = Gator("watched://", backend_class=WatchedBackend, plugins=[])
    gator.backend.features = frozenset()
    calls: dict[str, Any] = {
        "cancel": lambda: gator.cancel("1"),
        "peek": lambda: gator.peek("1"),
        "get": lambda: gator.get("1"),
        "purge": gator.purge,
        "dead": gator.dead,
        "requeue": gator.requeue,
        "purge_dead": gator.purge_dead,
    }
    for name, call in calls.items():
        with pytest.raises(UnsupportedFeature, match=f"The watched backend has no '.*', which {name}\\(\\) needs"):
            call()


def test_a_gator_is_made_from_the_environment() -> None:
    gator = Gator.from_env({"ALLIGATOR_CONN": "locmem://", "ALLIGATOR_PREFIX": "test", "ALLIGATOR_ASYNC": "no"})
    assert (gator.dsn.scheme, gator.queue_name, gator.is_async) == ("locmem", "test_all", False)


@pytest.mark.parametrize("environ", [{}, {"ALLIGATOR_PREFIX": "", "ALLIGATOR_ASYNC": ""}])
def test_a_prefix_and_is_async_count_only_when_set(environ: dict[str, str]) -> None:
    gator = Gator.from_env({"ALLIGATOR_CONN": "locmem://", **environ})
    assert (gator.queue_name, gator.is_async) == ("all", True)


def test_the_prefix_is_joined_to_the_queue_that_the_app_names() -> None:
    gator = Gator.from_env({"ALLIGATOR_CONN": "locmem://", "ALLIGATOR_PREFIX": "x"}, queue_name="mail", plugins=[])
    assert gator.queue_name == "x_mail"


def test_settings_win_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALLIGATOR_CONN", "nosuchthing://")
    monkeypatch.setenv("ALLIGATOR_ASYNC", "no")
    gator = Gator.from_env(dsn="locmem://", is_async=True)
    assert (gator.dsn.scheme, gator.is_async) == ("locmem", True)


def test_a_missing_connection_is_an_error_that_names_the_variable() -> None:
    with pytest.raises(ConfigurationError, match="ALLIGATOR_CONN is not set"):
        Gator.from_env({})


def test_a_bad_word_in_the_environment_is_an_error() -> None:
    with pytest.raises(OptionError, match="is_async='perhaps'"):
        Gator.from_env({"ALLIGATOR_CONN": "locmem://", "ALLIGATOR_ASYNC": "perhaps"})


def test_a_none_where_the_dsn_should_be_is_a_clear_error() -> None:
    with pytest.raises(DsnError, match="'None' is not a DSN"):
        Gator(None)  # type: ignore[arg-type]


def test_a_backend_that_cannot_be_made_reaches_the_caller(tmp_path: Path) -> None:
    with pytest.raises((PluginError, DsnError)):
        Gator("locmem://host:5/path")
