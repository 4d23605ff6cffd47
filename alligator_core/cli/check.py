"""The command that tries the guarantees of a backend."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import click

from .exits import NOT_DONE, Misuse
from .output import counted, json_option, print_json, print_table, printable, progress
from .target import dsn_of

if TYPE_CHECKING:
    from ..testing import Guarantee


@click.command()
@click.argument("dsn", required=False)
@json_option
def check(dsn: str | None, as_json: bool) -> None:
    """Try what Alligator promises on a live server or file. Exit code 1 if a guarantee is broken.

    It works in queues of its own, and removes them afterwards. That takes about half a minute.

    \b
    Example:
      alligator check sqlite:///queue.db
    """
    dsn = dsn_of(dsn)
    found = _run(dsn)
    # Imported late: --help has no use for it.
    from ..dsn import Dsn

    shown = str(Dsn.parse(dsn))
    guarantees = [_described(guarantee, dsn, shown) for guarantee in found]
    kept = all(guarantee.state != "broken" for guarantee in found)
    if as_json:
        print_json({"dsn": shown, "kept": kept, "guarantees": guarantees})
    else:
        _print(shown, guarantees)
    if not kept:
        raise click.exceptions.Exit(NOT_DONE)


def _run(dsn: str) -> list[Guarantee]:
    missing = [name for name in ("pytest", "hypothesis") if find_spec(name) is None]
    if missing:
        raise Misuse(f'This needs {" and ".join(missing)}: pip install "alligator-core[testing]".')
    from ..testing import run_check

    with progress("Trying") as show:
        return run_check(dsn, on_progress=show)


def _described(guarantee: Guarantee, dsn: str, shown: str) -> dict[str, Any]:
    return {
        "guarantee": guarantee.sentence,
        "state": guarantee.state,
        "tests": guarantee.tests,
        "not_offered": guarantee.not_offered,
        # Whatever a failed test quotes, the password stays out of it.
        "failures": [failure.replace(dsn, shown) for failure in guarantee.failures],
    }


def _print(shown: str, guarantees: list[dict[str, Any]]) -> None:
    print_table(["GUARANTEE", "STATE", "TESTS"], [[it["guarantee"], it["state"], it["tests"]] for it in guarantees])
    for it in guarantees:
        for failure in it["failures"]:
            click.echo(f"\n{printable(it['guarantee'])}\n  {printable(failure)}")
    states = ("kept", "in part", "broken", "not offered")
    count = {state: sum(it["state"] == state for it in guarantees) for state in states}
    numbers = ", ".join(f"{number} {state}" for state, number in count.items() if number)
    click.echo(f"\n{shown}: {counted(len(guarantees), 'guarantee')}, {numbers}.")
