"""Telling plugins what happened: observers are isolated, so that none can fail a task or silence another."""

from __future__ import annotations

import logging

import pluggy

log = logging.getLogger("alligator.plugins")


def notify(hook: pluggy.HookCaller, **arguments: object) -> None:
    """Call every implementation of an observing hook; log what one raises, with its plugin's name, and go on."""
    for implementation in reversed(hook.get_hookimpls()):
        try:
            implementation.function(*[arguments[name] for name in implementation.argnames])
        except (Exception, SystemExit):
            log.exception("Plugin %s failed in %s; the task is not affected", implementation.plugin_name, hook.name)


def bound(hook: pluggy.HookCaller) -> pluggy.HookCaller | None:
    """Return a hook if anybody implements it, None otherwise: what nobody listens to costs one `is None`."""
    return hook if hook.get_hookimpls() else None
