"""Options of tasks that hook plugins declare: checked at the call, and carried to the worker in the task's headers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from .errors import OptionError, PluginError
from .task_options import TaskOptions

if TYPE_CHECKING:
    from .plugins import PluginManager
    from .task import Task

OptionReader: TypeAlias = Callable[[Any], str]
"""Checks the value that a caller gave an option, and returns the text that the worker gets. Raises OptionError."""

PREFIX: Final = "option."
CORE: Final = frozenset({field.name for field in fields(TaskOptions)} | {"async", "depends_on"})


def option_of(task: Task, name: str) -> str | None:
    """Return the text of a plugin's option, None if the task was not given it. For the plugin that declared it."""
    return task.headers.get(PREFIX + name) if task.has_headers else None


def split(plugins: PluginManager, given: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the core's own options, and the headers that carry those of plugins.

    Raises OptionError for an unknown one or a bad value, PluginError if plugins don't agree on whose an option is.
    """
    others = {name: value for name, value in given.items() if name not in CORE}
    if not others:
        return dict(given), {}
    readers = _declared(plugins)
    for name in others:
        if name not in readers:
            raise OptionError.unknown(name, {*CORE, *readers}, owner="A task")
    headers = {PREFIX + name: readers[name](value) for name, value in others.items() if value is not None}
    return {name: value for name, value in given.items() if name in CORE}, headers


def _declared(plugins: PluginManager) -> dict[str, OptionReader]:
    readers: dict[str, OptionReader] = {}
    owners: dict[str, str] = dict.fromkeys(CORE, "the core")
    for implementation in plugins.hook.declare_options.get_hookimpls():
        declared: Mapping[str, OptionReader] | None = implementation.function()  # type: ignore[assignment]
        for name, reader in (declared or {}).items():
            owner = implementation.plugin_name
            # Twice the same plugin, with other settings, is no quarrel.
            if name in owners and readers.get(name) is not reader:
                raise PluginError(f"The option {name!r} is declared by {owners[name]} and by {owner}: leave one out.")
            readers[name], owners[name] = reader, owner
    return readers
