"""The command that counts tasks."""

from __future__ import annotations

import click

from .output import json_option, print_json, print_table
from .target import open_gator, queue_of, target_or_environment

STATES = ("ready", "delayed", "reserved", "dead")


@click.command()
@target_or_environment
@click.option("--queue", "queues", multiple=True, metavar="NAME", help="A queue; may be given several times.")
@json_option
def stats(target: str | None, queues: tuple[str, ...], as_json: bool) -> None:
    """Count the tasks of a queue by state.

    \b
    Example:
      alligator stats sqlite:///queue.db --queue all --queue mail

    Ready ones wait for a worker, delayed ones for their time, reserved ones are with a worker, dead ones failed for
    good. Not exact are the numbers of a backend that only estimates.
    """
    gator = open_gator(target)
    names = list(dict.fromkeys(queue_of(gator, name) for name in queues or (None,)))
    sizes = [{"queue": name, **gator.backend.size(name)._asdict()} for name in names]
    if as_json:
        print_json({"dsn": str(gator.dsn), "queues": sizes})
        return
    rows = [[size["queue"], *(size[state] for state in STATES), "yes" if size["exact"] else "no"] for size in sizes]
    print_table(["QUEUE", *map(str.upper, STATES), "EXACT"], rows)
