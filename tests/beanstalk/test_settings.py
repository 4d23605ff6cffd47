"""What a DSN may say."""

from __future__ import annotations

import pytest
from alligator_beanstalk.settings import Settings

from alligator_core.dsn import Dsn
from alligator_core.errors import DsnError, OptionError


def _read(dsn: str) -> Settings:
    return Settings.read(Dsn.parse(dsn))


def test_a_host_is_enough_and_even_that_is_not_needed() -> None:
    assert (_read("beanstalk://mars").host, _read("beanstalk://mars").port) == ("mars", 11300)
    assert (_read("beanstalk://").host, _read("beanstalk://mars:7/").port) == ("localhost", 7)


def test_the_time_to_connect_is_that_of_an_answer_if_nothing_else_is_said() -> None:
    assert _read("beanstalk://mars?timeout=2").connect_timeout == 2.0


@pytest.mark.parametrize(
    ("dsn", "said"),
    [
        ("beanstalk://mars,venus", "2 servers"),
        ("beanstalk://mars/7", "no databases"),
        ("beanstalk://somebody@mars", "knows neither"),
        ("beanstalk://:secret@mars", "knows neither"),
    ],
)
def test_a_dsn_that_means_nothing_is_refused(dsn: str, said: str) -> None:
    with pytest.raises(DsnError, match=said) as caught:
        _read(dsn)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("ttr=0", "1 or more"),
        ("ttr=4294967296", "4294967295"),
        ("prefix=a:b", "letters, digits"),
        ("prefix=-a", "must not begin"),
        ("timeout=0", "more than 0"),
        ("max_body=x", "whole number"),
        ("tttr=1", "Did you mean 'ttr'"),
    ],
)
def test_an_option_that_is_wrong_is_named(option: str, said: str) -> None:
    with pytest.raises(OptionError, match=said) as caught:
        _read(f"beanstalk://mars?{option}")
    assert caught.value.option == option.partition("=")[0]
