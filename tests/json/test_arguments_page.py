"""docs/arguments.md: its examples give what the page says."""

from __future__ import annotations

import doctest
import re
import sys
from pathlib import Path

import pytest

PAGE = (Path(__file__).parents[2] / "docs" / "arguments.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, flags=re.DOTALL | re.MULTILINE)


def test_the_examples_give_what_the_page_shows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    [module] = [block for block in blocks("python") if block.startswith("# shop.py\n")]
    (tmp_path / "shop.py").write_text(module)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "shop", raising=False)
    examples = doctest.DocTestParser().get_doctest("\n".join(blocks("pycon")), {}, "arguments.md", None, 0)
    assert len(examples.examples) > 10
    report: list[str] = []
    doctest.DocTestRunner().run(examples, out=report.append)
    assert not report, "".join(report)
