"""Which errors are meant: by class, or by a name that needs no import."""

from __future__ import annotations

import builtins
import logging
import sys
from collections.abc import Sequence
from functools import lru_cache
from typing import TypeAlias

from alligator_core.errors import OptionError

log = logging.getLogger("alligator.plugins.retry")

Kind: TypeAlias = "type[BaseException] | str"


def check_kinds(option: str, kinds: Kind | Sequence[Kind]) -> None:
    """Raise OptionError for what can't be an exception class or the name of one."""
    for kind in _several(kinds):
        named = getattr(builtins, kind, None) if isinstance(kind, str) and "." not in kind else kind
        if not (isinstance(named, str) or _is_error(named)):
            raise OptionError(
                f"{option}={kind!r}: it must be an exception class, or the name of one, such as "
                "'TimeoutError' or 'requests.exceptions.Timeout'.",
                option,
            )


def is_one_of(error: BaseException, kinds: Kind | Sequence[Kind]) -> bool:
    """Say whether an error is of one of these classes, or of a subclass."""
    return any(_is(error, kind) for kind in _several(kinds))


def _several(kinds: Kind | Sequence[Kind]) -> Sequence[Kind]:
    return kinds if isinstance(kinds, Sequence) and not isinstance(kinds, str) else (kinds,)


def _is(error: BaseException, kind: Kind) -> bool:
    if not isinstance(kind, str):
        return isinstance(error, kind)
    name = kind if "." in kind else f"builtins.{kind}"
    if any(f"{each.__module__}.{each.__qualname__}" == name for each in type(error).__mro__):
        return True
    found = _found(name)  # by another name than its own, as requests.Timeout is
    return found is not None and isinstance(error, found)


def _found(name: str) -> type[BaseException] | None:
    module, found = _module_of(name)
    if module is None:
        return None  # nothing of a module that is not imported can have been raised
    for part in name[len(module) + 1 :].split("."):
        found = getattr(found, part, None)
    if not _is_error(found):
        _complain(name, module)
        return None
    return found  # type: ignore[return-value]


def _module_of(name: str) -> tuple[str | None, object]:
    module = name.rpartition(".")[0]
    while module and module not in sys.modules:
        module = module.rpartition(".")[0]
    return (module, sys.modules[module]) if module else (None, None)


@lru_cache(maxsize=100)
def _complain(name: str, module: str) -> None:
    # Once for each. Not at the start: a package may load what it has when that is asked for.
    log.warning("Retries are said to depend on %s, but %s has no such exception class", name, module)


def _is_error(found: object) -> bool:
    return isinstance(found, type) and issubclass(found, BaseException)
