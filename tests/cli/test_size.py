from __future__ import annotations

import click
import pytest

from alligator_core.cli.size import size


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("500MB", 500_000_000),
        ("500 mb", 500_000_000),
        ("1.5GiB", 1_610_612_736),
        ("2k", 2000),
        ("2Ki", 2048),
        ("268435456", 268_435_456),
        ("1T", 10**12),
        ("7b", 7),
    ],
)
def test_a_size_is_a_number_with_a_unit(text: str, number: int) -> None:
    assert size(text) == number


@pytest.mark.parametrize("text", ["", "MB", "-1MB", "1ib", "1.MB", "1e9", "inf", "nan", "1PB", "1 M B", "0", "0.5"])
def test_nonsense_is_no_size(text: str) -> None:
    with pytest.raises(click.BadParameter, match="is no size: "):
        size(text)
