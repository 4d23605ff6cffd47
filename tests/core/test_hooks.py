"""What plugins may do: every hook of the specs, who decides, who only watches, and on which thread."""

from __future__ import annotations

import asyncio
import inspect
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace
from pathlib import Path
from typing import Any

import pluggy
import pytest

from alligator import (
    CANCELED,
    Bury,
    Defer,
    Discard,
    Gator,
    OptionError,
    Outcome,
    PluginError,
    Retry,
    SkipTask,
    Task,
    UnsupportedFeature,
    Worker,
    hookimpl,
)
from alligator_core import hookspecs
from alligator_core.plugin_options import option_of

from . import jobs
from .backends import WatchedBackend
from .helpers import drain, eventually, working

tenant: ContextVar[str] = ContextVar("tenant", default="none")


def note_tenant() -> None:
    jobs.ran.append(tenant.get())


async def note_tenant_soon() -> None:
    await asyncio.sleep(0)
    jobs.ran.append(tenant.get())


def set_tenant(name: str) -> None:
    tenant.set(name)


def gator_with(*plugins: object) -> Gator:
    return Gator("locmem://", plugins=plugins)


SPECS = [name for name, spec in inspect.getmembers(hookspecs, inspect.isfunction) if hasattr(spec, "alligator_spec")]


@pytest.mark.parametrize("name", SPECS)
def test_each_hook_says_when_it_is_called_and_what_raising_does(name: str) -> None:
    words = (inspect.getdoc(getattr(hookspecs, name)) or "").split()
    assert len(words) > 12
    assert {"raises", "Raising", "exception", "Exceptions", "exceptions"} & {word.strip(".,:`") for word in words}


@pytest.mark.parametrize("name", sorted(set(SPECS) - {"make_backend", "make_serializer", "register_commands"}))
def test_each_hook_is_tested_here(name: str) -> None:
    assert f"def {name}(" in Path(__file__).read_text()


def read_tone(value: object) -> str:
    if value not in ("high", "low"):
        raise OptionError(f"tone={value!r}: it must be high or low.", "tone")
    return str(value)


class Tones:
    """Declares an option of its own."""

    def __init__(self, **readers: Callable[[Any], str]) -> None:
        self.readers = readers or {"tone": read_tone}

    @hookimpl
    def declare_options(self) -> dict[str, Callable[[Any], str]]:
        return self.readers

    @hookimpl
    def before_task(self, task: Task) -> None:
        jobs.ran.append(option_of(task, "tone"))


@pytest.mark.parametrize("is_async", [True, False])
def test_an_option_that_declare_options_names_travels_to_the_worker(is_async: bool) -> None:
    gator = gator_with(Tones())
    with gator.options(tone="high", priority=3, is_async=is_async) as options:
        options.task(jobs.note, 1)
        options.map(jobs.note, [2])
    gator.options(tone=None, is_async=is_async).task(jobs.note, 3)
    drain(gator)
    assert sorted(map(str, jobs.ran)) == ["1", "2", "3", "None", "high", "high"]


def test_a_bad_value_and_a_misspelt_name_of_a_plugins_option_are_refused_at_the_call() -> None:
    gator = gator_with(Tones())
    with pytest.raises(OptionError, match="tone='shrill': it must be high or low"):
        gator.options(tone="shrill")
    with pytest.raises(OptionError, match=r"no option 'tones'\. Did you mean 'tone'"):
        gator.options(tones="high")
    with pytest.raises(OptionError, match="no option 'tone'"):
        gator_with().options(tone="high")


def test_two_plugins_that_declare_one_option_by_different_functions_are_an_error_that_names_both() -> None:
    gator = Gator("locmem://", plugins=[])
    gator.plugins.register(Tones(), "choir")
    gator.plugins.register(Tones(), "choir again")
    gator.options(tone="low")
    gator.plugins.register(Tones(tone=str), "band")
    with pytest.raises(PluginError, match="The option 'tone' is declared by choir again and by band"):
        gator.options(tone="low")


