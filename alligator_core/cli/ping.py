"""The command that probes a backend, or a worker by its health file."""

from __future__ import annotations

import faulthandler
import threading
import time
from contextlib import closing
from typing import Final

import click

from ..errors import BackendError
from .exits import NotDone
from .target import open_gator, target_or_environment

DEFAULT_TIMEOUT: Final = 5.0
DEFAULT_MAX_AGE: Final = 60.0
STDERR: Final = 2
LAST_RESORT: Final = 1.0
"""Seconds after the time limit at which the process ends, whatever it hangs in."""


@click.command()
@target_or_environment
@click.option(
    "--timeout", type=float, default=DEFAULT_TIMEOUT, show_default=True, metavar="SECONDS",
    help="How long the backend may take to answer.",
)  # fmt: skip
@click.option("--health-file", type=click.Path(), metavar="PATH", help="Look at the health file of a worker.")
@click.option(
    "--max-age", type=float, default=DEFAULT_MAX_AGE, show_default=True, metavar="SECONDS",
    help="How old the health file may be.",
)  # fmt: skip
def ping(target: str | None, timeout: float, health_file: str | None, max_age: float) -> None:
    """Ask whether a backend answers, or a worker gets on. Exit code 1 if not: for probes.

    With --health-file the backend is asked only if TARGET is given too.

    \b
    Example:
      alligator ping sqlite:///queue.db --timeout 2
      alligator ping --health-file /run/worker.alive --max-age 60
    """
    # Imported late: --help has no use for it.
    from ..worker_options import seconds_above_zero

    timeout, max_age = seconds_above_zero(timeout=timeout), seconds_above_zero(max_age=max_age)
    if health_file is not None:
        _look_at(health_file, max_age)
    if target is not None or health_file is None:
        _ask(target, timeout)


def _look_at(health_file: str, max_age: float) -> None:
    from ..health import age_of

    try:
        age = age_of(health_file)
    except OSError as exc:
        raise NotDone(f"{health_file!r} can't be looked at: {exc.strerror}.") from exc
    if age is None:
        raise NotDone(f"There is no health file {health_file!r}.")
    if age > max_age:
        when = "was never touched" if age == float("inf") else f"was touched {age:.1f} s ago"
        raise NotDone(f"{health_file!r} {when}, which is more than {max_age:g} s.")
    click.echo(f"{health_file} was touched {age:.1f} s ago.")


def _ask(target: str | None, timeout: float) -> None:
    """Ask in a thread, which is left behind if it takes too long."""
    answers: list[str] = []
    errors: list[BaseException] = []

    def ask() -> None:
        try:
            answers.append(_answer(target))
        except BaseException as exc:  # noqa: BLE001  (it is raised in the main thread)
            errors.append(exc)

    # A client in C, or what it does at exit, can hang so that no Python runs any more. This timer is in C too: it
    # shows where, and ends the process with code 1.
    faulthandler.dump_traceback_later(timeout + LAST_RESORT, exit=True, file=STDERR)
    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(timeout)
    if thread.is_alive():
        raise NotDone(f"No answer within {timeout:g} s.")
    faulthandler.cancel_dump_traceback_later()
    if errors:
        raise errors[0]
    click.echo(answers[0])


def _answer(target: str | None) -> str:
    with closing(open_gator(target)) as gator:
        started = time.perf_counter()
        try:
            gator.backend.ping()
        except BackendError as exc:
            raise NotDone(f"{gator.dsn} doesn't answer: {exc}") from exc
        return f"{gator.dsn} answers within {1000 * (time.perf_counter() - started):.1f} ms."
