"""docs/hooks.md: every hook with its exact signature and an example, and all examples do what the page says."""

from __future__ import annotations

import doctest
import importlib
import inspect
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from alligator_core import entry_points, hookspecs
from tests.workspace.repository import ROOT, tomllib

PAGE = (ROOT / "docs" / "hooks.md").read_text(encoding="utf-8")
SPECS = [name for name, spec in inspect.getmembers(hookspecs, inspect.isfunction) if hasattr(spec, "alligator_spec")]


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, flags=re.DOTALL | re.MULTILINE)


def section(name: str) -> str:
    return re.split(r"^#+ ", PAGE.partition(f"\n### {name}\n")[2], flags=re.MULTILINE)[0]


def signature(name: str) -> str:
    return f"{name}{inspect.signature(getattr(hookspecs, name))}".replace("'", "")


@pytest.mark.parametrize("name", SPECS)
def test_every_hook_has_a_section_with_its_exact_signature(name: str) -> None:
    assert f"\n`{signature(name)}`\n" in section(name)


@pytest.mark.parametrize("name", SPECS)
def test_every_hook_has_an_example(name: str) -> None:
    examples = [block for block in blocks("python") if f"    @hookimpl\n    def {name}(self" in block]
    assert examples or f"@hookimpl\ndef {name}(" in "\n".join(blocks("python"))


def test_no_section_is_about_a_hook_that_there_is_not() -> None:
    hooks = PAGE.partition("\n## Every hook\n")[2]
    assert {*re.findall(r"^### (\w+)$", hooks, flags=re.MULTILINE)} == {*SPECS}


def test_every_link_leads_somewhere() -> None:
    links = re.findall(r"\]\(([^):#]+)\)", PAGE)
    assert links
    assert [link for link in links if not (ROOT / "docs" / link).exists()] == []


@pytest.fixture
def modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The modules of the page on the path, and the distribution of its entry points."""
    names = []
    for block in blocks("python"):
        found = re.match(r"# (\w+)\.py\n", block)
        assert found, f"the block is no module:\n{block}"
        (tmp_path / f"{found[1]}.py").write_text(block, encoding="utf-8")
        names.append(found[1])
    [project] = blocks("toml")
    info = tmp_path / "acme_queues-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-queues\nVersion: 1.0\n", encoding="utf-8")
    (info / "entry_points.txt").write_text(_entry_points(project), encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    importlib.invalidate_caches()
    entry_points.entry_points.cache_clear()
    yield names
    entry_points.entry_points.cache_clear()
    for name in names:
        sys.modules.pop(name, None)


def _entry_points(project: str) -> str:
    groups = tomllib.loads(project)["project"]["entry-points"]
    lines = [[f"[{group}]", *(f"{key} = {value}" for key, value in names.items())] for group, names in groups.items()]
    return "\n".join(line for group in lines for line in group)


def test_the_examples_do_what_the_page_shows(modules: list[str]) -> None:
    assert not {*modules} & {*sys.modules}
    source = "\n".join(blocks("pycon"))
    examples = doctest.DocTestParser().get_doctest(source, {}, "hooks.md", None, 0)
    assert len(examples.examples) > 60
    report: list[str] = []
    options = doctest.ELLIPSIS
    doctest.DocTestRunner(optionflags=options).run(examples, out=report.append)
    assert not report, "".join(report)