def test_a_plugin_can_not_declare_an_option_of_the_core() -> None:
    with pytest.raises(PluginError, match="The option 'priority' is declared by the core and by "):
        gator_with(Tones(tone=read_tone, priority=str)).options(tone="low")


def test_each_task_has_headers_of_its_own() -> None:
    options = gator_with(Tones()).options(tone="low")
    first, second = options.task(jobs.note, 1), options.task(jobs.note, 2)
    first.headers["tenant"] = "acme"
    assert second.headers == {"option.tone": "low"}


def test_before_enqueue_may_add_headers_which_travel_with_the_task() -> None:
    class Tracing:
        @hookimpl
        def before_enqueue(self, gator: Gator, task: Task) -> None:
            task.headers["trace"] = f"{gator.queue_name}-4bf9"

        @hookimpl
        def before_task(self, task: Task) -> None:
            jobs.ran.append(dict(task.headers))

    gator = gator_with(Tracing())
    gator.options(retries=1).task(jobs.fail, "x")
    drain(gator)
    assert jobs.ran == [{"trace": "all-4bf9"}, "x"] * 2


def test_before_enqueue_may_change_the_options() -> None:
    class Urgent:
        @hookimpl
        def before_enqueue(self, task: Task) -> None:
            task.options = replace(task.options, priority=9, retries=2)

    gator = gator_with(Urgent())
    task = gator.task(jobs.note, 1)
    entry = gator.peek(task.task_id)
    assert entry
    assert (entry.priority, gator.codec.read(entry.body, "all").retries) == (9, 2)


def test_options_that_before_enqueue_sets_are_held_against_the_backend_as_well() -> None:
    class Urgent:
        @hookimpl
        def before_enqueue(self, task: Task) -> None:
            task.options = replace(task.options, priority=9)

    gator = Gator("watched://", backend_class=WatchedBackend, plugins=[Urgent()])
    gator.backend.features = frozenset()
    with pytest.raises(UnsupportedFeature, match="has no 'priority'"):
        gator.task(jobs.note, 1)


def test_before_enqueue_may_skip_a_task() -> None:
    class Skipping:
        @hookimpl
        def before_enqueue(self, task: Task) -> None:
            raise SkipTask("not on Sundays")

    gator = gator_with(Skipping())
    assert gator.task(jobs.note, 1).status == CANCELED
    assert gator.len() == 0


def test_what_else_before_enqueue_raises_reaches_the_caller_and_nothing_is_enqueued() -> None:
    class Failing:
        @hookimpl
        def before_enqueue(self) -> None:
            raise LookupError("no tenant")

    gator = gator_with(Failing())
    with pytest.raises(LookupError, match="no tenant"):
        gator.task(jobs.note, 1)
    assert gator.len() == 0


def test_before_enqueue_is_called_for_tasks_that_run_in_process_too() -> None:
    class Skipping:
        @hookimpl
        def before_enqueue(self, task: Task) -> None:
            raise SkipTask

    gator = gator_with(Skipping())
    assert gator.options(is_async=False).task(jobs.note, 1).status == CANCELED
    assert jobs.ran == []


def test_after_enqueue_hears_of_tasks_that_the_backend_has_taken() -> None:
    class Watching:
        @hookimpl
        def after_enqueue(self, gator: Gator, task: Task) -> None:
            jobs.ran.append((task.task_id, gator.len()))

    gator = gator_with(Watching())
    task = gator.task(jobs.note, 1)
    assert jobs.ran == [(task.task_id, 1)]


def test_what_after_enqueue_raises_is_logged_with_the_name_of_the_plugin(caplog: pytest.LogCaptureFixture) -> None:
    class Failing:
        @hookimpl
        def after_enqueue(self) -> None:
            raise LookupError("no metrics")

    gator = Gator("locmem://", plugins=[])
    gator.plugins.register(Failing(), "the-metrics")
    gator.task(jobs.note, 1)
    assert gator.len() == 1
    assert "Plugin the-metrics failed in after_enqueue" in caplog.text
    assert "no metrics" in caplog.text


