"""What no tracked file may hold: anything of the machine or the network that it was written on."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.workspace.repository import ROOT, tracked_files

# The brackets keep these lines from matching themselves.
REGISTRIES = (
    r"\b(py[p]i\.org|python[h]osted\.org|(npm[j]s|yarn[p]kg)\.(org|com)|crate[s]\.io|anacond[a]\.org"
    r"|(deb|archive|security|ports)\.(debi[a]n|ubunt[u])\.)"
    r"|://[^\s/]+/([^\s]+/)?simpl[e]\b"  # An index of packages, wherever it is.
)
HOMES = r"(?<![\w.:/-])(/hom[e]/\w|/User[s]/\w|/roo[t]/|[A-Z]:\\User[s]\\)"

TRACKED = tracked_files()


def test_no_lock_file_is_tracked() -> None:
    assert not [str(path) for path in TRACKED if path.name in {"uv.lock", "poetry.lock", "pdm.lock", "Pipfile.lock"}]


def test_no_tracked_file_names_a_package_registry() -> None:
    assert not lines_with(REGISTRIES)


def test_no_tracked_file_names_a_folder_of_somebodys_machine() -> None:
    here = [f"{folder}/" for folder in (ROOT, Path.home()) if folder != Path("/")]
    assert not lines_with("|".join([HOMES, *(rf"(?<![\w.:/-]){re.escape(folder)}" for folder in here)]))


def test_the_constraints_say_nothing_about_where_packages_come_from() -> None:
    text = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    assert not re.findall(r"^-.*|^.*://.*|^.* @ .*", text, flags=re.MULTILINE)


def test_the_constraints_pin_every_package_by_version_and_hash() -> None:
    text = (ROOT / "constraints.txt").read_text(encoding="utf-8").replace("\\\n", " ")
    pins = re.findall(r"^(?![#\s]).+", text, flags=re.MULTILINE)
    assert pins
    assert not [pin for pin in pins if not re.match(r"[\w.-]+==[^ ]+ .*--hash=sha256:[0-9a-f]{64}", pin)]


@pytest.mark.parametrize(
    ("pattern", "parts"),
    [
        (REGISTRIES, ["https://files.python", "hosted.org/packages/"]),
        (REGISTRIES, ["https://mirror.example/py", "/simple"]),
        (REGISTRIES, ["http://deb.", "debian.org/debian"]),
        (HOMES, ["at /ho", "me/ann/queue.db"]),
        (HOMES, ['"/Use', 'rs/ann"']),
    ],
)
def test_the_patterns_find_what_they_are_for(pattern: str, parts: list[str]) -> None:
    assert re.search(pattern, "".join(parts))


@pytest.mark.parametrize("text", ["~/.cache/app", "https://example.org/home/page", "a simple one"])
def test_the_patterns_leave_the_rest_alone(text: str) -> None:
    assert not re.search(f"{REGISTRIES}|{HOMES}", text)


def lines_with(pattern: str) -> list[str]:
    """Return `path:line: text` for each line of a tracked file that matches."""
    return [
        f"{path}:{number}: {line.strip()[:120]}"
        for path in TRACKED
        if (ROOT / path).is_file()
        for number, line in enumerate((ROOT / path).read_text(encoding="utf-8", errors="replace").splitlines(), 1)
        if re.search(pattern, line)
    ]
