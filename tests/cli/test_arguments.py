from __future__ import annotations

import click
import pytest

from alligator_core.cli.arguments import read_call


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("1", 1),
        ("-2.5", -2.5),
        ("true", True),
        ("null", None),
        ("[1, 2]", [1, 2]),
        ('{"a": {"b": null}}', {"a": {"b": None}}),
        ('"two"', "two"),
        ('"2"', "2"),
        ("two", "two"),
        ("007", "007"),
        ("", ""),
        ("[1, 2", "[1, 2"),
        ("ünï ♥", "ünï ♥"),
    ],
)
def test_an_argument_is_json_if_it_can_be_and_text_otherwise(word: str, value: object) -> None:
    assert read_call([word, f"key={word}"]) == ([value], {"key": value})


@pytest.mark.parametrize("word", ["NaN", "Infinity", "-Infinity", "[" * 100_000])
def test_what_python_reads_but_json_has_not_is_text(word: str) -> None:
    assert read_call([word]) == ([word], {})


@pytest.mark.parametrize("word", ["1=2", "a-b=c", "=x", "a.b=c", "https://h/?q=1", "a b=c"])
def test_what_has_no_name_before_the_equals_sign_is_positional(word: str) -> None:
    assert read_call([word]) == ([word], {})


def test_text_with_an_equals_sign_can_be_quoted_or_named() -> None:
    assert read_call(['"a=b"', "key=a=b"]) == (["a=b"], {"key": "a=b"})


def test_a_key_given_twice_is_an_error() -> None:
    with pytest.raises(click.UsageError, match="'key' is given twice"):
        read_call(["key=1", "key=2"])
