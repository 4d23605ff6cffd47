"""Reading pickles: whatever they name is looked up by the import policy, or is a type of value."""

from __future__ import annotations

import pickle
from io import BytesIO
from typing import Any

from alligator_core.serializer import ClassOf

from .values import BY_NAME, class_named


class Reader(pickle.Unpickler):
    """Makes values again. Raises ValueError for a pickle that names what `Writer` never does."""

    def __init__(self, file: BytesIO, class_of: ClassOf) -> None:
        super().__init__(file)
        self._class_of = class_of

    def find_class(self, module: str, name: str) -> Any:
        """Return what a pickle may name: never a function, except the one that stands for the import policy."""
        found = BY_NAME.get((module, name))
        if found is not None:
            return found
        if (module, name) == (class_named.__module__, class_named.__qualname__):
            return self._class_of
        raise ValueError(f"it names {module[:100]!r}, {name[:100]!r} by itself, which no pickle of ours does")
