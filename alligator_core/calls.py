"""Calling functions by name: which names a message may hold, and what stands behind them."""

from __future__ import annotations

import importlib
import inspect
import os
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from types import FunctionType, ModuleType
from typing import Any, Final

from .aliases import resolved
from .annotations import Restore, restorer
from .errors import CallableError, ForbiddenCallable, UnknownCallableError, UnknownModuleError
from .standard_library import is_standard

_NAME: Final = re.compile(r"[^\W\d]\w*(?:\.[^\W\d]\w*)*:[^\W\d]\w*")

_MAINS: Final = ("__main__", "__mp_main__")
"""What the program itself is called, and what multiprocessing calls it in its children."""

_OWN: Final = ("alligator", "alligator_core")
_NOT_OWN: Final = "alligator_core.testing"
"""Its classes are values of the conformance suite."""


@dataclass(frozen=True, slots=True)
class Callee:
    """A function that a message may name, with what the worker has to know to call it."""

    name: str
    function: Callable[..., Any]
    namespace: dict[str, Any]
    """The globals of its module: the callee is current while its name still stands for the function there."""
    restore: Restore | None
    """Turns lists back into the tuples that the annotations ask for; None if they ask for none."""
    is_coroutine: bool
    """Whether it is a coroutine function, to be run on an event loop."""

    @property
    def attribute(self) -> str:
        """The function's name within its module."""
        return self.name.partition(":")[2]


class Policy:
    """Decides which functions and classes a message may name, for producers and workers alike.

    `allow` holds patterns such as `myapp.*` or `time.sleep`, matched against `module.function`. Without it everything
    that an app defines is allowed, and nothing of the standard library. `aliases` maps names that messages may still
    hold to those that they have now; what they are called now has to be allowed.
    """

    def __init__(self, allow: Sequence[str] | None = None, aliases: Mapping[str, str] | None = None) -> None:
        self._aliases = resolved(aliases or {}, _NAME.fullmatch)
        self._allow = None if allow is None else (allow,) if isinstance(allow, str) else tuple(allow)
        self._names: dict[Any, tuple[str, dict[str, Any], str]] = {}
        self._callees: dict[str, tuple[Callee, dict[str, Any], str]] = {}

    def name_of(self, function: Callable[..., Any] | None) -> str:
        """Return the name that a worker will find the function by. Raises CallableError if there is none."""
        try:
            name, namespace, attribute = self._names[function]
        except (KeyError, TypeError):
            pass
        else:
            # The second look notices a function that was replaced: a worker would call the other one.
            if namespace.get(attribute) is function:
                return name
        callee = self._checked(function)
        self._names[function] = callee.name, callee.namespace, callee.attribute
        return callee.name

    def class_name(self, cls: type) -> str:
        """Return the name that a worker will find a class by. Raises CallableError if there is none."""
        return self.name_of(cls)

    def find(self, name: str) -> Callee:
        """Return what a name stands for. Raises CallableError if it stands for nothing that may be called."""
        cached = self._callees.get(name)
        # The second look makes a reloaded or patched module count.
        if cached is not None and cached[1].get(cached[2]) is cached[0].function:
            return cached[0]
        callee = self._load(self._aliases.get(name, name))
        self._callees[name] = (callee, callee.namespace, callee.attribute)
        return callee

    def class_of(self, name: str) -> type:
        """Return the class of a name, for a serializer. Raises CallableError if it names no allowed class."""
        found = self.find(name).function
        if not isinstance(found, type):
            raise UnknownCallableError(name, "is not a class.")
        return found

    def check_name(self, name: str) -> None:
        """Raise ForbiddenCallable for a name that no worker would look up, without looking for what it stands for."""
        self._parted(self._aliases.get(name, name))

    def _parted(self, name: str) -> tuple[str, str]:
        if not _NAME.fullmatch(name):
            raise ForbiddenCallable(name, "is not a name of the form 'package.module:function'.")
        module_name, _, attribute = name.partition(":")
        self._check_allowed(name, module_name, attribute)
        return module_name, attribute

    def _load(self, name: str) -> Callee:
        module_name, attribute = self._parted(name)
        module = _import(name, module_name)
        function = vars(module).get(attribute)
        if function is None:
            raise UnknownCallableError(name, f"is unknown: the module has no {attribute!r}. Was it renamed or removed?")
        # A module may stand under several names, and a forbidden one under a name that nobody forbids.
        home = module.__name__ if module.__name__ in _MAINS else module_name
        _check_defined(name, home, attribute, function)
        return Callee(name, function, vars(module), restorer(function), inspect.iscoroutinefunction(function))

    def _checked(self, function: Any) -> Callee:
        module_name, qualname = _place(function)
        name = f"{module_name}:{qualname}"
        _check_shape(name, qualname, function)
        if module_name in _MAINS:
            name = f"{_main_module(name)}:{qualname}"
        callee = self._load(name)
        if callee.function is not function:
            raise CallableError(name, "is not what its module has under this name now. Was it decorated or replaced?")
        return callee

    def _check_allowed(self, name: str, module: str, attribute: str) -> None:
        if attribute.startswith("__"):
            raise ForbiddenCallable(name, "is a dunder name, which no message may use.")
        if module in _MAINS:
            raise ForbiddenCallable(name, f"is in {module}, which is another module in each program.")
        if self._allow is None:
            if is_standard(module.partition(".")[0]):
                raise ForbiddenCallable(
                    name, f"is in the standard library. Use one of your own around it, or allow it: "
                    f"Gator(allow=['{module}.{attribute}', …])."
                )  # fmt: skip
            if module.partition(".")[0] in _OWN and not f"{module}.".startswith(f"{_NOT_OWN}."):
                raise ForbiddenCallable(name, "is a part of Alligator, which would not be a task but control them.")
        elif not any(fnmatchcase(f"{module}.{attribute}", pattern) for pattern in self._allow):
            raise ForbiddenCallable(name, f"is not on the allow list ({', '.join(self._allow) or 'which is empty'}).")


