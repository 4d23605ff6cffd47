"""What a DSN may say, and what a queue may be called."""

from __future__ import annotations

import pytest
from alligator_sqs.names import Names
from alligator_sqs.settings import Settings

from alligator_core.dsn import Dsn
from alligator_core.errors import DsnError, OptionError


def _read(dsn: str) -> Settings:
    return Settings.read(Dsn.parse(dsn))


def test_a_region_is_enough_and_even_that_is_not_needed() -> None:
    assert _read("sqs://us-gov-west-1/").region == "us-gov-west-1"
    assert _read("sqs://").region is None


@pytest.mark.parametrize(
    ("dsn", "said"),
    [
        ("sqs://localhost:4566/", "endpoint="),
        ("sqs://us-west-2,us-east-1/", "one region"),
        ("sqs://us-west-2/all", "queue_prefix="),
        ("sqs://AKIA:hunter2@us-west-2/", "credentials come from"),
    ],
)
def test_a_dsn_that_means_nothing_is_refused(dsn: str, said: str) -> None:
    with pytest.raises(DsnError, match=said) as caught:
        _read(dsn)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("wait=0", "1 or more"),
        ("wait=21", "20 at most"),
        ("priorities=11", "10 at most"),
        ("max_message=2000000", "1048576 at most"),
        ("max_delay=1209600", "no message for longer"),
        ("queue_prefix=a.b", "letters, digits"),
        ("endpoint=localhost:4566", "http://host:port"),
        ("create=maybe", "yes or no"),
        ("group=task", "fifo=yes"),
        ("creat=yes", "Did you mean 'create'"),
    ],
)
def test_an_option_that_is_wrong_is_named(option: str, said: str) -> None:
    with pytest.raises(OptionError, match=said) as caught:
        _read(f"sqs://us-west-2/?{option}")
    assert caught.value.option == option.partition("=")[0]


def test_priorities_and_fifo_exclude_each_other() -> None:
    with pytest.raises(OptionError, match="exclude each other"):
        _read("sqs://us-west-2/?fifo=yes&priorities=2")


def test_the_usual_priority_is_where_programs_without_any_put_messages() -> None:
    names = Names(_read("sqs://us-west-2/?priorities=2&queue_prefix=shop_"))
    assert [lane.name for lane in names.lanes("all")] == ["shop_all", "shop_all-p0"]
    assert [names.lane("all", priority).name for priority in (9, 5, 4, 0)] == [
        "shop_all",
        "shop_all",
        "shop_all-p0",
        "shop_all-p0",
    ]


@pytest.mark.parametrize("queue", ["a b", "a.b", "", "mail-dead", "mail-p3", "x" * 76])
def test_a_name_that_sqs_can_not_have_or_that_is_another_ones_is_refused(queue: str) -> None:
    with pytest.raises(OptionError, match="in SQS"):
        Names(_read("sqs://us-west-2/")).lane(queue)
