"""The command that runs a worker."""

from __future__ import annotations

import logging
import sys
from typing import Any

import click

from .exits import Guarded
from .target import open_gator, queue_of, target_or_environment

LEVELS = ("debug", "info", "warning", "error")
FORMAT = "%(asctime)s %(process)d %(levelname)s %(name)s: %(message)s"


@click.command(cls=Guarded)
@target_or_environment
@click.option(
    "--queue", "queues", multiple=True, metavar="NAME",
    help="A queue to work on; the first named goes first. Default: the Gator's own.",
)  # fmt: skip
@click.option("--burst", is_flag=True, help="Stop when no task is ready.")
@click.option("--max-tasks", type=int, metavar="N", help="Stop after so many tasks.")
@click.option(
    "--lease", type=float, metavar="SECONDS",
    help="Others take over what a worker holds so long after its last sign of life. Default: 30.",
)  # fmt: skip
@click.option(
    "--grace", type=float, metavar="SECONDS",
    help="How long a running task may go on after SIGTERM. Default: 30.",
)  # fmt: skip
@click.option(
    "--max-deliveries", type=int, metavar="N",
    help="A task becomes a dead letter once so many workers died under it. Default: 5.",
)  # fmt: skip
@click.option(
    "--log-level", type=click.Choice(LEVELS, case_sensitive=False),
    help="How much to log on stderr. Default: info.",
)  # fmt: skip
def worker(target: str | None, queues: tuple[str, ...], log_level: str | None, **limits: Any) -> None:
    """Run tasks until SIGTERM or SIGINT.

    TARGET is a DSN, or module:attribute of the app's Gator or of a function that makes one; without it,
    ALLIGATOR_CONN holds the DSN. Modules are found in the current folder first.

    \b
    Example:
      alligator worker shop.queues:gator --queue urgent --queue all
    """
    gator = open_gator(target, with_hooks=True)
    # Imported late: --help has no use for it.
    from ..worker import Worker

    level = log_level.upper() if log_level else None
    # After the app's modules, so that an app which sets up logging by itself has its way.
    logging.basicConfig(stream=sys.stderr, format=FORMAT, level=level or "INFO")
    names = [queue_of(gator, name) for name in queues]
    given = {name: value for name, value in limits.items() if value is not None}
    try:
        Worker(gator, to_consume=names, log_level=level, **given).run_forever()
    finally:
        gator.close()
