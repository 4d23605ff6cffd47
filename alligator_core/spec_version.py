"""The version of the specs that a plugin was built for, held against the ones that this core has."""

from __future__ import annotations

from typing import Final

from . import __version__
from .hookspecs import OLDEST_SPEC, SPEC_VERSION

ATTRIBUTE: Final = "alligator_spec_version"
"""What a plugin, a module or an object, says its version by. Where there is none, nothing is compared."""


def objection(plugin: object, owner: str, distribution: str) -> str:
    """Say why a plugin doesn't go with this core, and what to do; "" if it does. `owner` begins the sentence."""
    built_for = getattr(plugin, ATTRIBUTE, None)
    if built_for is None:
        return ""
    if type(built_for) is not int:
        return f"{owner} says {ATTRIBUTE} = {built_for!r}: it must be a whole number, such as {SPEC_VERSION}."
    if OLDEST_SPEC <= built_for <= SPEC_VERSION:
        return ""
    own = distribution or "the plugin"
    newer, older = ("alligator-core", own) if built_for > SPEC_VERSION else (own, "alligator-core")
    return (
        f"{owner} was built for version {built_for} of the plugin specs, and alligator-core {__version__} has "
        f"{_versions()}: upgrade {newer}, or use an older version of {older}."
    )


def _versions() -> str:
    return f"{SPEC_VERSION}" if OLDEST_SPEC == SPEC_VERSION else f"{OLDEST_SPEC} to {SPEC_VERSION}"
