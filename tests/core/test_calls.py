from __future__ import annotations

import importlib
import os
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from alligator import CallableError, ForbiddenCallable, Gator, UnknownCallableError, UnknownModuleError
from alligator_core.calls import Policy

from . import jobs

policy = Policy()


def test_a_function_is_found_again_by_its_name() -> None:
    assert policy.name_of(jobs.add) == "tests.core.jobs:add"
    assert policy.find("tests.core.jobs:add").function is jobs.add


def test_a_class_is_called_like_a_function() -> None:
    assert policy.find(policy.name_of(jobs.Robot)).function is jobs.Robot


def test_a_decorated_function_stands_under_the_name_that_functools_wraps_gave_it() -> None:
    assert policy.find(policy.name_of(jobs.decorated)).function is jobs.decorated


def test_a_function_with_a_cache_is_a_function() -> None:
    assert policy.find(policy.name_of(jobs.cached)).function is jobs.cached


def make_nested() -> Callable[[], None]:
    def nested() -> None: ...

    return nested


@pytest.mark.parametrize(
    ("function", "problem"),
    [
        (jobs.shorten, "is a lambda, which no worker can find by name"),
        (make_nested(), "is defined inside a function"),
        (jobs.Robot("r").walk, "is a method"),
        (jobs.Robot.walk, "is a method"),
        (jobs.Robot.stand, "is a method"),
        (jobs.Robot.build, "is a method"),
        ("".upper, "is a method"),
        ([].append, "is a method"),
        (jobs.Robot("r"), "is a Robot object, not a function"),
        (partial(jobs.add, 1), "is a partial object, not a function"),
        ("tests.core.jobs:add", "is a str object, not a function"),
        (None, "is a NoneType object, not a function"),
        (jobs, "is a module object, not a function"),
        (jobs.undecorated, "is not what its module has under this name now"),
        (jobs.yields, "is a generator"),
        (jobs.yields_soon, "is a generator"),
    ],
)
def test_what_no_worker_could_find_or_call_is_refused_with_the_reason(function: Any, problem: str) -> None:
    with pytest.raises(CallableError, match=problem):
        policy.name_of(function)


@pytest.mark.parametrize("function", [print, len, eval, time.sleep, os.getpid, os.system, jobs.borrowed, int, Path])
def test_builtins_and_the_standard_library_are_refused(function: Any) -> None:
    with pytest.raises(ForbiddenCallable, match=r"builtin|standard library"):
        policy.name_of(function)


def test_each_refusal_reaches_the_caller_and_nothing_is_enqueued(gator: Gator) -> None:
    for function in (jobs.shorten, print, jobs.Robot.walk):
        with pytest.raises(CallableError):
            gator.task(function)
        with pytest.raises(CallableError):
            gator.map(function, [1, 2])
    assert gator.len() == 0


@pytest.mark.parametrize(
    ("name", "error", "problem"),
    [
        ("os:system", ForbiddenCallable, "is in the standard library"),
        ("subprocess:Popen", ForbiddenCallable, "is in the standard library"),
        ("os.path:join", ForbiddenCallable, "is in the standard library"),
        ("__main__:main", ForbiddenCallable, "is in __main__, which is another module in each program"),
        ("__mp_main__:main", ForbiddenCallable, "is in __mp_main__, which is another module in each program"),
        ("builtins:eval", ForbiddenCallable, "is in the standard library"),
        ("test.support:swap_attr", ForbiddenCallable, "is in the standard library"),
        ("tests.core.jobs:os.system", ForbiddenCallable, "is not a name of the form"),
        ("tests.core.jobs:borrowed", ForbiddenCallable, "is only borrowed there: it is defined as"),
        ("tests.core.jobs:Gator", UnknownCallableError, "has no 'Gator'"),
        ("tests.core.test_calls:Gator", ForbiddenCallable, "is only borrowed there"),
        ("tests.core.jobs:shorten", ForbiddenCallable, "is only borrowed there"),
        ("tests.core.jobs:ran", ForbiddenCallable, "is a list, not a function or class"),
        ("tests.core.jobs:os", ForbiddenCallable, "is a module, not a function or class"),
        ("tests.core.jobs:__builtins__", ForbiddenCallable, "is a dunder name"),
        ("tests.core.jobs:gone", UnknownCallableError, "the module has no 'gone'. Was it renamed or removed?"),
        ("tests.core.jobs", ForbiddenCallable, "is not a name of the form"),
        ("tests.core.jobs:", ForbiddenCallable, "is not a name of the form"),
        ("", ForbiddenCallable, "is not a name of the form"),
        ("../etc/passwd:x", ForbiddenCallable, "is not a name of the form"),
        ("no.such.module:f", UnknownModuleError, "can't be imported here: ModuleNotFoundError"),
        ("tests..core:f", ForbiddenCallable, "is not a name of the form"),
    ],
)
def test_a_name_that_a_message_may_not_hold_is_refused_with_the_reason(
    name: str, error: type[CallableError], problem: str
) -> None:
    with pytest.raises(error, match=problem) as caught:
        policy.find(name)
    assert caught.value.name == name


