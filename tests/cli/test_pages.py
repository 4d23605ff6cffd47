"""docs/cli.md and docs/worker.md: what they name is what there is, and all of it."""

from __future__ import annotations

import re

import pytest

from alligator_core.cli import main
from tests.workspace.repository import ROOT


@pytest.mark.parametrize("name", main.commands)
def test_every_command_is_in_the_table(name: str) -> None:
    text = (ROOT / "docs" / "cli.md").read_text()

    assert re.search(rf"^\| `alligator {name}\b", text, re.MULTILINE)


def test_every_option_of_a_worker_is_explained_and_no_other() -> None:
    text = (ROOT / "docs" / "worker.md").read_text()
    table = text.partition("## Options\n")[2].partition("\n## ")[0]
    explained = {
        name for row in re.findall(r"^\| (`-.*?) \|", table, re.MULTILINE) for name in re.findall(r"--?[a-z-]+", row)
    }
    known = {name for param in main.commands["worker"].params for name in param.opts if name.startswith("-")}

    assert explained == known


@pytest.mark.parametrize(
    "page", ["docs/worker.md", "docs/deploying.md", "docs/cli.md", "docs/writing-plugins.md", "README.md"]
)
def test_every_link_leads_somewhere(page: str) -> None:
    folder = (ROOT / page).parent
    for link in re.findall(r"\]\(([^):#]+)\)", (ROOT / page).read_text()):
        assert (folder / link).exists(), link
