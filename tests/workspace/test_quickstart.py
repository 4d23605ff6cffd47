"""How the README's quickstart is found; whether it runs is for test_wheels.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.workspace.quickstart import Command, Quickstart, follow, read
from tests.workspace.repository import tool

SAMPLE = """\
# Sample

```console
$ pip install something-else
```

```python
gator.task(never_saved)
```

```python
# app.py
print("hello")
```

Then:

```console
$ pip install alligator-core
$ python app.py
hello
$ python -c 'import time; print(time.time())'
…
```

```console
$ exit 3
```
"""


def test_the_file_is_the_block_that_begins_with_its_name() -> None:
    assert read(SAMPLE).source == '# app.py\nprint("hello")\n'


def test_the_commands_are_those_of_the_next_console_block() -> None:
    lines = [command.line for command in read(SAMPLE).commands]
    assert lines == ["pip install alligator-core", "python app.py", "python -c 'import time; print(time.time())'"]


def test_the_sample_runs_as_printed(tmp_path: Path) -> None:
    follow(read(SAMPLE), tmp_path, Path(tool("python")).parents[1])


@pytest.mark.parametrize("commands", [[Command("exit 1")], [Command("echo good", ["bad"])]])
def test_a_command_that_fails_or_prints_something_else_is_an_error(commands: list[Command], tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match=r"exit 1|The README says"):
        follow(Quickstart("", commands), tmp_path, tmp_path)


def test_any_text_may_stand_where_the_readme_has_an_ellipsis() -> None:
    assert Command("", ["done in … s (…)"]).printed("done in 0.25 s (3 tasks)\n")


@pytest.mark.parametrize("text", ["", "```python\nprint(1)\n```\n", "```python\n# app.py\n```\n"])
def test_a_readme_without_a_quickstart_is_an_error(text: str) -> None:
    with pytest.raises(LookupError, match="block"):
        read(text)
