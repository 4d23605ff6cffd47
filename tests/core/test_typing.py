"""What a type checker sees: `gator.task` keeps the signature of the function it is given."""

from __future__ import annotations

import re
from pathlib import Path

from mypy import api

SNIPPET = """
from alligator import Gator, Task

gator = Gator("locmem://")

def send(user_id: int, *, urgent: bool = False) -> None: ...
async def send_soon(user_id: int) -> str: return ""
class Job:
    def __init__(self, name: str) -> None: ...

async def produce() -> None:
    a: Task = await gator.atask(send, 1, urgent=True)
    await gator.atask(send, "1")  # wrong

a: Task = gator.task(send, 1, urgent=True)
gator.task(send_soon, 1)
gator.task(Job, "x")
gator.task(send, "1")  # wrong
gator.task(send)  # wrong
gator.task(send, 1, 2)  # wrong
gator.task(send, 1, loud=True)  # wrong
gator.task(send_soon, None)  # wrong
gator.task(Job, 1)  # wrong
gator.task("send", 1)  # wrong
with gator.options(retries=3, delay_by=1.5) as opts:
    opts.task(send, 1)
    opts.task(send, "1")  # wrong
b: list[Task] = gator.map(send, [1, 2])
gator.map(send, ["1"])  # wrong
gator.starmap(send, [(1,), (2,)])
with gator.batch():
    gator.task(send, 1)
"""


def test_wrong_arguments_are_found_and_right_ones_are_not(tmp_path: Path) -> None:
    snippet = tmp_path / "snippet.py"
    snippet.write_text(SNIPPET)
    output, trouble, _ = api.run(["--strict", "--config-file=", f"--cache-dir={tmp_path / 'cache'}", str(snippet)])
    assert not trouble, trouble
    found = {int(line) for line in re.findall(r"snippet\.py:(\d+): error:", output)}
    assert found == {number for number, line in enumerate(SNIPPET.split("\n"), 1) if line.endswith("# wrong")}, output
