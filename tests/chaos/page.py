"""The page of the documentation that holds the latest table."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from pathlib import Path

from .cell import Result
from .table import as_list, as_markdown

PAGE = Path(__file__).parents[2] / "docs" / "chaos.md"


def write(rows: Sequence[Sequence[str]], missing: Sequence[str], results: Sequence[Result]) -> None:
    """Put the faults and the table into the page, each between its marks."""
    tasks = sum(result.verdict.pushed for result in results)
    when = time.strftime("%Y-%m-%d")
    head = f"{when}: {len(results)} runs, {tasks:,} tasks, {sum(len(r.verdict.lost) for r in results)} lost."
    text = PAGE.read_text(encoding="utf-8")
    text = _between("faults", as_list(), text)
    below = "\n".join(f"- {line}" for line in missing)
    PAGE.write_text(_between("table", f"{head}\n\n{as_markdown(rows)}\n\n{below}", text), encoding="utf-8")


def _between(mark: str, content: str, text: str) -> str:
    pattern = rf"(<!-- {mark} -->\n).*?(<!-- end of {mark} -->)"
    return re.sub(pattern, lambda found: f"{found[1]}{content}\n{found[2]}", text, flags=re.DOTALL)
