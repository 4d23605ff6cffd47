"""What a package's modules import, read from their source: nothing is run."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

TYPING = {"TYPE_CHECKING", "typing.TYPE_CHECKING"}


@dataclass(frozen=True)
class Import:
    """One module that another one imports; `late` inside a function, `typing` only for type checkers."""

    importer: str
    target: str
    late: bool = False
    typing: bool = False

    def __str__(self) -> str:
        return f"{self.importer} imports {self.target}"

    def is_of(self, package: str) -> bool:
        """Tell whether the imported module is that package or lies in it."""
        return f"{self.target}.".startswith(f"{package}.")


def imports_of(package: Path) -> list[Import]:
    """Return every import statement of a package, relative ones resolved."""
    modules = {_name(path, package): path for path in sorted(package.rglob("*.py"))}
    return [found for name, path in modules.items() for found in _imports(name, path, modules) if found.target != name]


def needed_at_import(imports: list[Import], package: str) -> dict[str, set[str]]:
    """Return, for each module of the package, those of its modules that importing it loads first."""
    graph: dict[str, set[str]] = {}
    for found in imports:
        needs = graph.setdefault(found.importer, set())
        if found.is_of(package) and not (found.late or found.typing):
            needs.add(found.target)
    return graph


def _name(path: Path, package: Path) -> str:
    parts = path.relative_to(package.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _imports(name: str, path: Path, modules: dict[str, Path]) -> Iterator[Import]:
    base = name if path.name == "__init__.py" else name.rpartition(".")[0]
    for node, late, typing in _statements(ast.parse(path.read_text(encoding="utf-8")), late=False, typing=False):
        for target in _targets(node, base, modules):
            yield Import(name, target, late, typing)


def _statements(node: ast.AST, *, late: bool, typing: bool) -> Iterator[tuple[ast.AST, bool, bool]]:
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        yield node, late, typing
    late = late or isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
    guarded = node.body if isinstance(node, ast.If) and ast.unparse(node.test) in TYPING else []
    for child in ast.iter_child_nodes(node):
        yield from _statements(child, late=late, typing=typing or child in guarded)


def _targets(node: ast.AST, base: str, modules: dict[str, Path]) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        source = _absolute(node, base)
        # `from package import name` is an import of the module `package.name` where there is one.
        names = [f"{source}.{alias.name}" for alias in node.names]
        yield from {name if name in modules else source for name in names}


def _absolute(node: ast.ImportFrom, base: str) -> str:
    if not node.level:
        return node.module or ""
    parent = base.split(".")[: len(base.split(".")) - node.level + 1]
    return ".".join([*parent, *([node.module] if node.module else [])])
