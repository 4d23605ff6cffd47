"""Entry points: what installed distributions offer.

The standard library's `importlib.metadata` knows every way in which a distribution can be installed, but importing it
takes longer than all of Alligator (it brings the email and zip packages along). So the usual way, a folder beside the
packages, is read here, and the library is asked wherever there could be another.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from importlib.machinery import PathFinder
from typing import Final, NamedTuple

GROUPS: Final = ("alligator.backends", "alligator.serializers", "alligator.hooks")


class EntryPoint(NamedTuple):
    """A name that a distribution gives to an object, `module` or `module:attribute`."""

    group: str
    name: str
    value: str
    distribution: str
    version: str

    def load(self) -> object:
        """Import the module and return the object. Raises whatever importing raises."""
        module, _, attributes = self.value.partition("[")[0].strip().partition(":")
        found: object = import_module(module.strip())
        for attribute in filter(None, attributes.strip().split(".")):
            found = getattr(found, attribute)
        return found


@cache
def entry_points(group: str) -> tuple[EntryPoint, ...]:
    """Return the entry points of one of `GROUPS`, each once, in the order of `sys.path`. Read once per process."""
    return tuple(dict.fromkeys(entry for entry in _all() if entry.group == group))


def _all() -> Iterator[EntryPoint]:
    return _in_folders(sys.path) if _are_usual(sys.path) else _by_library()


def _are_usual(path: list[str]) -> bool:
    finders = [finder for finder in sys.meta_path if hasattr(finder, "find_distributions")]
    return finders == [PathFinder] and not any(os.path.isfile(entry) for entry in path)


def _in_folders(path: list[str]) -> Iterator[EntryPoint]:
    seen: set[str] = set()
    for folder in path:
        try:
            names = os.listdir(folder or os.curdir)
        except OSError:
            continue
        for name in sorted(names):
            stem, ending = os.path.splitext(name)
            distribution, _, version = stem.partition("-")
            # The first of a name on the path is the one that is imported, so it is the one that counts.
            if ending in (".dist-info", ".egg-info") and distribution not in seen:
                seen.add(distribution)
                file = os.path.join(folder, name, "entry_points.txt")
                yield from _in_file(file, distribution.replace("_", "-"), version.partition("-")[0])


def _in_file(file: str, distribution: str, version: str) -> Iterator[EntryPoint]:
    try:
        with open(file, encoding="utf-8") as lines:
            group = ""
            for line in map(str.strip, lines):
                if line.startswith("["):
                    group = line.strip("[] ")
                elif group in GROUPS and "=" in line and not line.startswith(("#", ";")):
                    name, _, value = line.partition("=")
                    yield EntryPoint(group, name.strip(), value.strip(), distribution, version)
    except (OSError, UnicodeDecodeError):
        return


def _by_library() -> Iterator[EntryPoint]:
    from importlib import metadata

    for group in GROUPS:
        for entry in metadata.entry_points(group=group):
            name, version = (entry.dist.name, entry.dist.version) if entry.dist else ("an unnamed distribution", "")
            yield EntryPoint(group, entry.name, entry.value, name, version)
