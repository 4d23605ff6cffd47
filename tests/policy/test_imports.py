"""What a message names is never run unless it is a task: an attacker who can write to the queue gains nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from alligator import CallableError, Gator
from alligator_core.backend import Message
from tests.core.helpers import drain
from tests.policy import app

APP = app.__name__
SHELL = ["touch {path}"]
PATH = ["{path}"]

ATTACKS: dict[str, tuple[str, list[Any]]] = {
    "os:system": ("os:system", SHELL),
    "posix:system": ("posix:system", SHELL),
    "nt:system": ("nt:system", SHELL),
    "subprocess:run": ("subprocess:run", [["touch", "{path}"]]),
    "subprocess:Popen": ("subprocess:Popen", [["touch", "{path}"]]),
    "builtins:eval": ("builtins:eval", ["open({path!r}, 'w').close()"]),
    "builtins:exec": ("builtins:exec", ["open({path!r}, 'w').close()"]),
    "builtins:open": ("builtins:open", ["{path}", "w"]),
    "importlib:import_module": ("importlib:import_module", ["canary_module"]),
    "pathlib:Path": ("pathlib:Path", PATH),
    "runpy:run_path": ("runpy:run_path", ["{module}"]),
    "Python's own tests": ("test.support.script_helper:assert_python_ok", ["{module}"]),
    "Python's tests in C": ("_testcapi:run_in_subinterp", ["open({path!r}, 'w').close()"]),
    "a frozen module of Python's": ("__hello__:main", []),
    "a task of Alligator's own": ("alligator_core.cli:main", [["stats", "sqlite:///{path}"]]),
    "a re-exported function": (f"{APP}:system", SHELL),
    "a re-export under another name": (f"{APP}:run", [["touch", "{path}"]]),
    "a re-exported class": (f"{APP}:Popen", [["touch", "{path}"]]),
    "a re-exported builtin": (f"{APP}:evaluate", ["open({path!r}, 'w').close()"]),
    "a re-exported import": (f"{APP}:import_module", ["canary_module"]),
    "an import under another name": (f"{APP}:import_by_name", ["canary_module"]),
    "__import__ under another name": (f"{APP}:_load", ["canary_module"]),
    "a wrapper with the name of what it wraps": (f"{APP}:wrapped", SHELL),
    "builtins under another name": (f"{APP}_builtins:eval", ["open({path!r}, 'w').close()"]),
    "os under another name": (f"{APP}_os:system", SHELL),
    "a method": (f"{APP}:Toucher.touch", [None, "{path}"]),
    "a static method": (f"{APP}:Toucher.touch_too", PATH),
    "a bound method": (f"{APP}:bound", PATH),
    "a class in a class": (f"{APP}:Toucher.Inner", PATH),
    "an object that can be called": (f"{APP}:toucher", PATH),
    "an object with the name of a function": (f"{APP}:disguised", PATH),
    "an object that passes for a function": (f"{APP}:described", PATH),
    "a partial": (f"{APP}:partial", PATH),
    "a lambda": (f"{APP}:shout", PATH),
    "a nested function": (f"{APP}:nested", PATH),
    "a function under another name": (f"{APP}:another_name", PATH),
    "what a module makes on demand": (f"{APP}:made_on_demand", PATH),
    "a dunder name": (f"{APP}:__touch__", PATH),
    "the builtins of a module": (f"{APP}:__builtins__", PATH),
    "a dunder in a dotted name": (f"{APP}:touch.__globals__", PATH),
    "dots into an attribute": (f"{APP}:os.system", SHELL),
    "dots into a module": (f"{APP}.os:system", SHELL),
    "dots into this module": (f"{APP}.here:touch", PATH),
    "several colons": (f"{APP}:os:system", SHELL),
    "a module alone": (APP, PATH),
    "a function alone": ("system", SHELL),
    "nothing": ("", PATH),
    "a path": ("../canary_module:touch", PATH),
    "a relative module": (".app:touch", PATH),
    "a call": (f"{APP}:touch()", PATH),
    "a line break": (f"{APP}:touch\n", PATH),
    "a space": (f" {APP}:touch", PATH),
    "another spelling of letters": ("\uff4f\uff53:system", SHELL),
    "the running program": ("__main__:main", []),
}
"""What an attacker names, and with which arguments it would leave the canary behind."""

REFUSED: dict[str, Any] = {
    **{
        name: getattr(app, name) for name in ("system", "run", "Popen", "evaluate", "import_module", "_load", "wrapped")
    },
    **{
        name: getattr(app, name)
        for name in ("toucher", "bound", "partial", "shout", "nested", "disguised", "described")
    },
    "os:system": os.system,
    "subprocess:run": subprocess.run,
    "eval": eval,
    "a method": app.Toucher.touch,
    "a static method": app.Toucher.touch_too,
    "a class in a class": app.Toucher.Inner,
}
"""What a producer may try to enqueue."""


@pytest.fixture(autouse=True)
def module(tmp_path: Path, canary: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A module that leaves the canary behind when it is imported."""
    file = tmp_path / "canary_module.py"
    file.write_text(f"open({str(canary)!r}, 'w').close()")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "canary_module", raising=False)
    return file


