"""The README's quickstart as a program: its code block is the file, its console block the commands and what they print.

The first code block whose first line is the comment `# app.py` is that file. In the next ```console block a line that
starts with `$ ` is a command, and what follows up to the next one is its output, where `…` stands for any text.
"""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

FILE = "app.py"
LIMIT = 60.0  # seconds for each command


@dataclass
class Command:
    """A command and the lines that it prints according to the README; none means that they don't matter."""

    line: str
    output: list[str] = field(default_factory=list)

    @property
    def installs(self) -> bool:
        """Tell whether it's the installation, which the test has done from the wheels."""
        return re.match(r"(python3? -m )?pip install |uv (pip install|add) ", self.line) is not None

    def printed(self, text: str) -> bool:
        """Tell whether a text is what the README says that the command prints."""
        pattern = re.escape("\n".join(self.output).strip()).replace("…", ".*?")
        return not self.output or re.fullmatch(pattern, text.strip(), flags=re.DOTALL) is not None


@dataclass
class Quickstart:
    """What a reader of the README would save and type."""

    source: str
    commands: list[Command]


def read(text: str) -> Quickstart:
    """Find the quickstart in a README. Raises LookupError where it has none."""
    blocks = re.findall(r"^```(\w*)\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)
    starts = [number for number, (_, body) in enumerate(blocks) if body.startswith(f"# {FILE}\n")]
    if not starts:
        raise LookupError(f"no code block starts with the line '# {FILE}'")
    consoles = [body for language, body in blocks[starts[0] :] if language == "console"]
    if not consoles:
        raise LookupError(f"no console block follows the code block of {FILE}")
    return Quickstart(blocks[starts[0]][1], _commands(consoles[0]))


def follow(quickstart: Quickstart, folder: Path, venv: Path) -> None:
    """Save the file in the folder, and run the commands there with the environment first on PATH."""
    (folder / FILE).write_text(quickstart.source, encoding="utf-8")
    for command in quickstart.commands:
        if not command.installs:
            _run(command, folder, venv)


def _commands(console: str) -> list[Command]:
    commands: list[Command] = []
    for line in console.splitlines():
        if line.startswith("$ "):
            commands.append(Command(line[2:]))
        elif commands:
            commands[-1].output.append(line)
    return commands


def _run(command: Command, folder: Path, venv: Path) -> None:
    path = f"{venv / 'bin'}{os.pathsep}{os.environ['PATH']}"
    ran = subprocess.run(
        command.line,
        shell=True,
        cwd=folder,
        env={"PATH": path, "HOME": str(folder), "LANG": "C.UTF-8"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=LIMIT,
    )
    assert ran.returncode == 0, f"$ {command.line}\n{ran.stdout}"
    assert command.printed(ran.stdout), (
        f"$ {command.line}\nThe README says:\n{command.output}\nIt printed:\n{ran.stdout}"
    )
