"""The Lua scripts, each put together from the parts that its first line names."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from hashlib import sha1
from pkgutil import get_data
from typing import Final, NamedTuple

NAMES: Final = (
    "cancel",
    "close",
    "dead",
    "get",
    "holders",
    "keep_alive",
    "peek",
    "prolong",
    "purge",
    "purge_dead",
    "push_any",
    "push_many",
    "push_one",
    "reconcile",
    "requeue",
    "reserve",
    "settle",
    "size",
    "stop",
    "stops",
    "take_over",
)
_USES: Final = "-- uses: "
_ADDING: Final = {"push_any", "push_many", "push_one", "requeue"}
_READING: Final = {"dead", "holders", "peek", "size"}


class Script(NamedTuple):
    """A script, and the digest that the server knows it by."""

    source: str
    sha: str


@cache
def scripts(*, have_flags: bool) -> Mapping[str, Script]:
    """Return all scripts. From version 7 on, a flag lets those that free memory run where there is none left."""
    found = {}
    for name in NAMES:
        source = (_head(name) if have_flags else "") + _assembled(name)
        found[name] = Script(source, sha1(source.encode()).hexdigest())  # noqa: S324  (Redis names scripts so)
    return found


def _head(name: str) -> str:
    if name in _ADDING:
        return ""
    return f"#!lua flags={'no-writes' if name in _READING else 'allow-oom'}\n"


def _assembled(name: str) -> str:
    source = _read(name)
    first, _, _ = source.partition("\n")
    parts = first.removeprefix(_USES).split() if first.startswith(_USES) else []
    return "\n".join([*map(_read, parts), source])


@cache
def _read(name: str) -> str:
    # By pkgutil, which also reads what is in a zip: importlib.resources takes ten times as long.
    source = get_data(__name__, f"{name}.lua")
    assert source is not None
    return source.decode()
