"""Fixtures of the tests of alligator-retry."""

from __future__ import annotations

import pytest

from . import jobs


@pytest.fixture(autouse=True)
def _fresh_marks() -> None:
    jobs.ran.clear()
