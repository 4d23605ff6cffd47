"""What producer and workers share: the Gator, and the function that a task calls."""

from __future__ import annotations

import ast
import json
import os
import warnings
from dataclasses import asdict, dataclass
from pathlib import Path

from alligator import Gator

gator = Gator(os.environ["DEMO_DSN"], "index")

DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


@dataclass(frozen=True)
class FileIndex:
    """What is known about one file; `definitions` is None for one that is no valid Python."""

    path: str
    lines: int
    words: int
    definitions: int | None


def index_file(path: str) -> FileIndex:
    """Count a file's lines, words, functions and classes."""
    source = Path(path).read_bytes()
    return FileIndex(path, source.count(b"\n"), len(source.split()), count_definitions(source))


def count_definitions(source: bytes) -> int | None:
    """Count the functions and classes in a source, None if it can't be parsed: the library has such files for tests."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            tree = ast.parse(source)
        except (SyntaxError, ValueError, RecursionError):
            return None
    return sum(isinstance(node, DEFINITIONS) for node in ast.walk(tree))


def index_to_file(path: str) -> None:
    """Index a file, and add the result as one line to the worker's output."""
    line = json.dumps(asdict(index_file(path))) + "\n"
    # One write to a file opened for appending: lines of several workers never mix, and none is torn by a kill.
    with open(os.environ["DEMO_OUTPUT"], "ab", buffering=0) as output:
        output.write(line.encode())
