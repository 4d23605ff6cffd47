"""The core of Alligator, for authors of plugins. Apps import `alligator`."""

from .decisions import Bury, Decision, Defer, Discard, Retry, SkipTask
from .hookspecs import OLDEST_SPEC, SPEC_VERSION, hookimpl

__version__ = "0.1.0"

__all__ = [
    "OLDEST_SPEC",
    "SPEC_VERSION",
    "Bury",
    "Decision",
    "Defer",
    "Discard",
    "Retry",
    "SkipTask",
    "hookimpl",
]