def _check_defined(name: str, home: str, attribute: str, function: Any) -> None:
    if not _is_function_or_class(function):
        raise ForbiddenCallable(name, f"is a {type(function).__name__}, not a function or class.")
    place, qualname = _place(function)
    if place != home or qualname != attribute:
        raise ForbiddenCallable(name, f"is only borrowed there: it is defined as '{place}:{qualname}'. Use that name.")
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise ForbiddenCallable(name, "is a generator function, and calling one runs nothing. Drop the yield.")


def _is_function_or_class(function: Any) -> bool:
    if isinstance(function, type):
        return True
    # An object of a class that defines what a call does is none, however much it looks like one.
    call = getattr(type(function), "__call__", None)  # noqa: B004  (not whether there is one, but whose)
    return inspect.isroutine(function) and not isinstance(call, FunctionType)


def _place(function: Any) -> tuple[str, str]:
    qualname = getattr(function, "__qualname__", type(function).__qualname__)
    return getattr(function, "__module__", None) or "builtins", str(qualname)


def _check_shape(name: str, qualname: str, function: Any) -> None:
    if qualname == "<lambda>" or "<lambda>" in qualname:
        raise CallableError(name, "is a lambda, which no worker can find by name. Define it with def in a module.")
    if "<locals>" in qualname:
        raise CallableError(name, "is defined inside a function. Move it to the top level of its module.")
    if isinstance(function, type) and "." in qualname:
        raise CallableError(name, "is a class inside a class. Move it to the top level of its module.")
    if inspect.ismethod(function) or "." in qualname:
        raise CallableError(name, "is a method. Pass a function of a module that looks its object up and calls it.")
    if not callable(function) or not _is_function_or_class(function):
        raise CallableError(name, f"is a {type(function).__name__} object, not a function of a module.")
    if inspect.isbuiltin(function) and function.__module__ in (None, "builtins"):
        raise ForbiddenCallable(name, "is a builtin. Wrap it in a function of your own.")


def _import(name: str, module_name: str) -> ModuleType:
    main = sys.modules.get("__main__")
    if main is not None and module_name == _main_name(main):
        return main
    try:
        module = importlib.import_module(module_name)
    except KeyboardInterrupt:
        raise
    except BaseException as exc:  # (a script may end itself when it is imported, and a test module skip itself)
        raise UnknownModuleError(name, f"can't be imported here: {type(exc).__name__}: {exc}.") from exc
    if not isinstance(module, ModuleType):  # some put an object of their own in their place
        raise ForbiddenCallable(name, f"is in a {type(module).__name__} that stands for a module.")
    return module


def _main_module(name: str) -> str:
    """Return what a worker imports to get at the program that runs as `__main__`."""
    main = sys.modules["__main__"]
    found = _main_name(main)
    if found is None:
        raise CallableError(name, "is in a __main__ that no worker can import. Move it to a module of its own.")
    return found


def _main_name(main: ModuleType) -> str | None:
    spec = getattr(main, "__spec__", None)
    name = "__main__" if spec is None else str(spec.name)
    if name not in _MAINS:
        # Python's own programs, the prompt of 3.13 or a profiler, lend their name to what is run in them.
        return None if is_standard(name.partition(".")[0]) else name
    file = getattr(main, "__file__", None)
    if file is None:
        return None
    stem = os.path.splitext(os.path.basename(file))[0]
    beside = os.path.dirname(os.path.abspath(file))
    reachable = any(os.path.abspath(entry or os.curdir) == beside for entry in sys.path)
    return stem if stem.isidentifier() and reachable and os.path.isfile(file) else None
