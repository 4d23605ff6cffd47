"""The serializer: a checksum, and a pickle that names no function and no class but those that a message may name."""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO
from typing import Any, Final
from zlib import crc32

from alligator_core.errors import AlligatorException
from alligator_core.serializer import ClassOf, NameOf

from .reader import Reader
from .refusals import located
from .writer import Writer

NAME: Final = "pickle"

_SUM: Final = 4  # bytes


class PickleSerializer:
    """Turns payloads into pickles and back. Safe to share between threads."""

    name = NAME

    def dumps(self, payload: Mapping[str, object], name_of: NameOf) -> bytes:
        """Return a payload pickled. Raises Uncarriable for what can't be, or could not be read again."""
        try:
            pickled = _written(payload, name_of)
        except Exception as exc:  # (an object's own code may raise anything)
            raise located(exc, payload, lambda value: _written(value, name_of)) from exc
        return crc32(pickled).to_bytes(_SUM, "big") + pickled

    def loads(self, payload: bytes, class_of: ClassOf) -> dict[str, Any]:
        """Return what `dumps` was given. Raises ValueError for anything else; errors of `class_of` pass through."""
        pickled = payload[_SUM:]
        # A single flipped bit can make a pickle ask for all the memory there is.
        if crc32(pickled).to_bytes(_SUM, "big") != payload[:_SUM]:
            raise ValueError("it is damaged: its checksum is another one")
        found = _read(pickled, class_of)
        if type(found) is not dict:
            raise ValueError(f"it holds a {type(found).__name__}, not a map")
        return found


def _written(value: object, name_of: NameOf) -> bytes:
    file = BytesIO()
    writer = Writer(file, name_of)
    writer.dump(value)
    pickled = file.getvalue()
    if not writer.is_plain or writer.classes:
        # An object may say that it is made again by what no pickle may name.
        _read(pickled, writer.classes.__getitem__)
    return pickled


def _read(pickled: bytes, class_of: ClassOf) -> Any:
    file = BytesIO(pickled)
    try:
        found = Reader(file, class_of).load()
    except AlligatorException:
        raise
    except Exception as exc:  # (making an object may run an app's own code)
        raise ValueError(f"{type(exc).__name__}: {exc}") from exc
    if file.read(1):
        raise ValueError("something follows its end")
    return found
