from __future__ import annotations

import inspect
import re

import pytest

import alligator
from alligator_core import errors
from alligator_core.errors import AlligatorException, BackendUnavailable, OptionError, PushError, UncarriableArgument

TREE = [line for line in (errors.__doc__ or "").split("\n") if re.match(r"[│├└─ ]*\w+", line)]
CLASSES = {
    name: cls for name, cls in inspect.getmembers(errors, inspect.isclass) if issubclass(cls, AlligatorException)
}


def test_every_error_derives_from_one_root_and_is_in_the_facade() -> None:
    assert set(CLASSES) <= set(alligator.__all__)


def test_the_tree_in_the_docstring_is_the_tree_of_the_classes() -> None:
    parents: dict[int, str] = {}
    drawn = {}
    for line in TREE:
        match = re.match(r"([│├└─ ]*)(\w+)(?:\s|$)", line)
        if match and match[2] in CLASSES:
            depth = len(match[1]) // 4
            parents[depth] = match[2]
            drawn[match[2]] = parents.get(depth - 1, "Exception")
    assert drawn == {name: cls.__bases__[0].__name__ for name, cls in CLASSES.items()}


@pytest.mark.parametrize(("name", "builtin"), [("OptionError", ValueError), ("UncarriableArgument", TypeError)])
def test_errors_about_values_can_be_caught_as_python_has_them(name: str, builtin: type[Exception]) -> None:
    assert issubclass(CLASSES[name], builtin)


def test_errors_carry_their_data() -> None:
    assert UncarriableArgument("args[0]", "is a set", of="m:f").argument == "args[0]"
    assert BackendUnavailable("gone", maybe_applied=True).maybe_applied is True
    assert PushError({"1": "too big"}).refused == {"1": "too big"}
    assert OptionError("bad", "retries").option == "retries"


def test_an_error_about_refused_messages_says_how_many_and_why() -> None:
    assert str(PushError({"a": "too big", "b": "x"})) == "2 messages were not taken, the first ('a') because: too big"
