"""`alligator new-plugin`: which names and places it takes. What it writes is tried in tests/workspace."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest


@pytest.mark.parametrize("kind", ["backend", "serializer", "hooks"])
def test_all_files_bear_the_name_that_was_asked_for(run: Any, folder: Path, kind: str) -> None:
    said = run("new-plugin", kind, "my-store").stdout

    written = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    assert {
        "alligator-my-store/.github/workflows/test.yml",
        "alligator-my-store/.gitignore",
        "alligator-my-store/README.md",
        "alligator-my-store/alligator_my_store/__init__.py",
        "alligator-my-store/alligator_my_store/py.typed",
        "alligator-my-store/pyproject.toml",
    } <= written.keys()
    assert len([path for path in written if path.startswith("alligator-my-store/tests/test_")]) == 1
    texts = [path.read_text(encoding="utf-8") for path in written.values()]
    assert not [text for text in texts if "carrier" in text.lower()]
    assert any("MyStore" in text for text in texts)
    assert said.startswith("Wrote alligator-my-store. Next:\n")


def test_the_package_is_written_into_another_folder_if_one_is_named(run: Any, folder: Path) -> None:
    (folder / "plugins").mkdir()

    run("new-plugin", "hooks", "meter", "--path", "plugins")

    assert [path.name for path in folder.iterdir()] == ["plugins"]
    assert (folder / "plugins" / "alligator-meter" / "pyproject.toml").is_file()


@pytest.mark.parametrize(
    "name", ["Store", "my_store", "1st", "-x", "a--b", "a-", "a.b", "../a", "a b", "é", "x" * 31, ""]
)
def test_a_name_that_can_be_no_packages_is_refused(run: Any, folder: Path, name: str) -> None:
    said = run("new-plugin", "backend", "--", name, code=2).output

    assert f"{name!r} can't be a plugin's name: it must be lower case letters" in said
    assert not list(folder.iterdir())


@pytest.mark.parametrize(
    ("kind", "name", "said"),
    [
        ("backend", "redis", "The backend 'redis' is that of alligator-redis: choose another name."),
        ("serializer", "json", "The serializer 'json' is that of alligator-json: choose another name."),
        ("hooks", "redis", "A package alligator-redis is installed: choose another name."),
        ("hooks", "core", "A package alligator-core is installed: choose another name."),
        ("hooks", "alligator-x", "Leave alligator- out of 'alligator-x'"),
    ],
)
def test_a_name_that_is_taken_is_refused(run: Any, folder: Path, kind: str, name: str, said: str) -> None:
    assert said in run("new-plugin", kind, name, code=2).output
    assert not list(folder.iterdir())


@pytest.mark.parametrize("place", ["folder", "file", "link"])
def test_what_is_there_is_never_written_over(run: Any, folder: Path, place: str) -> None:
    target = folder / "alligator-meter"
    if place == "folder":
        target.mkdir()
    elif place == "file":
        target.write_text("mine")
    else:
        target.symlink_to(folder / "nowhere")

    said = run("new-plugin", "hooks", "meter", code=2).output

    assert "'alligator-meter' is there already: remove it, or name another folder by --path." in said
    assert len(list(folder.rglob("*"))) == 1


def test_a_folder_that_is_not_there_is_an_error(run: Any, folder: Path) -> None:
    assert "'nowhere' does not exist" in run("new-plugin", "hooks", "meter", "--path", "nowhere", code=2).output


def test_a_folder_that_can_not_be_written_is_an_error_that_says_why(run: Any, folder: Path) -> None:
    said = run("new-plugin", "hooks", "meter", "--path", "/proc", code=2).output

    assert "Could not write '/proc/alligator-meter" in said


def test_another_kind_is_an_error_that_names_the_kinds(run: Any) -> None:
    assert "'backend', 'serializer', 'hooks'" in run("new-plugin", "front-end", "meter", code=2).output