def message(task: str, args: object = (), **fields: object) -> bytes:
    return b"json\n" + json.dumps({"id": "1", "task": task, "args": args, **fields}).encode()


def filled(value: Any, **paths: object) -> Any:
    if isinstance(value, list):
        return [filled(each, **paths) for each in value]
    return value.format(**paths) if isinstance(value, str) else value


def assert_it_is_buried_and_the_next_one_runs(gator: Gator, body: bytes, canary: Path) -> str:
    """Put a message on the queue as an attacker would, let a worker run, and return the reason why it was buried."""
    gator.backend.push(gator.queue_name, [Message("attack", body)])
    neighbour = canary.with_name("neighbour")
    gator.task(app.touch, str(neighbour))
    drain(gator)
    assert not canary.exists()
    assert neighbour.exists()
    [letter] = gator.dead()
    assert (letter.id, letter.body) == ("attack", body)
    assert gator.size().waiting == 0
    return letter.reason


@pytest.mark.parametrize("attack", ATTACKS)
def test_what_is_no_task_of_the_app_is_buried(
    make_gator: Callable[..., Gator], attack: str, canary: Path, module: Path
) -> None:
    name, args = ATTACKS[attack]
    body = message(name, filled(args, path=str(canary), module=module))
    reason = assert_it_is_buried_and_the_next_one_runs(make_gator(), body, canary)
    assert reason.startswith(repr(name))


@pytest.mark.parametrize("callback", ["on_start", "on_success", "on_error"])
def test_nor_can_it_be_a_callback(make_gator: Callable[..., Gator], callback: str, canary: Path) -> None:
    gator = make_gator()
    value = {"$dataclass": [f"{APP}:Poke", {"path": str(canary)}]}
    for number, name in enumerate(("os:mkdir", f"{APP}_os:mkdir", f"{APP}:toucher", value)):
        body = message(f"{APP}:note", [str(canary)], options={callback: name})
        gator.backend.push(gator.queue_name, [Message(str(number), body)])
    drain(gator)
    assert not canary.exists()
    assert gator.size().waiting == 0


@pytest.mark.parametrize("serializer", ["json", "msgpack"])
@pytest.mark.parametrize(
    "name",
    ["subprocess:Popen", f"{APP}:Popen", f"{APP}:Toucher.Inner", f"{APP}:touch", f"{APP}:toucher", f"{APP}:Toucher"],
)
def test_a_class_in_an_argument_is_held_to_the_same_rules(
    make_gator: Callable[..., Gator], name: str, canary: Path, serializer: str
) -> None:
    from msgspec import json as as_json
    from msgspec import msgpack as as_msgpack

    for tag, content in (("$dataclass", {"args": ["touch", str(canary)], "path": str(canary)}), ("$enum", str(canary))):
        payload = {"id": "1", "task": f"{APP}:note", "args": [{tag: [name, content]}]}
        encode = as_json.encode if serializer == "json" else as_msgpack.encode
        body = serializer.encode() + b"\n" + encode(payload)
        gator = make_gator(accept=["json", "msgpack"])
        assert_it_is_buried_and_the_next_one_runs(gator, body, canary)
        gator.purge_dead()
        canary.with_name("neighbour").unlink()


