"""Telling plugins what happened: observers are isolated, so that none can fail a task or silence another."""

from __future__ import annotations

import logging

import pluggy

from .errors import PluginError

log = logging.getLogger("alligator.plugins")


def notify(hook: pluggy.HookCaller, **arguments: object) -> None:
    """Call every implementation of an observing hook; log what one raises, with its plugin's name, and go on."""
    for implementation in reversed(hook.get_hookimpls()):
        try:
            implementation.function(*[arguments[name] for name in implementation.argnames])
        except Exception:
            log.exception("Plugin %s failed in %s; the task is not affected", implementation.plugin_name, hook.name)


def bound(hook: pluggy.HookCaller, *, observer: bool = True) -> pluggy.HookCaller | None:
    """Return a hook if anybody implements it, None otherwise: what nobody listens to costs one `is None`.

    Raises PluginError for a wrapper around an observing hook: those are called one by one.
    """
    implementations = hook.get_hookimpls()
    for implementation in implementations if observer else ():
        if implementation.hookwrapper or implementation.wrapper:
            raise PluginError(
                f"Plugin {implementation.plugin_name} wraps {hook.name}, which only observes. "
                "To wrap a task's run, enter a context manager in before_task: task.enter_context(…)."
            )
    return hook if implementations else None
