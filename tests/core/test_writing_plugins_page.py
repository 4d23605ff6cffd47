"""docs/writing-plugins.md: what it lists is what there is, and all of it."""

from __future__ import annotations

import inspect
import re

import pytest

from alligator_core import backend, dsn, spec_version
from alligator_core.backend import FEATURES, Backend, Consumer
from alligator_core.plugins import KINDS
from tests.workspace.repository import ROOT

PAGE = (ROOT / "docs" / "writing-plugins.md").read_text(encoding="utf-8")
CONSTANTS = {name for name, value in vars(backend).items() if name.isupper() and value in [*FEATURES]}
METHODS = {name for part in (Backend, Consumer) for name, _ in inspect.getmembers(part, inspect.isfunction)}
READERS = [name for name in ("one_of", "seconds", "seconds_above_zero", "whole", "yes_or_no") if hasattr(dsn, name)]


def test_the_table_of_features_has_each_of_them_once() -> None:
    table = PAGE.partition("| feature | declares |")[2].partition("\n\n")[0]
    assert sorted(re.findall(r"`([A-Z_]+)`", " ".join(re.findall(r"^\| (.*?) \|", table, re.M)))) == sorted(CONSTANTS)


@pytest.mark.parametrize("name", sorted(name for name in METHODS if not name.startswith("_")))
def test_every_method_of_the_contract_is_explained(name: str) -> None:
    assert re.search(rf"`(?:\w+\.)?{name}\(|`{name}`", PAGE)


@pytest.mark.parametrize("word", [*KINDS, *READERS, spec_version.ATTRIBUTE])
def test_what_a_plugin_needs_by_name_is_named(word: str) -> None:
    assert word in PAGE


def test_every_link_within_the_page_leads_to_a_heading() -> None:
    headings = re.findall(r"^#+ (.+)$", re.sub(r"^```.*?^```", "", PAGE, flags=re.M | re.S), flags=re.M)
    anchors = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
    assert {*re.findall(r"\]\(#([^)]+)\)", PAGE)} <= anchors
