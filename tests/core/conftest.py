"""Fixtures of the core's tests."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from alligator import Gator

from . import jobs
from .backends import WatchedBackend


@pytest.fixture(autouse=True)
def _fresh_marks() -> Iterator[None]:
    jobs.ran.clear()
    jobs.let_go.clear()
    yield
    jobs.let_go.set()
    logging.getLogger("alligator").setLevel(logging.NOTSET)


@pytest.fixture
def gator() -> Gator:
    return Gator("locmem://", plugins=[])


@pytest.fixture
def watched() -> Gator:
    """A Gator on a WatchedBackend."""
    return Gator("watched://", backend_class=WatchedBackend, plugins=[])


@pytest.fixture
def marks(tmp_path: Path) -> Path:
    """The file in which functions of other processes leave their marks."""
    path = tmp_path / "marks"
    path.touch()
    return path