def test_on_worker_start_and_on_worker_stop_are_called_once_around_the_work() -> None:
    class Watching:
        @hookimpl
        def on_worker_start(self, worker: Worker) -> None:
            jobs.ran.append(("start", worker.tasks_run))

        @hookimpl
        def on_worker_stop(self, worker: Worker) -> None:
            jobs.ran.append(("stop", worker.tasks_run, worker.gator.size().reserved))

    gator = gator_with(Watching())
    gator.map(jobs.note, [1, 2])
    drain(gator)
    assert jobs.ran == [("start", 0), 1, 2, ("stop", 2, 0)]


def test_before_task_sets_what_the_function_sees_and_the_next_one_does_not() -> None:
    class Tenants:
        @hookimpl
        def before_task(self, task: Task) -> None:
            if task.headers:
                tenant.set(task.headers["tenant"])

    gator = gator_with(Tenants())
    for function in (note_tenant, note_tenant_soon):
        task = Task()
        task.headers = {"tenant": function.__name__}
        gator.push(task, function)
        gator.task(function)
    drain(gator)
    assert jobs.ran == ["note_tenant", "none", "note_tenant_soon", "none"]


def test_what_a_function_sets_does_not_leak_into_the_next_task_or_out_of_the_worker(gator: Gator) -> None:
    gator.task(set_tenant, "leaked")
    gator.task(note_tenant)
    drain(gator)
    assert jobs.ran == ["none"]
    assert tenant.get() == "none"


def test_before_task_runs_on_the_thread_of_the_function() -> None:
    class Watching:
        @hookimpl
        def before_task(self, task: Task) -> None:
            jobs.ran.append(threading.get_ident())

    gator = gator_with(Watching())
    gator.task(note_thread)
    with working(Worker(gator, nap_time=0.05)) as thread:
        eventually(lambda: len(jobs.ran) == 2)
        assert set(jobs.ran) == {thread.ident}


def note_thread() -> None:
    jobs.ran.append(threading.get_ident())


def test_before_task_may_put_a_task_off() -> None:
    class RateLimit:
        @hookimpl
        def before_task(self, task: Task) -> None:
            raise Defer(60)

    gator = gator_with(RateLimit())
    task = gator.task(jobs.note, 1)
    drain(gator)
    entry = gator.peek(task.task_id)
    assert entry
    assert (entry.state, jobs.ran) == ("delayed", [])


def test_before_task_may_drop_a_task() -> None:
    class Filter:
        @hookimpl
        def before_task(self, task: Task) -> None:
            raise Discard("expired")

    gator = gator_with(Filter())
    gator.task(jobs.note, 1)
    drain(gator)
    assert jobs.ran == []
    assert gator.size() == (0, 0, 0, 0, True)


@pytest.mark.parametrize("error", [LookupError("no tenant"), SystemExit(1)])
def test_what_else_before_task_raises_fails_the_task(error: BaseException) -> None:
    class Failing:
        @hookimpl
        def before_task(self, task: Task) -> None:
            raise error

    gator = gator_with(Failing())
    gator.options(retries=1).task(jobs.note, 1)
    drain(gator)
    assert jobs.ran == []
    assert "(attempt 2 of 2)" in gator.dead()[0].reason


@contextmanager
def noted(name: str) -> Iterator[None]:
    jobs.ran.append(f"enter {name}")
    try:
        yield
    finally:
        jobs.ran.append(f"exit {name}")


class Contexts:
    @hookimpl
    def before_task(self, task: Task) -> None:
        task.enter_context(noted("outer"))
        task.enter_context(noted("inner"))
        if task.headers:
            raise LookupError

    @hookimpl
    def on_success(self) -> None:
        jobs.ran.append("success")


@pytest.mark.parametrize("function", [jobs.note, jobs.note_soon])
def test_a_context_that_before_task_enters_is_open_while_the_function_runs(function: Any) -> None:
    gator = gator_with(Contexts())
    gator.task(function, "run")
    drain(gator)
    assert jobs.ran == ["enter outer", "enter inner", "run", "exit inner", "exit outer", "success"]


