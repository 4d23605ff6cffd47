"""What a body may be, and an id."""

from __future__ import annotations

import pytest

from ...backend import UNIQUE, Message
from ...errors import OptionError, PushError
from ..harness import Harness
from .base import Contract

ODD_IDS = {
    "spaces": " a b ",
    "quotes": 'it\'s "so"; -- `x`',
    "path": "../a/b\\c",
    "colons": "a:b:{c}*?[d]",
    "percent": "100%25&x=%s",
    "unicode": "Krokodil \N{CROCODILE} é ü",
    "lines": "a\nb\tc\r",
    "nul": "a\x00b",
    "long": "x" * 200,
    "dashes": "--help",
    "number": "00017",
}


class BodyContract(Contract):
    """Bodies are bytes, ids are text."""

    guarantee = "Bodies of any bytes and sizes, and ids of any characters, arrive unchanged"

    def test_a_body_may_have_any_bytes(self, harness: Harness) -> None:
        _comes_back(harness, bytes(range(256)) * 3)

    def test_a_body_needs_not_be_text(self, harness: Harness) -> None:
        _comes_back(harness, b"\xff\xfe\xc3\x28\xed\xa0\x80\x00")

    def test_a_body_may_be_empty(self, harness: Harness) -> None:
        _comes_back(harness, b"")

    def test_a_body_may_end_in_line_breaks(self, harness: Harness) -> None:
        _comes_back(harness, b"\r\n one \n\r\n")

    def test_a_body_may_have_a_megabyte_if_the_limits_say_so(self, harness: Harness) -> None:
        _comes_back(harness, b"x\n" * (min(1024 * 1024, harness.backend.limits.max_body) // 2))

    def test_a_body_may_be_as_large_as_the_limits_say(self, harness: Harness) -> None:
        _comes_back(harness, b"\xfe" * min(16 * 1024 * 1024, harness.backend.limits.max_body))

    @pytest.mark.parametrize("id", ODD_IDS.values(), ids=ODD_IDS.keys())
    def test_an_odd_id_arrives_unchanged_or_is_refused(self, harness: Harness, id: str) -> None:
        try:
            harness.push(id)
        except (OptionError, PushError):
            assert harness.left() == []
            return
        if harness.offers(UNIQUE):
            harness.push(id)
        consumer = harness.consumer()
        held = harness.collect(consumer, 1)
        assert [delivery.id for delivery in held] == [id]
        assert harness.ack_all(consumer, held) == []
        assert harness.left() == []


def _comes_back(harness: Harness, body: bytes) -> None:
    harness.backend.push(harness.queue, [Message("a", body)])
    [delivery] = harness.collect(harness.consumer(), 1)
    # Compared outside the assertion: its message would show megabytes.
    is_same = delivery.body == body
    assert is_same
