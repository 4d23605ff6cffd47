"""The tags on the wire, byte by byte: what another language has to write, and may expect to read."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from alligator_core.serializer import Serializer
from alligator_core.testing.kinds import same
from tests.json.shapes import Access, Color, Level, Point, Sealed, class_of, name_of

README = Path(__file__).parents[2] / "plugins" / "alligator_json" / "README.md"
BERLIN = ZoneInfo("Europe/Berlin")

WRITTEN = [
    (None, "null"),
    (True, "true"),
    (-7, "-7"),
    (2**64, "18446744073709551616"),
    (-(2**63) - 1, "-9223372036854775809"),
    (1.0, "1.0"),
    (-0.0, "-0.0"),
    (1e300, "1e300"),
    ('a"\\\n$é\U0001f40a', '"a\\"\\\\\\n$é\U0001f40a"'),
    ("$date", '"$date"'),
    ([1, [2]], "[1,[2]]"),
    ({"a": {"b": 1}, "": None}, '{"a":{"b":1},"":null}'),
    ({"$date": "2026-11-24"}, '{"$dict":{"$date":"2026-11-24"}}'),
    ({"$dict": {}}, '{"$dict":{"$dict":{}}}'),
    ({"a": 1, "$b": {"$c": 2}}, '{"$dict":{"a":1,"$b":{"$dict":{"$c":2}}}}'),
    (datetime(2026, 11, 24, 10, tzinfo=timezone.utc), '{"$datetime":"2026-11-24T10:00:00+00:00"}'),
    (datetime(2026, 11, 24, 10, 0, 0, 5), '{"$datetime":"2026-11-24T10:00:00.000005"}'),  # noqa: DTZ001
    (datetime(1, 1, 1, tzinfo=timezone(-timedelta(hours=5, minutes=30))), '{"$datetime":"0001-01-01T00:00:00-05:30"}'),
    (datetime(2026, 1, 1, tzinfo=timezone(timedelta(seconds=61))), '{"$datetime":"2026-01-01T00:00:00+00:01:01"}'),
    (datetime(2026, 7, 1, tzinfo=BERLIN), '{"$datetime":"2026-07-01T00:00:00+02:00[Europe/Berlin]"}'),
    (
        datetime(2026, 10, 25, 2, 30, tzinfo=BERLIN, fold=1),
        '{"$datetime":"2026-10-25T02:30:00+01:00[Europe/Berlin][fold=1]"}',
    ),
    (datetime(2026, 10, 25, 2, 30, fold=1), '{"$datetime":"2026-10-25T02:30:00[fold=1]"}'),  # noqa: DTZ001
    (date(2026, 11, 24), '{"$date":"2026-11-24"}'),
    (time(10), '{"$time":"10:00:00"}'),
    (time(10, 0, 0, 1, tzinfo=timezone.utc), '{"$time":"10:00:00.000001+00:00"}'),
    (time(10, tzinfo=BERLIN, fold=1), '{"$time":"10:00:00[Europe/Berlin][fold=1]"}'),
    (timedelta(days=-1, seconds=3, microseconds=5), '{"$timedelta":[-1,3,5]}'),
    (Decimal("12.50"), '{"$decimal":"12.50"}'),
    (Decimal("-1E+7"), '{"$decimal":"-1E+7"}'),
    (Decimal("-Infinity"), '{"$decimal":"-Infinity"}'),
    (UUID(int=10), '{"$uuid":"00000000-0000-0000-0000-00000000000a"}'),
    (Color.RED, '{"$enum":["app:Color","RED"]}'),
    (Level.LOW, '{"$enum":["app:Level","LOW"]}'),
    (Access.READ, '{"$enum":["app:Access",1]}'),
    (Access.READ | Access.WRITE, '{"$enum":["app:Access",3]}'),
    (Point(1, [Color.RED]), '{"$dataclass":["app:Point",{"x":1,"y":[{"$enum":["app:Color","RED"]}]}]}'),
    (Sealed(parts=(1, [(2,)])), '{"$dataclass":["app:Sealed",{"parts":{"$tuple":[1,[{"$tuple":[2]}]]}}]}'),
]

ALSO_READ = [
    (datetime(2026, 11, 24, 10, tzinfo=timezone.utc), '{"$datetime": "2026-11-24T10:00:00Z"}'),
    (datetime(2026, 11, 24, 10, 0, 0, 120000), '{"$datetime": "2026-11-24T10:00:00.120"}'),  # noqa: DTZ001
    (datetime(2026, 11, 24, 10, tzinfo=BERLIN), '{"$datetime": "2026-11-24T10:00:00[Europe/Berlin]"}'),
    (
        datetime(2026, 10, 25, 2, 30, tzinfo=BERLIN, fold=1),
        '{"$datetime": "2026-10-25T02:30:00+01:00[Europe/Berlin]"}',
    ),
    (timedelta(hours=30), '{"$timedelta": [0, 108000, 0]}'),
    (UUID(int=10), '{"$uuid": "00000000-0000-0000-0000-00000000000A"}'),
    (Decimal("1e3"), '{"$decimal": "1e3"}'),
    (Color.RED, '{"$enum": ["app:Color", "CRIMSON"]}'),
    (Access.WRITE, '{"$enum": ["app:Access", "WRITE"]}'),
    (Point(1), '{"$dataclass": ["app:Point", {"x": 1}]}'),
    ({"a": 1}, '{"$dict": {"a": 1}}'),
    (date(2026, 11, 24), '{"\\u0024date": "2026-11-24"}'),
    ("$", '"\\u0024"'),
    (1e0, "1E0"),
]


def payload_of(text: str) -> bytes:
    return b'{"args":[%b]}' % text.encode()


@pytest.mark.parametrize(("value", "text"), WRITTEN, ids=[text for _, text in WRITTEN])
def test_a_value_is_written_and_read_in_its_own_form(serializer: Serializer, value: Any, text: str) -> None:
    assert serializer.dumps({"args": [value]}, name_of) == payload_of(text)
    assert same(serializer.loads(payload_of(text), class_of), {"args": [value]})


@pytest.mark.parametrize(("value", "text"), ALSO_READ, ids=[text for _, text in ALSO_READ])
def test_what_other_languages_may_write_is_read_too(serializer: Serializer, value: Any, text: str) -> None:
    assert same(serializer.loads(payload_of(text), class_of), {"args": [value]})


@pytest.mark.parametrize("text", [text for _, text in WRITTEN if text.startswith('{"$')])
def test_a_map_that_looks_like_a_tag_stays_a_map(serializer: Serializer, text: str) -> None:
    lookalike = serializer.loads(payload_of(text.replace("$", "€")), class_of)["args"][0]
    [(key, content)] = lookalike.items()
    payload = {"args": [{key.replace("€", "$"): content}]}
    assert same(serializer.loads(serializer.dumps(payload, name_of), class_of), payload)


def test_a_tuple_is_written_as_a_list_unless_a_dataclass_holds_it(serializer: Serializer) -> None:
    written = serializer.dumps({"args": [(1, (2, Point((3,), 4)), {"a": (5,)})]}, name_of)
    point = '{"$dataclass":["app:Point",{"x":{"$tuple":[3]},"y":4}]}'
    assert written == payload_of(f'[1,[2,{point}],{{"a":[5]}}]')


def test_keyword_arguments_may_begin_with_a_dollar(serializer: Serializer) -> None:
    written = serializer.dumps({"args": [], "kwargs": {"$x": 1}}, name_of)
    assert written == b'{"args":[],"kwargs":{"$dict":{"$x":1}}}'
    assert serializer.loads(written, class_of) == {"args": [], "kwargs": {"$x": 1}}


def test_fixed_offsets_lose_their_name_and_stay_equal(serializer: Serializer) -> None:
    sent = datetime(2026, 1, 1, tzinfo=timezone(timedelta(hours=1), "CET"))
    received = serializer.loads(serializer.dumps({"args": [sent]}, name_of), class_of)["args"][0]
    assert received == sent
    assert (received.tzname(), received.tzinfo) == ("UTC+01:00", sent.tzinfo)


def test_every_tag_of_the_vectors_is_in_the_readme() -> None:
    tags = {text.split('"')[1] for _, text in WRITTEN if text.startswith('{"$')} | {"$tuple"}
    table = [line for line in README.read_text().splitlines() if line.startswith("| `$")]
    assert {line.split("`")[1] for line in table} == tags
