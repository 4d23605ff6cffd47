"""What it costs a worker to refuse a message that is made to cost much: python -m benchmarks.refusals.

Each message is decoded as a worker does it, and refused; the time is the process's own, so that others matter less.
`tests/core/test_refusals.py` runs the same through a worker.
"""

from __future__ import annotations

import json
import time
import tracemalloc
from collections.abc import Callable
from contextlib import suppress

from alligator import AlligatorException, Gator

NAME = "benchmarks.noop:noop"
SECRET = "a secret of these benchmarks"
MILLION = 10**6


def message(first_line: str = "json", **fields: str) -> bytes:
    """Return a message whose fields are given as JSON."""
    payload = {"id": '"1"', "task": f'"{NAME}"', "args": "[1]", **fields}
    return (first_line + "\n{" + ",".join(f'"{key}":{value}' for key, value in payload.items()) + "}").encode()


def text(length: int) -> str:
    return f'"{"x" * length}"'


def entries(count: int) -> str:
    return "{" + ",".join(f'"k{number}":"x"' for number in range(count)) + "}"


UNSIGNED: dict[str, Callable[[], bytes]] = {
    "a body of 64 MB": lambda: message(args=f"[{text(64 * MILLION)}]"),
    "16 MB that are no message": lambda: b"x" * 16 * MILLION,
    "16 MB of opening brackets": lambda: message(args="[" * 16 * MILLION),
    "8 MB of brackets, closed again": lambda: message(args="[" * 8 * MILLION + "]" * 8 * MILLION),
    "101 levels": lambda: message(args="[" * 101 + "]" * 101),
    "8 MB of maps in one another": lambda: message(args="[" + '{"a":' * MILLION + "1" + "}" * MILLION + "]"),
    "an integer of 16 million digits": lambda: message(args=f"[{'9' * 16 * MILLION}]"),
    "an integer of 5,000 digits": lambda: message(args=f"[{'9' * 5000}]"),
    "1e999999999": lambda: message(args="[1e999999999]"),
    "a time of 4,000 digits": lambda: message(enqueued_at="9" * 4000),
    "an attempt of 4,000 digits": lambda: message(attempt="9" * 4000),
    "retries beyond counting": lambda: message(retries=str(2**60)),
    "a time limit of 4,000 digits": lambda: message(options=f'{{"timeout":{"9" * 4000}}}'),
    "the same key twice": lambda: message(kwargs='{"a":1,"a":2}'),
    "the same key a million times": lambda: message(args="[{" + ",".join(['"a":1'] * MILLION) + "}]"),
    "half a surrogate pair, escaped": lambda: message(args=r'["\ud800"]'),
    "half a surrogate pair, in bytes": lambda: message(args='["?"]').replace(b"?", b"\xed\xa0\x80"),
    "a million arguments": lambda: message(args=json.dumps([1] * MILLION)),
    "a million named arguments": lambda: message(kwargs=entries(MILLION)),
    "a million headers": lambda: message(headers=entries(MILLION)),
    "a million keys": lambda: message(**{f"k{number}": "1" for number in range(MILLION)}),
    "five million empty maps": lambda: message(args="[[" + "{}," * (5 * MILLION - 1) + "{}]]"),
    "a million unknown tags": lambda: message(args="[" + ",".join(['{"$x":1}'] * MILLION) + "]"),
    "a module's name of 16 MB": lambda: message(task=f'"{"x" * 16 * MILLION}:f"'),
    "a module a million packages deep": lambda: message(task=f'"{".".join(["json"] * MILLION)}:f"'),
    "a function's name of 16 MB": lambda: message(task=f'"benchmarks.noop:{"x" * 16 * MILLION}"'),
    "an option's name of 16 MB": lambda: message(options=f'{{"{"x" * 16 * MILLION}":1}}'),
    "a first line of 16 MB": lambda: message("json;" + "v=1;" * 4 * MILLION),
}
"""Messages that a worker without a secret refuses."""

SIGNED: dict[str, Callable[[], bytes]] = {
    "16 MB without a signature": lambda: message(args=f"[{text(16 * MILLION)}]"),
    "16 MB with a wrong signature": lambda: message(f"json;sig={'0' * 64}", args=f"[{text(16 * MILLION)}]"),
    "a signature of 16 MB": lambda: message(f"json;sig={'0' * 16 * MILLION}"),
}
"""Messages that a worker with the secret refuses before it decodes them."""


def main() -> None:
    plain, signed = Gator("locmem://", plugins=[], secret=[]), Gator("locmem://", plugins=[], secret=SECRET)
    plain.codec.decode(message(), "all")
    print("| message | bytes | ms | memory, MB | becomes |\n|---|--:|--:|--:|---|")
    show(plain, "for comparison, accepted: a text of 16 MB", message(args=f"[{text(16 * MILLION)}]"))
    show(plain, "for comparison, accepted: a list of a million numbers", message(args=f"[{[1] * MILLION}]"))
    for gator, cases in ((plain, UNSIGNED), (signed, SIGNED)):
        for name, make in cases.items():
            show(gator, name, make())


def show(gator: Gator, name: str, body: bytes) -> None:
    """Print one line of the table."""
    best = min(measure(gator, body) for _ in range(3))
    tracemalloc.start()
    became = outcome(gator, body)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    print(f"| {name} | {len(body):,} | {best * 1000:,.2f} | {peak / MILLION:,.1f} | {became[:70]} |")


def measure(gator: Gator, body: bytes) -> float:
    started = time.process_time()
    with suppress(AlligatorException):
        gator.codec.decode(body, "all")
    return time.process_time() - started


def outcome(gator: Gator, body: bytes) -> str:
    try:
        return repr(gator.codec.decode(body, "all"))
    except AlligatorException as exc:
        return str(exc)


if __name__ == "__main__":
    main()
