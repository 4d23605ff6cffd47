"""Writing pickles that name no function, and no class that a message may not name."""

from __future__ import annotations

import pickle
from enum import Enum
from io import BytesIO
from types import BuiltinFunctionType, FunctionType, MethodType
from typing import Any, Final
from zoneinfo import ZoneInfo

from alligator_core.serializer import NameOf

from .refusals import Uncarriable
from .values import VALUES, class_named

PROTOCOL: Final = 5  # What every supported Python reads.

_FUNCTIONS: Final = (FunctionType, BuiltinFunctionType, MethodType)


class Writer(pickle.Pickler):
    """Pickles values. `classes` are those it has named, by their names; `is_plain` says that nothing else was needed.

    Python's own containers, numbers and text never get here: the pickler asks about all other objects.
    """

    def __init__(self, file: BytesIO, name_of: NameOf) -> None:
        super().__init__(file, PROTOCOL)
        self._name_of = name_of
        self.classes: dict[str, type] = {}
        self.is_plain = True

    def reducer_override(self, value: Any) -> Any:
        """Return how an object is made again, or leave it to the object."""
        if isinstance(value, type):
            return self._reduce_class(value)
        kind: type = type(value)
        if kind in VALUES:
            return (ZoneInfo, (value.key,)) if kind is ZoneInfo and value.key else NotImplemented
        if value is class_named:
            return NotImplemented
        self.is_plain = False
        if isinstance(value, Enum):
            return self._reduce_member(value)
        if isinstance(value, _FUNCTIONS):
            shown = f"{value.__module__}.{value.__qualname__}"
            raise Uncarriable(f"is, or is made again by, the function {shown}, and a pickle may name classes only.")
        return NotImplemented

    def _reduce_class(self, cls: type) -> Any:
        if cls in VALUES:
            return NotImplemented
        try:
            name = self._name_of(cls)
        except Exception as exc:
            shown = f"{cls.__module__}.{cls.__qualname__}"
            raise Uncarriable(f"is of type {shown}, which no message may name: {exc}") from exc
        self.classes[name] = cls
        return class_named, (name,)

    def _reduce_member(self, value: Enum) -> Any:
        # Some enums reduce themselves to a call of getattr, which no pickle may name.
        cls = type(value)
        if cls(value.value) is not value:
            raise Uncarriable(f"is {value!r}, which its class doesn't find by its value: pass one of its members.")
        return cls, (value.value,)
