"""What SQLite's errors mean, and what to do about them."""

from __future__ import annotations

import os
import sqlite3
from typing import Final

from alligator_core.errors import BackendError, BackendUnavailable

# By their texts: the codes are there from Python 3.11 on only.
_PASSING: Final = {
    "lock": "was locked by other processes for too long: raise busy_timeout",
    "unable to open": "can't be opened: {}",
    "full": "can't grow, its disk is full, and nothing was changed: make room",
    "disk I/O": "can't be read or written, and nothing was changed: look at its disk, and at its limits on size",
}
_LASTING: Final = {
    "readonly": "can't be written: give this user write access to it and its folder",
    "not a database": "is not an SQLite database: name another file",
    "malformed": "is damaged: restore it, or save with .recover what can be read",
}


def is_busy(error: sqlite3.Error) -> bool:
    """Say whether another connection was in the way, so that trying again in a moment may help."""
    return isinstance(error, sqlite3.OperationalError) and "lock" in str(error)


def explained(error: sqlite3.Error, path: str) -> BackendError:
    """Return our error for one of SQLite's: it names the file, the reason and the remedy."""
    for kind, meanings in ((BackendUnavailable, _PASSING), (BackendError, _LASTING)):
        for words, meaning in meanings.items():
            if words in str(error):
                return kind(f"{path!r} {meaning.format(_why_unopened(path))}. ({error})")
    return BackendError(f"{path!r} failed, and nothing was changed: {error}.")


def _why_unopened(path: str) -> str:
    folder = os.path.dirname(path)
    if not os.path.isdir(folder):
        return f"create the folder {folder!r} first"
    return "it is a folder, name a file" if os.path.isdir(path) else "give this user write access to it and its folder"
