"""One cell of the table as a test."""

from __future__ import annotations

import pytest

from .cell import Cell, run

GARBAGE = 1_000


def check(fault: str, backend: str, mode: str) -> None:
    """Run a cell, and fail with what is wrong."""
    result = run(Cell(fault, backend, mode), seed=1, garbage=GARBAGE)
    if result.problems:
        pytest.fail("\n".join([*result.problems, f"history and logs: {result.kept}"]), pytrace=False)
