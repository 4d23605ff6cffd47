"""Telling plugins what happened: observers are isolated, so that none can fail a task or silence another."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import wraps
from typing import Final, TypeAlias, TypeVar, cast

import pluggy

log = logging.getLogger("alligator.plugins")

FAILED: Final = "Plugin %s failed in %s; the task is not affected"

Call: TypeAlias = Callable[..., object]
"""Calls every implementation of a hook, with the arguments of its spec in their order."""


Hook = TypeVar("Hook", bound=Callable[..., object])


def harmless(hook: Hook) -> Hook:
    """Make a deciding hook of a plugin's class an observer: what it raises is logged, and decides nothing.

    For plugins that only look. Put it below `@hookimpl`.
    """

    @wraps(hook)
    def guarded(self: object, *arguments: object) -> object:
        try:
            return hook(self, *arguments)
        except Exception:
            log.exception(FAILED, type(self).__module__.partition(".")[0], hook.__name__)
            return None

    return cast("Hook", guarded)


def notify(hook: pluggy.HookCaller, **arguments: object) -> None:
    """Call every implementation of an observing hook; log what one raises, with its plugin's name, and go on."""
    for implementation in reversed(hook.get_hookimpls()):
        try:
            implementation.function(*[arguments[name] for name in implementation.argnames])
        except (Exception, SystemExit):
            log.exception(FAILED, implementation.plugin_name, hook.name)


def telling(hook: pluggy.HookCaller) -> Call | None:
    """Return what does as `notify`, faster; None if nobody implements the hook, which then costs one `is None`."""
    implementations = _implementations(hook)
    if not implementations:
        return None

    def tell(*arguments: object) -> None:
        for call, plugin in implementations:
            try:
                call(*arguments)
            except (Exception, SystemExit):
                log.exception(FAILED, plugin, hook.name)

    return tell


def asking(hook: pluggy.HookCaller) -> Call | None:
    """Return what calls every implementation of a hook that returns nothing and may raise; None if there is none."""
    if any(each.wrapper or each.hookwrapper for each in hook.get_hookimpls()):
        return lambda *arguments: hook(**dict(zip(_arguments_of(hook), arguments, strict=True)))
    calls = [call for call, _ in _implementations(hook)]
    if len(calls) < 2:
        return calls[0] if calls else None

    def ask(*arguments: object) -> None:
        for call in calls:
            call(*arguments)

    return ask


def bound(hook: pluggy.HookCaller) -> pluggy.HookCaller | None:
    """Return a hook if anybody implements it, None otherwise: what nobody listens to costs one `is None`."""
    return hook if hook.get_hookimpls() else None


def _implementations(hook: pluggy.HookCaller) -> list[tuple[Call, str]]:
    """Return what calls each one with all arguments in their order, and its plugin's name.

    A call by pluggy itself looks all of this up each time, which takes longer than most hooks do.
    """
    names = _arguments_of(hook)
    return [
        (_taking(each.function, [names.index(name) for name in each.argnames], len(names)), each.plugin_name)
        for each in reversed(hook.get_hookimpls())
    ]


def _taking(function: Call, places: list[int], number: int) -> Call:
    """Return a function that takes `number` arguments and hands on those at some places."""
    if places == [*range(number)]:
        return function
    if places == [0]:
        return lambda first, *_: function(first)
    return lambda *arguments: function(*[arguments[place] for place in places])


def _arguments_of(hook: pluggy.HookCaller) -> tuple[str, ...]:
    assert hook.spec is not None
    return tuple(hook.spec.argnames)