@pytest.mark.parametrize("source", ["1/0", "raise SystemExit", "import no_such_thing", "this is no python"])
def test_a_module_that_cannot_be_imported_is_refused_with_the_reason(
    source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "broken_module.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(UnknownModuleError, match="can't be imported here"):
        Policy().find("broken_module:f")


def test_a_module_of_the_standard_library_is_not_even_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ForbiddenCallable):
        policy.find("this:f")
    assert "this" not in importlib.sys.modules  # type: ignore[attr-defined]


def test_only_what_matches_the_allow_list_may_be_named() -> None:
    allowing = Policy(["tests.core.jobs.no*", "time.sleep"])
    assert allowing.name_of(jobs.note) == "tests.core.jobs:note"
    assert allowing.find("time:sleep").function is time.sleep
    for refused in (jobs.add, os.getpid):
        with pytest.raises(
            ForbiddenCallable, match=r"is not on the allow list \(tests\.core\.jobs\.no\*, time\.sleep\)"
        ):
            allowing.name_of(refused)


def test_the_allow_list_holds_for_messages_as_it_does_for_producers() -> None:
    with pytest.raises(ForbiddenCallable, match="is not on the allow list"):
        Policy(["tests.core.jobs.note"]).find("tests.core.jobs:add")


def test_an_empty_allow_list_allows_nothing() -> None:
    with pytest.raises(ForbiddenCallable, match="which is empty"):
        Policy([]).name_of(jobs.add)


def test_an_allow_list_of_one_may_be_given_as_text() -> None:
    assert Policy("tests.core.*").name_of(jobs.add) == "tests.core.jobs:add"
    with pytest.raises(ForbiddenCallable, match=r"\(other\.\*\)"):
        Policy("other.*").name_of(jobs.add)


def test_messages_call_the_function_that_replaced_another_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    mine = Policy()
    old = mine.find("tests.core.jobs:add").function

    def add(a: int, b: int) -> int:
        return a * b

    add.__module__, add.__qualname__ = jobs.__name__, "add"
    monkeypatch.setattr(jobs, "add", add)
    assert mine.find("tests.core.jobs:add").function is add is not old


def test_a_replaced_function_can_no_longer_be_enqueued(monkeypatch: pytest.MonkeyPatch) -> None:
    mine, old = Policy(), jobs.add
    assert mine.name_of(old) == "tests.core.jobs:add"
    monkeypatch.setattr(jobs, "add", jobs.note)
    with pytest.raises(CallableError, match=r"tests\.core\.jobs:add"):
        mine.name_of(old)


def test_a_stand_in_that_a_test_puts_into_a_module_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "add", jobs.note)
    with pytest.raises(ForbiddenCallable, match="is only borrowed there"):
        Policy().find("tests.core.jobs:add")


def test_a_removed_function_is_unknown_though_it_was_found_before(monkeypatch: pytest.MonkeyPatch) -> None:
    mine = Policy()
    mine.find("tests.core.jobs:add")
    monkeypatch.delattr(jobs, "add")
    with pytest.raises(UnknownCallableError):
        mine.find("tests.core.jobs:add")


def test_a_reloaded_module_counts_with_what_it_has_now(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "changing_module.py"
    file.write_text("def f(): return 'old'")
    monkeypatch.syspath_prepend(tmp_path)
    mine = Policy()
    assert mine.find("changing_module:f").function() == "old"
    file.write_text("def f(): return 'newer'")
    importlib.reload(importlib.import_module("changing_module"))
    assert mine.find("changing_module:f").function() == "newer"


def test_only_a_class_stands_for_a_class() -> None:
    assert policy.class_of("tests.core.jobs:Color") is jobs.Color
    with pytest.raises(CallableError, match="is not a class"):
        policy.class_of("tests.core.jobs:add")
