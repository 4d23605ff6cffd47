from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from typing import Any

import pytest

from alligator_core.cli.output import moment, print_fields, print_json, print_table, printable, printable_lines, some


def test_a_table_has_aligned_columns_with_numbers_to_the_right(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(["NAME", "COUNT", "NOTE"], [["a", 5, "x"], ["long name", 1234567, ""]])

    assert capsys.readouterr().out.splitlines() == [
        "NAME         COUNT  NOTE",
        "a                5  x",
        "long name  1234567",
    ]


def test_fields_leave_out_what_is_unknown_and_give_lists_a_line_per_element(capsys: Any) -> None:
    print_fields({"id": "a", "ready_in": None, "args": ["1", "'x'"]})

    assert capsys.readouterr().out.splitlines() == ["id        a", "args      1", "args      'x'"]


def test_what_json_cannot_hold_is_shown_by_its_repr(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"a": {1: float("nan")}, "b": (1, b"x", None, True), "c": "ü"})

    assert json.loads(capsys.readouterr().out) == {"a": {"1": "nan"}, "b": [1, "b'x'", None, True], "c": "ü"}


def test_nothing_printed_can_steer_the_terminal() -> None:
    assert printable("a\x1b[2Jb\nc\u202ed é") == "a\\x1b[2Jb\\nc\\u202ed é"
    assert printable_lines("one\n\ttwo\x07\r") == "one\n    two\\x07\\r"


def test_a_time_nobody_can_show_is_shown_as_its_number() -> None:
    assert moment(0.0) == "1970-01-01 00:00:00Z"
    assert moment(1e300) == "1e+300"


def test_many_ids_are_cut_short() -> None:
    assert some(["a", "b"]) == "a, b"
    assert some([str(number) for number in range(1012)]) == "0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 1,002 more"


def test_a_table_is_cut_to_the_width_of_a_terminal() -> None:
    ours, theirs = pty.openpty()
    code = "from alligator_core.cli.output import print_table\nprint_table(['A', 'B'], [['x' * 30, 'y' * 30]])"

    subprocess.run([sys.executable, "-c", code], stdout=theirs, env={**os.environ, "COLUMNS": "40"}, check=True)

    lines = os.read(ours, 10_000).decode().splitlines()
    assert lines[1] == "x" * 30 + "  " + "y" * 7 + "…"
    os.close(ours)
    os.close(theirs)
