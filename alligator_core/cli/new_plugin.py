"""The command that writes a package for a plugin, which works and passes its own tests."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import click

from .exits import Misuse

_TEMPLATES: Final = Path(__file__).parents[1] / "templates"
_NAME: Final = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_LONGEST: Final = 30
"""Characters of a name: the lines of the templates have room for so many."""
_PLACEHOLDER: Final = "carrier"
"""The word that stands for the name in the templates, so that they are Python, and can be read as such."""


@click.command("new-plugin")
@click.argument("kind", type=click.Choice(["backend", "serializer", "hooks"]))
@click.argument("name")
@click.option(
    "--path",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=".",
    metavar="DIR",
    help="The folder to write it into; this one by default.",
)
def new_plugin(kind: str, name: str, path: Path) -> None:
    """Write a package alligator-NAME: a backend, a serializer or hooks of your own, which work and pass their tests.

    NAME is the scheme of a backend's DSN, or what a serializer or hooks are called by.

    \b
    Example:
      alligator new-plugin backend carrier
    """
    folder = path / f"alligator-{name}"
    _check(kind, name, folder)
    _write(kind, name, folder)
    click.echo(f"Wrote {folder}. Next:\n  cd {folder}\n  pip install --editable '.[test]'\n  pytest")


def _check(kind: str, name: str, folder: Path) -> None:
    """Raise Misuse for a name that can't be a package's, or is one's already."""
    if not _NAME.fullmatch(name) or len(name) > _LONGEST:
        raise Misuse(
            f"{name!r} can't be a plugin's name: it must be lower case letters, digits and single dashes, up to "
            f"{_LONGEST} of them, with a letter first, such as carrier or my-store."
        )
    if name.startswith("alligator"):
        raise Misuse(f"Leave alligator- out of {name!r}: the package is called alligator-{name} by itself.")
    # Imported late: --help has no use for it.
    from ..plugins import KINDS, everything

    for entry in everything():
        if (KINDS[entry.group], entry.name) == (kind, name):
            raise Misuse(f"The {kind} {name!r} is that of {entry.distribution}: choose another name.")
    if _is_installed(f"alligator-{name}"):
        raise Misuse(f"A package alligator-{name} is installed: choose another name.")
    if folder.exists() or folder.is_symlink():
        raise Misuse(f"{str(folder)!r} is there already: remove it, or name another folder by --path.")


def _is_installed(distribution: str) -> bool:
    from importlib import metadata

    try:
        metadata.distribution(distribution)
    except metadata.PackageNotFoundError:
        return False
    return True


def _write(kind: str, name: str, folder: Path) -> None:
    words = {
        f"alligator_{_PLACEHOLDER}": f"alligator_{name.replace('-', '_')}",
        _PLACEHOLDER.capitalize(): "".join(part.capitalize() for part in name.split("-")),
        _PLACEHOLDER: name,
    }
    pattern = re.compile("|".join(words))
    try:
        for template, text in _templates(kind):
            path = folder / pattern.sub(lambda found: words[found[0]], template)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(pattern.sub(lambda found: words[found[0]], text), encoding="utf-8")
    except OSError as exc:
        raise Misuse(f"Could not write {str(exc.filename)!r}: {exc.strerror}.") from exc


def _templates(kind: str) -> Iterator[tuple[str, str]]:
    """Yield the path of each file of a package, and what is in it."""
    for root in (_TEMPLATES / "common", _TEMPLATES / kind):
        for file in sorted(root.rglob("*.txt")):
            # They have other names here, so that nobody takes them for files of this package.
            name = file.relative_to(root).as_posix().removesuffix(".txt").replace("dot-", ".")
            yield name, file.read_text(encoding="utf-8")
