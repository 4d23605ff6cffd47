"""How one run of a task ended."""

from __future__ import annotations

from typing import Final, Literal, NamedTuple, TypeAlias

Kind: TypeAlias = Literal["success", "retry", "defer", "discard", "dead", "expired", "cancelled"]


class Outcome(NamedTuple):
    """What `after_task` is told, and what the worker settles by.

    `error` is the exception of a run that failed; `delay` is in seconds, for `retry` and `defer`; `reason` says why
    for `discard` and `dead`. What is `expired` was too old to be run; what is `cancelled` was asked to stop, and did.
    """

    kind: Kind
    error: BaseException | None = None
    delay: float = 0.0
    reason: str = ""


EXPIRED: Final = Outcome("expired")
SUCCEEDED: Final = Outcome("success")
