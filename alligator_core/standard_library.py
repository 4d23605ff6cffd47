"""The standard library: which modules are Python's own, and never an app's."""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec
from typing import Final

_FOLDER: Final = os.path.dirname(os.__file__) + os.sep
_OTHERS: Final = tuple(_FOLDER + name + os.sep for name in ("site-packages", "dist-packages"))


def is_standard(top_level: str) -> bool:
    """Say whether a top-level module is Python's own.

    Python's list of them leaves out what is for its own tests, some of which runs whatever it is given
    (`_testcapi:run_in_subinterp`): such modules are known by the folder that they are in.
    """
    if top_level in sys.stdlib_module_names:
        return True
    try:
        spec = find_spec(top_level)
    except (ImportError, ValueError):  # a ValueError for a module without a spec, made by hand
        return False
    origin = (spec and spec.origin) or ""
    return origin in ("built-in", "frozen") or (origin.startswith(_FOLDER) and not origin.startswith(_OTHERS))
