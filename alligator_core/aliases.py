"""Aliases: old names of functions and classes, and what they are called now."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from .errors import OptionError


def resolved(aliases: Mapping[str, str], is_name: Callable[[str], object]) -> dict[str, str]:
    """Return for each old name the one that it stands for in the end, since a function may be renamed twice.

    Raises OptionError for what isn't a map of names, or leads back to where it began.
    """
    if not isinstance(aliases, Mapping):
        raise OptionError(f"aliases={aliases!r}: it must map old names to new ones.", "aliases")
    for name in (*aliases, *aliases.values()):
        if not (isinstance(name, str) and is_name(name)):
            raise OptionError(f"aliases: {name!r} is not a name of the form 'package.module:function'.", "aliases")
    return {old: _followed(old, aliases) for old in aliases}


def _followed(old: str, aliases: Mapping[str, str]) -> str:
    way = [old]
    while (name := aliases.get(way[-1])) is not None:
        if name in way:
            raise OptionError(f"aliases: {' → '.join([*way, name])} leads nowhere.", "aliases")
        way.append(name)
    return way[-1]