@pytest.mark.parametrize("function", REFUSED.values(), ids=REFUSED)
def test_a_producer_is_told_at_once(function: Any) -> None:
    gator = Gator("locmem://", plugins=[])
    with pytest.raises(CallableError):
        gator.task(function, 1)
    with pytest.raises(CallableError):
        gator.options(on_success=function)
    assert gator.len() == 0


@pytest.mark.parametrize("callback", ["os:system", "os.system", "builtins:eval", f"{APP}:os.system", "a:__b__"])
def test_a_producer_is_told_at_once_of_a_callback_that_no_worker_would_look_for(callback: str) -> None:
    with pytest.raises(CallableError):
        Gator("locmem://", plugins=[]).options(on_success=callback)


def test_an_allow_list_restricts_messages_to_the_app(make_gator: Callable[..., Gator], canary: Path) -> None:
    gator = make_gator(allow=["tests.policy.app.t*"])
    reason = assert_it_is_buried_and_the_next_one_runs(gator, message(f"{APP}:renamed", [str(canary)]), canary)
    assert "is not on the allow list" in reason


def test_what_is_not_on_the_allow_list_is_not_even_imported(make_gator: Callable[..., Gator], canary: Path) -> None:
    gator = make_gator(allow=["tests.policy.*"])
    assert_it_is_buried_and_the_next_one_runs(gator, message("canary_module:touch"), canary)
    assert "canary_module" not in sys.modules


def test_an_allow_list_may_name_one_function_of_the_standard_library(
    make_gator: Callable[..., Gator], canary: Path
) -> None:
    gator = make_gator(allow=["time.sleep", "tests.policy.*"])
    gator.task(app.time.sleep, 0)
    reason = assert_it_is_buried_and_the_next_one_runs(gator, message("os:system", [f"touch {canary}"]), canary)
    assert "os:system" in reason


@pytest.mark.parametrize("name", ["a re-exported function", "dots into an attribute", "an object that can be called"])
def test_an_allow_list_allows_no_more_than_functions_and_classes_where_they_are_defined(
    make_gator: Callable[..., Gator], name: str, canary: Path
) -> None:
    task, args = ATTACKS[name]
    gator = make_gator(allow=["*"])
    assert_it_is_buried_and_the_next_one_runs(gator, message(task, filled(args, path=str(canary))), canary)


@pytest.mark.parametrize(
    "source",
    [
        "import sys\nclass Own:\n    def __init__(self): self.touch = 1\nsys.modules[__name__] = Own()",
        "import sys\nclass Own:\n    __slots__ = ()\nsys.modules[__name__] = Own()",
        "class Skipped(BaseException): ...\nraise Skipped('as a test module does')",
    ],
    ids=["an object", "an object without a namespace", "what no handler of exceptions catches"],
)
@pytest.mark.parametrize("place", ["task", "callback", "argument"])
def test_a_module_that_is_none_stops_no_worker(
    make_gator: Callable[..., Gator], canary: Path, module: Path, place: str, source: str
) -> None:
    module.write_text(source)
    gator, name = make_gator(), "canary_module:touch"
    body = {
        "task": message(name),
        "callback": message(f"{APP}:note", options={"on_start": name}),
        "argument": message(f"{APP}:note", [{"$enum": [name, "A"]}]),
    }[place]
    gator.backend.push(gator.queue_name, [Message("attack", body)])
    gator.task(app.touch, str(canary))
    drain(gator)
    assert canary.exists()
    assert [letter.id for letter in gator.dead()] == ["attack"]
