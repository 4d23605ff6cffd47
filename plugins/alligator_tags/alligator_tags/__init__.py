"""What serializers share: values with types as tagged maps of plain ones, and the refusals of all others.

form = Form("JSON")                                  # what the bytes can hold besides, if anything
plain = form.is_plain_payload(payload)               # then it needs no tags, and the quick way will do
tagged = Tagger(form, name_of).tag_payload(payload)  # lists, dicts and scalars only; or Uncarriable, with its place
payload = Untagger(form, class_of).restore_entries(tagged)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from .form import Form, Reader, Writer
from .limits import DEPTH, LONGEST_INTEGER, MOST_PARTS, TOO_DEEP, TOO_MANY_PARTS

if TYPE_CHECKING:
    from .entries import count_entries
    from .refusals import Uncarriable, too_many_parts
    from .tagging import Tagger, write_int
    from .untagging import Untagger

__all__ = [
    "DEPTH",
    "Form",
    "LONGEST_INTEGER",
    "MOST_PARTS",
    "Reader",
    "TOO_DEEP",
    "TOO_MANY_PARTS",
    "Tagger",
    "Uncarriable",
    "Untagger",
    "Writer",
    "count_entries",
    "too_many_parts",
    "write_int",
]

_HOMES: Final = {
    "Tagger": "tagging",
    "count_entries": "entries",
    "Uncarriable": "refusals",
    "Untagger": "untagging",
    "too_many_parts": "refusals",
    "write_int": "tagging",
}


def __getattr__(name: str) -> Any:
    # Imported late: an app whose arguments are plain starts without what tags need.
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    found = globals()[name] = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    return found
