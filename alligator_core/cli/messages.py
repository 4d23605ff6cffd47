"""What a message is about, as operators see it: read without importing the function that it calls."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from ..errors import AlligatorException
from .output import moment

if TYPE_CHECKING:
    from ..gator import Gator

args_option = click.option("--args", "with_args", is_flag=True, help="Show the arguments too: they may be secret.")


def described(gator: Gator, queue: str, body: bytes, *, with_args: bool = False) -> dict[str, Any]:
    """Return what a message says about its task; `unreadable` is the reason if it says nothing."""
    known: dict[str, Any] = dict.fromkeys(("task", "attempt", "retries", "enqueued_at", "unreadable"))
    known["size"] = len(body)
    if with_args:
        known["args"] = known["kwargs"] = None
    try:
        payload = gator.codec.read(body, queue)
    except AlligatorException as exc:
        return {**known, "unreadable": str(exc)}
    known.update((name, value) for name, value in payload._asdict().items() if name in known)
    return known


def for_people(description: dict[str, Any]) -> dict[str, Any]:
    """Return a description with times and sizes in words, and each argument as Python writes it."""
    shown = {**description, "size": f"{description['size']:,} bytes"}
    if description["enqueued_at"]:
        shown["enqueued_at"] = moment(description["enqueued_at"])
    if description.get("args") is not None:
        shown["args"] = [repr(value) for value in description["args"]]
        shown["kwargs"] = [f"{name}={value!r}" for name, value in description["kwargs"].items()]
    return shown