def test_a_context_is_closed_when_the_function_fails() -> None:
    gator = gator_with(Contexts())
    gator.task(jobs.fail, "run")
    drain(gator)
    assert jobs.ran == ["enter outer", "enter inner", "run", "exit inner", "exit outer"]


def test_a_context_is_closed_when_before_task_itself_fails() -> None:
    gator = gator_with(Contexts())
    task = Task()
    task.headers = {"fail": "yes"}
    gator.push(task, jobs.note, 1)
    drain(gator)
    assert jobs.ran == ["enter outer", "enter inner", "exit inner", "exit outer"]


def test_entering_a_context_outside_of_a_run_is_an_error_that_says_where() -> None:
    with pytest.raises(RuntimeError, match="call it in before_task"):
        Task().enter_context(noted("x"))


class Watching:
    """Every hook of a worker that only watches."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.error = error

    def see(self, *what: object) -> None:
        jobs.ran.append(what)
        if self.error:
            raise self.error

    @hookimpl
    def on_success(self, task: Task, result: object) -> None:
        self.see("success", task.task_id, result)

    @hookimpl
    def on_retry(self, task: Task, error: BaseException, delay: float) -> None:
        self.see("retry", task.task_id, str(error), delay)

    @hookimpl
    def on_dead(self, task: Task, error: BaseException) -> None:
        self.see("dead", task.task_id, str(error))

    @hookimpl
    def after_task(self, task: Task, outcome: Outcome) -> None:
        self.see("after", task.task_id, outcome.kind)

    @hookimpl
    def on_worker_start(self) -> None:
        self.see("start")

    @hookimpl
    def on_worker_stop(self) -> None:
        self.see("stop")


EXPECTED = [
    ("start",),
    1,
    ("success", "a", 1),
    ("after", "a", "success"),
    "x",
    ("retry", "b", "x", 0.0),
    ("after", "b", "retry"),
    "x",
    ("dead", "b", "x"),
    ("after", "b", "dead"),
    ("stop",),
]


def run_both(gator: Gator) -> None:
    gator.options(task_id="a").task(jobs.note, 1)
    gator.options(task_id="b", retries=1).task(jobs.fail, "x")
    drain(gator)


def test_the_observers_hear_of_everything_in_order() -> None:
    run_both(gator_with(Watching()))
    assert jobs.ran == EXPECTED


@pytest.mark.parametrize("error", [LookupError("no metrics"), SystemExit(1)])
def test_what_an_observer_raises_is_logged_with_its_name_and_changes_nothing(
    error: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    gator = Gator("locmem://", plugins=[])
    gator.plugins.register(Watching(error), "the-metrics")
    run_both(gator)
    assert jobs.ran == EXPECTED
    assert caplog.text.count("Plugin the-metrics failed in") == 8
    assert gator.size() == (0, 0, 0, 1, True)


def test_an_observer_that_raises_does_not_silence_another() -> None:
    gator = Gator("locmem://", plugins=[])
    gator.plugins.register(Watching(), "quiet")
    gator.plugins.register(Watching(LookupError()), "loud")
    run_both(gator)
    assert len(jobs.ran) == len(EXPECTED) + 8


def test_on_failure_is_told_each_failed_attempt_and_decides() -> None:
    class Deciding:
        @hookimpl
        def on_failure(self, task: Task, error: BaseException) -> object:
            jobs.ran.append((task.attempt, type(error).__name__))
            return {1: Retry(), 2: None, 3: Discard("enough")}[task.attempt]

    gator = gator_with(Deciding())
    # Retry is final, whatever the task's own retries say; no opinion leaves it to them.
    gator.options(retries=2).task(jobs.fail, "x")
    drain(gator)
    assert jobs.ran == ["x", (1, "ValueError"), "x", (2, "ValueError"), "x", (3, "ValueError")]
    assert gator.size() == (0, 0, 0, 0, True)


def test_a_retry_of_on_failure_needs_no_retries_of_the_task() -> None:
    class Deciding:
        @hookimpl
        def on_failure(self, task: Task) -> Retry | None:
            return Retry() if task.attempt < 4 else None

    gator = gator_with(Deciding())
    gator.task(jobs.fail, "x")
    drain(gator)
    assert jobs.ran == ["x"] * 4


def test_the_first_plugin_with_an_opinion_decides_about_a_failure() -> None:
    class Undecided:
        @hookimpl(tryfirst=True)
        def on_failure(self) -> None: ...

    class First:
        @hookimpl(tryfirst=True)
        def on_failure(self) -> Discard:
            return Discard()

    class Second:
        @hookimpl
        def on_failure(self) -> Bury:
            return Bury()

    gator = gator_with(First(), Second(), Undecided())
    gator.task(jobs.fail)
    drain(gator)
    assert gator.size() == (0, 0, 0, 0, True)


def test_a_decision_may_be_raised_as_well() -> None:
    class Raising:
        @hookimpl
        def on_failure(self) -> None:
            raise Discard("raised")

    gator = gator_with(Raising())
    gator.task(jobs.fail)
    drain(gator)
    assert gator.size() == (0, 0, 0, 0, True)


@pytest.mark.parametrize("error", [LookupError("the decider broke"), SystemExit("the decider broke")])
def test_what_on_failure_raises_is_the_failure_from_then_on(error: BaseException) -> None:
    class Broken:
        @hookimpl
        def on_failure(self) -> None:
            raise error

    gator = gator_with(Broken())
    gator.options(retries=1).task(jobs.fail, "x")
    gator.task(jobs.note, "next")
    drain(gator)
    assert jobs.ran == ["x", "next", "x"]
    assert "the decider broke (attempt 2 of 2)" in gator.dead()[0].reason


def test_an_answer_of_on_failure_that_is_no_decision_is_logged_and_counts_as_none(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Confused:
        @hookimpl
        def on_failure(self) -> object:
            return "retry"

    gator = gator_with(Confused())
    gator.task(jobs.fail)
    drain(gator)
    assert gator.size().dead == 1
    assert "on_failure returned 'retry'" in caplog.text


def test_on_failure_is_not_asked_about_what_a_task_decided_itself() -> None:
    class Watching:
        @hookimpl
        def on_failure(self) -> None:
            jobs.ran.append("asked")

    gator = gator_with(Watching())
    gator.task(jobs.drop)
    drain(gator)
    assert jobs.ran == []


def test_on_dead_is_not_called_for_what_is_no_task(gator: Gator) -> None:
    from alligator_core.backend import Message

    gator.plugins.add(Watching())
    gator.backend.push("all", [Message("1", b"garbage")])
    drain(gator)
    assert jobs.ran == [("start",), ("stop",)]


def test_hooks_are_bound_when_a_worker_starts_and_not_later() -> None:
    gator = Gator("locmem://", plugins=[])

    class Late(Worker):
        def starting(self) -> None:
            gator.plugins.add(Watching())

    gator.task(jobs.note, 1)
    Late(gator, burst=True).run_forever()
    assert jobs.ran == [1]
    gator.task(jobs.note, 2)
    drain(gator)
    assert ("start",) in jobs.ran


def test_hooks_of_one_gator_do_not_hear_of_another() -> None:
    gator_with(Watching())
    other = Gator("locmem://", plugins=[])
    other.task(jobs.note, 1)
    drain(other)
    assert jobs.ran == [1]


@pytest.mark.parametrize("name", ["after_enqueue", "on_success", "after_task", "on_worker_start"])
def test_a_wrapper_around_an_observing_hook_is_refused_with_what_to_use_instead(name: str) -> None:
    def wrap() -> Iterator[None]:
        yield

    plugin = type("Wrapping", (), {name: staticmethod(hookimpl(hookwrapper=True)(wrap))})()
    with pytest.raises(PluginError, match=rf"wraps {name}, which only observes.*task.enter_context"):
        gator_with(plugin)


def test_deciding_hooks_may_be_wrapped() -> None:
    class Wrapping:
        @hookimpl(hookwrapper=True)
        def before_task(self, task: Task) -> Iterator[None]:
            jobs.ran.append("wrapped")
            yield

    gator = gator_with(Wrapping())
    gator.task(jobs.note, 1)
    drain(gator)
    assert jobs.ran == ["wrapped", 1]


def test_a_hook_may_take_any_of_the_arguments() -> None:
    class Modest:
        @hookimpl
        def after_task(self) -> None:
            jobs.ran.append("after")

    gator = gator_with(Modest())
    gator.task(jobs.note, 1)
    drain(gator)
    assert jobs.ran == [1, "after"]


@pytest.mark.parametrize(
    ("name", "arguments", "problem"),
    [("on_sucess", "self", "unknown hook 'on_sucess'"), ("after_task", "self, tsk", "'tsk'.*can not be found")],
)
def test_a_hook_that_does_not_fit_the_specs_is_an_error(name: str, arguments: str, problem: str) -> None:
    namespace: dict[str, Any] = {"hookimpl": hookimpl}
    exec(f"class Plugin:\n    @hookimpl\n    def {name}({arguments}): ...", namespace)
    with pytest.raises(PluginError, match=rf"(?s)doesn't fit the specs: .*{problem}"):
        gator_with(namespace["Plugin"]())


def test_a_plugin_that_was_refused_leaves_nothing_behind() -> None:
    class Half:
        @hookimpl
        def after_task(self) -> None: ...

        @hookimpl
        def on_sucess(self) -> None: ...

    gator = Gator("locmem://", plugins=[])
    with pytest.raises(PluginError):
        gator.plugins.add(Half())
    assert gator.plugins.hook.after_task.get_hookimpls() == []
    drain(gator)


class Marking:
    @hookimpl
    def after_task(self) -> None:
        jobs.ran.append("after")


def test_register_is_all_that_a_plugin_of_the_apps_own_needs(gator: Gator) -> None:
    assert gator.plugins.register(Marking()) == f"{__name__}.Marking"
    gator.task(jobs.note, 1)
    drain(gator)
    assert jobs.ran == [1, "after"]


def test_two_plugins_of_one_class_may_be_registered(gator: Gator) -> None:
    names = {gator.plugins.register(Marking()), gator.plugins.register(Marking())}
    gator.task(jobs.note, 1)
    drain(gator)
    assert (len(names), jobs.ran) == (2, [1, "after", "after"])


def test_register_refuses_what_does_not_fit_the_specs_at_once(gator: Gator) -> None:
    class Misspelt:
        @hookimpl
        def on_sucess(self) -> None: ...

    with pytest.raises(PluginError, match=r"(?s)the plugin <.*Misspelt.*doesn't fit the specs: unknown hook 'on_suc"):
        gator.plugins.register(Misspelt())
    drain(gator)


def test_a_class_is_refused_with_what_to_register_instead(gator: Gator) -> None:
    with pytest.raises(PluginError, match=r"is a class: register an object of it, Marking\(\)"):
        gator.plugins.register(Marking)
    with pytest.raises(PluginError, match=r"is a class: register an object of it, Marking\(\)"):
        gator_with(Marking)


def test_registering_twice_or_under_a_name_that_is_taken_is_an_error(gator: Gator) -> None:
    plugin = Marking()
    gator.plugins.register(plugin, "marks")
    with pytest.raises(PluginError, match="is registered already"):
        gator.plugins.register(plugin)
    with pytest.raises(PluginError, match=r"The name 'marks' is taken by <.*Marking"):
        gator.plugins.register(Marking(), "marks")


def test_the_marker_is_pluggys_own() -> None:
    assert isinstance(hookimpl, pluggy.HookimplMarker)
    assert logging.getLogger("alligator").handlers == []
