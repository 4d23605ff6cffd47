"""What SQLite's errors mean, and what to do about them."""

from __future__ import annotations

import os
import sqlite3

from alligator_core.errors import BackendError, BackendUnavailable


def is_busy(error: sqlite3.Error) -> bool:
    """Say whether trying again in a moment may help, because another connection has the file."""
    # By its text: the codes are there from Python 3.11 on only. The protocol error is a race between two openings.
    return "locked" in str(error) or "locking protocol" in str(error)


def explained(error: sqlite3.Error, path: str) -> BackendError:
    """Return our error for one of SQLite's. It names the file, the reason and the remedy."""
    text = str(error)
    if is_busy(error):
        return BackendUnavailable(f"{path!r} was locked by other processes for too long: raise busy_timeout. ({text})")
    if "unable to open" in text:
        return BackendUnavailable(f"{path!r} can't be opened: {_why_unopened(path)}. ({text})")
    if "full" in text:
        return BackendUnavailable(f"{path!r} can't grow: its disk is full. Nothing was changed; make room. ({text})")
    if "readonly" in text:
        return BackendError(f"{path!r} can't be written: give this user write access to it and its folder. ({text})")
    if "not a database" in text:
        return BackendError(f"{path!r} is not an SQLite database: name another file. ({text})")
    if "malformed" in text:
        return BackendError(f"{path!r} is damaged: restore it, or save what can be read with .recover. ({text})")
    kind = BackendUnavailable if isinstance(error, sqlite3.OperationalError) else BackendError
    return kind(f"{path!r} failed, and nothing was changed: {text}.")


def _why_unopened(path: str) -> str:
    folder = os.path.dirname(path)
    if not os.path.isdir(folder):
        return f"create the folder {folder!r} first"
    if os.path.isdir(path):
        return "it is a folder, name a file"
    return "give this user write access to it and its folder"
