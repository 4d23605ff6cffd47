"""Errors by class and by name, and what they say about when to try again."""

from __future__ import annotations

import email.utils
import logging
import sys
import time
from collections.abc import Mapping, Sequence
from datetime import timedelta
from email.message import Message
from types import ModuleType, SimpleNamespace

import pytest
from alligator_retry import RetryPolicy
from alligator_retry.retry_after import retry_after
from hypothesis import given
from hypothesis import strategies as st

from .jobs import Final, Temporary, VeryTemporary


def retries(error: BaseException, **kinds: type[BaseException] | str | Sequence[type[BaseException] | str]) -> bool:
    return not RetryPolicy(**kinds).refusal(error)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "kind", [Temporary, VeryTemporary, "tests.retry.jobs.Temporary", "Exception", "builtins.Exception"]
)
def test_an_error_is_named_by_its_class_or_any_class_above_it(kind: type[BaseException] | str) -> None:
    assert retries(VeryTemporary(), retry_on=kind)
    assert not retries(KeyboardInterrupt(), retry_on=kind)
    assert not retries(VeryTemporary(), give_up_on=["LookupError", kind])


def test_without_retry_on_everything_is_retried() -> None:
    assert retries(SystemExit())


def test_give_up_on_wins() -> None:
    assert retries(VeryTemporary(), retry_on=Temporary, give_up_on=Final)
    assert not retries(Final(), retry_on=Temporary, give_up_on=Final)


def test_a_class_may_be_named_where_it_is_offered_too(monkeypatch: pytest.MonkeyPatch) -> None:
    offering = ModuleType("offering")
    offering.Timeout = VeryTemporary  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "offering", offering)
    assert retries(VeryTemporary(), retry_on="offering.Timeout")
    assert not retries(ValueError(), retry_on="offering.Timeout")


def test_a_name_whose_module_was_never_imported_is_nobodys_and_imports_nothing() -> None:
    assert not retries(ValueError(), retry_on="no_such_client.errors.Timeout")


def test_a_name_that_its_module_does_not_have_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(3):
        assert not retries(ValueError(), retry_on="tests.retry.jobs.Temporry")
    assert caplog.messages == [
        "Retries are said to depend on tests.retry.jobs.Temporry, but tests.retry.jobs has no such exception class"
    ]
    assert caplog.records[0].levelno == logging.WARNING


def saying(said: object) -> Temporary:
    error = Temporary()
    error.retry_after = said
    return error


@pytest.mark.parametrize(
    ("said", "expected"),
    [(30, 30.0), (1.5, 1.5), ("120", 120.0), ("2.5", 2.5), (timedelta(minutes=2), 120.0), (-5, 0.0), (None, None),
     (True, None), ("soon", None), (float("nan"), None), (["3"], None)],
)  # fmt: skip
def test_an_error_may_say_in_seconds_when_to_try_again(said: object, expected: float | None) -> None:
    assert retry_after(saying(said)) == expected


def test_an_error_may_say_by_a_date_when_to_try_again() -> None:
    in_a_minute = email.utils.formatdate(time.time() + 60, usegmt=True)
    found = retry_after(saying(in_a_minute))
    assert found is not None
    assert 55 < found <= 60
    assert retry_after(saying("Wed, 21 Oct 2015 07:28:00 GMT")) == 0


def of_http(headers: Mapping[str, str]) -> Exception:
    error = Temporary()
    error.response = SimpleNamespace(status_code=429, headers=headers)  # type: ignore[attr-defined]
    return error


def test_the_header_of_an_errors_response_counts() -> None:
    plain = Message()
    plain["RETRY-AFTER"] = "7"
    assert retry_after(of_http({"Retry-After": "5"})) == 5
    assert retry_after(of_http({"retry-after": "6"})) == 6
    assert retry_after(of_http(plain)) == 7  # type: ignore[arg-type]
    assert retry_after(of_http({})) is None


def test_an_error_whose_own_code_fails_says_nothing() -> None:
    class Broken(Exception):
        @property
        def retry_after(self) -> float:
            raise LookupError

    assert retry_after(Broken()) is None


@given(st.text() | st.floats() | st.integers() | st.binary() | st.none())
def test_whatever_an_error_says_is_seconds_or_nothing(said: object) -> None:
    found = retry_after(saying(said))
    assert found is None or found >= 0
