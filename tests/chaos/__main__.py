"""Hurt every backend in every mode in every way, and print what came of it.

    python -m tests.chaos [--minutes M] [--only WORD …] [--seed N] [--jobs N] [--markdown]

Exits with 1 if anything was lost, hung, ran unexpectedly or was repeated without cause.
"""

from __future__ import annotations

import argparse
import logging
import random
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from . import page
from .cell import Cell, Result, cells, run
from .table import as_text, not_run, rows


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it, and return the exit code."""
    options = _parser().parse_args(arguments)
    logging.disable()  # workers within this process have much to say about garbage
    chosen = [cell for cell in cells() if all(word in str(cell).split("/") for word in options.only)]
    if not chosen:
        print(f"No cell is of {options.only}.")
        return 2
    seed = random.randrange(10**6) if options.seed is None else options.seed
    results = _run([cell for cell in chosen if not cell.missing], options, seed)
    table, missing = rows(chosen, results), not_run(chosen, results)
    print("", as_text(table), "", *missing, "", sep="\n")
    if options.markdown:
        page.write(table, missing, results)
    bad = [result for result in results if result.problems]
    for result in bad:
        print(f"{result.cell} --seed {result.seed}: {'; '.join(result.problems)} (see {result.kept})")
    print(f"{len(results)} runs, {sum(r.verdict.pushed for r in results)} tasks, {len(bad)} runs with problems")
    return 1 if bad else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0, help="start nothing new after so long; default 10")
    parser.add_argument("--only", action="append", default=[], metavar="WORD", help="a backend, mode or fault")
    parser.add_argument("--seed", type=int, help="of what is random")
    parser.add_argument("--jobs", type=int, default=3, help="runs at a time; default 3")
    parser.add_argument("--markdown", action="store_true", help="write the table into docs/chaos.md")
    return parser


def _run(chosen: Sequence[Cell], options: argparse.Namespace, seed: int) -> list[Result]:
    """Run the cells once each, in a random order, for as long as there is time."""
    end = time.monotonic() + 60 * options.minutes
    order = random.Random(seed).sample(chosen, len(chosen))
    with ThreadPoolExecutor(options.jobs) as pool:
        found = list(pool.map(partial(_run_until, end), order, range(seed, seed + len(order))))
    return [result for result in found if result is not None]


def _run_until(end: float, cell: Cell, seed: int) -> Result | None:
    if time.monotonic() > end:
        return None
    result = run(cell, seed)
    verdict = result.verdict
    print(
        f"{result.seconds:5.1f} s  {cell}: {verdict.pushed} tasks, lost {len(verdict.lost)}, "
        f"repeated {verdict.repeated}{''.join(f'; {problem}' for problem in result.problems)}",
        flush=True,
    )
    return result


if __name__ == "__main__":
    sys.exit(main())
