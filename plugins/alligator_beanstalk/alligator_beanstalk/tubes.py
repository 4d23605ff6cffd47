"""Names of tubes: which one keeps a queue, and which its dead letters."""

from __future__ import annotations

from typing import Final

from alligator_core.errors import OptionError

LONGEST: Final = 200
"""Bytes, by beanstalkd's protocol."""

_DEAD: Final = "(dead)"
_PLAIN: Final = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-+/;._")


class Tubes:
    """The tubes of the queues of one DSN."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._known: dict[str, bytes] = {}

    def of(self, queue: str) -> bytes:
        """Return the tube of a queue. Raises OptionError for a name that is too long for one.

        Letters, digits and `-+/;._` stand for themselves; any other byte of UTF-8 is written as `$` and two digits.
        """
        tube = self._known.get(queue)
        if tube is None:
            tube = self._known[queue] = self._coded(queue)
        return tube

    def dead(self, queue: str) -> bytes:
        """Return the tube of a queue's dead letters. No queue's own tube has a bracket."""
        return self.of(queue) + _DEAD.encode()

    def _coded(self, queue: str) -> bytes:
        coded = "".join(chr(byte) if byte in _PLAIN else f"${byte:02x}" for byte in queue.encode())
        if not self._prefix and coded.startswith("-"):
            coded = f"${ord('-'):02x}{coded[1:]}"
        tube = self._prefix + coded
        if len(tube) + len(_DEAD) > LONGEST:
            raise OptionError(
                f"The queue {queue[:40]!r}… has a name of {len(tube)} bytes as a tube of beanstalkd: "
                f"{LONGEST - len(_DEAD)} are possible.",
                "queue_name",
            )
        return tube.encode()
