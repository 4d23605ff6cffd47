"""The table fault × backend × mode, for the terminal and for the documentation."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from statistics import median

from .cell import Cell, Result
from .faults import FAULTS

HEAD = ("fault", "backend", "mode", "tasks", "lost", "repeated", "dead", "back after, s", "")


def rows(cells: Iterable[Cell], results: Sequence[Result]) -> list[tuple[str, ...]]:
    """Return the rows of those that were run, in the order of the cells; several runs of one are added up."""
    by_cell: dict[Cell, list[Result]] = defaultdict(list)
    for result in results:
        by_cell[result.cell].append(result)
    return [_row(cell, by_cell[cell]) for cell in cells if by_cell[cell]]


def not_run(cells: Iterable[Cell], results: Sequence[Result]) -> list[str]:
    """Say which cells were not run here, and why."""
    ran = {result.cell for result in results}
    modes: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    for cell in cells:
        if cell not in ran:
            modes[cell.fault, cell.backend, cell.missing or "no time was left"].append(cell.mode)
    faults: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    for (fault, backend, why), found in modes.items():
        faults[why, backend, ", ".join(found)].append(fault)
    return [
        f"not run here: {backend} ({modes}) {', '.join(found)}: {why}"
        for (why, backend, modes), found in sorted(faults.items())
    ]


def as_text(rows: Sequence[Sequence[str]]) -> str:
    """Lay them out in columns."""
    widths = [max(len(row[column]) for row in [HEAD, *rows]) for column in range(len(HEAD))]
    lines = ["  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)) for row in [HEAD, *rows]]
    return "\n".join(line.rstrip() for line in lines)


def as_markdown(rows: Sequence[Sequence[str]]) -> str:
    """Lay them out as a table of Markdown."""
    rule = ["---"] * 3 + ["--:"] * 5 + ["---"]
    return "\n".join(f"| {' | '.join(row)} |" for row in [HEAD, rule, *rows])


def as_list() -> str:
    """Say what each fault is, as a list of Markdown."""
    return "\n".join(f"- **{fault.name}**: {fault.summary}" for fault in FAULTS.values())


def _row(cell: Cell, results: Sequence[Result]) -> tuple[str, ...]:
    verdicts = [result.verdict for result in results]
    back = sorted(seconds for verdict in verdicts for seconds in verdict.redelivery)
    problems = [problem for result in results for problem in result.problems]
    return (
        cell.fault,
        cell.backend,
        cell.mode,
        str(sum(verdict.pushed for verdict in verdicts)),
        str(sum(len(verdict.lost) for verdict in verdicts)),
        str(sum(verdict.repeated for verdict in verdicts)),
        str(sum(len(verdict.dead) for verdict in verdicts)),
        f"{median(back):.1f} / {back[-1]:.1f}" if back else "",
        "; ".join(problems),
    )
