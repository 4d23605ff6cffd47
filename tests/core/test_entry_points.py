"""Entry points: read from folders, or by the standard library where a distribution could be elsewhere."""

from __future__ import annotations

import sys
import zipfile
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest

from alligator_core.entry_points import GROUPS, EntryPoint, entry_points


@pytest.fixture(autouse=True)
def _read_anew() -> Iterator[None]:
    entry_points.cache_clear()
    yield
    entry_points.cache_clear()


def by_library(group: str) -> set[tuple[str, str, str]]:
    return {(entry.name, entry.value, entry.dist.version) for entry in metadata.entry_points(group=group) if entry.dist}


def as_found(group: str) -> set[tuple[str, str, str]]:
    return {(entry.name, entry.value, entry.version) for entry in entry_points(group)}


@pytest.mark.parametrize("group", GROUPS)
def test_folders_hold_what_the_standard_library_finds(group: str) -> None:
    assert as_found(group) == by_library(group)


def test_what_has_a_finder_of_its_own_is_found_by_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    class Elsewhere(metadata.DistributionFinder):
        def find_distributions(self, context: metadata.DistributionFinder.Context = ...) -> list[metadata.Distribution]:  # type: ignore[assignment]
            return [Faraway()]

        def find_spec(self, *_: object) -> None:
            return None

    class Faraway(metadata.Distribution):
        def read_text(self, filename: str) -> str | None:
            texts = {
                "METADATA": "Metadata-Version: 2.1\nName: faraway\nVersion: 7\n",
                "entry_points.txt": "[alligator.hooks]\nfar = faraway.hooks\n",
            }
            return texts.get(filename)

        def locate_file(self, path: object) -> Path:
            return Path()

    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path, Elsewhere()])
    assert EntryPoint("alligator.hooks", "far", "faraway.hooks", "faraway", "7") in entry_points("alligator.hooks")


def test_what_is_in_a_zip_file_is_found_by_the_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with zipfile.ZipFile(tmp_path / "packed.zip", "w") as packed:
        packed.writestr("packed-3.dist-info/METADATA", "Metadata-Version: 2.1\nName: packed\nVersion: 3\n")
        packed.writestr("packed-3.dist-info/entry_points.txt", "[alligator.hooks]\npacked = packed\n")
    monkeypatch.syspath_prepend(tmp_path / "packed.zip")
    assert EntryPoint("alligator.hooks", "packed", "packed", "packed", "3") in entry_points("alligator.hooks")


def test_the_first_of_two_distributions_of_one_name_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for version in ("1", "2"):
        info = tmp_path / version / f"twice-{version}.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: twice\nVersion: {version}\n")
        (info / "entry_points.txt").write_text("# a comment\n[alligator.hooks]\ntwice = twice:hooks [extra]\n")
        monkeypatch.syspath_prepend(tmp_path / version)
    assert [entry.version for entry in entry_points("alligator.hooks") if entry.name == "twice"] == ["2"]


def test_an_entry_point_loads_a_module_or_what_is_in_one() -> None:
    assert EntryPoint("g", "n", "importlib.metadata", "d", "1").load() is metadata
    assert EntryPoint("g", "n", "importlib.metadata:Distribution.discover [extra]", "d", "1").load()
