"""An app as an attacker would like it: what its module holds besides its tasks is all within reach of a name."""

from __future__ import annotations

import builtins
import functools
import importlib
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from os import system
from pathlib import Path
from typing import Any

run = subprocess.run
Popen = subprocess.Popen
evaluate = eval
_load = __import__
import_by_name = importlib.import_module
here = sys.modules[__name__]
# As some packages do: the module is there under a name that isn't its own.
sys.modules[f"{__name__}_builtins"] = builtins
sys.modules[f"{__name__}_os"] = os

__all__ = ["import_module", "system", "time"]


def touch(path: str) -> str:
    """The task that may run: leaves a file behind."""
    Path(path).touch()
    return path


def __touch__(path: str) -> None:  # noqa: N807  (it is what the test is about)
    Path(path).touch()


class Toucher:
    """Leaves a file behind, by its methods and when called."""

    def __call__(self, path: str) -> None:
        Path(path).touch()

    def touch(self, path: str) -> None:
        Path(path).touch()

    @staticmethod
    def touch_too(path: str) -> None:
        Path(path).touch()

    class Inner:
        def __init__(self, path: str) -> None:
            Path(path).touch()


class Described(Toucher):
    """Looks like a function to `inspect`: it has a `__get__`."""

    def __get__(self, owner: object, cls: object = None) -> Described:
        return self


def renamed(path: str) -> None:
    Path(path).touch()


toucher = Toucher()
bound = toucher.touch
partial = functools.partial(touch)
shout = lambda path: Path(path).touch()  # noqa: E731
another_name = renamed
disguised: Any = functools.update_wrapper(Toucher(), touch)
disguised.__qualname__ = "disguised"
described: Any = functools.update_wrapper(Described(), touch)
described.__qualname__ = "described"
wrapped: Any = functools.wraps(system)(lambda command: system(command))


def make() -> Callable[[str], object]:
    def nested(path: str) -> None:
        Path(path).touch()

    return nested


nested = make()


def __getattr__(name: str) -> Any:
    if name == "made_on_demand":
        return touch
    raise AttributeError(name)


@dataclass
class Order:
    id: int


@dataclass(frozen=True)
class Poke:
    """A value that can be called."""

    path: str

    def __call__(self, *_: object) -> None:
        Path(self.path).touch()


noted: list[tuple[object, ...]] = []


def note(*values: object) -> None:
    """A task that takes anything."""
    noted.append(values)
