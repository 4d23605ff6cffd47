"""What a DSN's options and credentials promise."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ...dsn import Dsn
from ...errors import AlligatorException, OptionError
from ..harness import Harness
from .base import Contract

SECRET = "s3cr3t-hunter2"


class OptionContract(Contract):
    """A DSN is read strictly, and shown with care."""

    guarantee = "A misspelt option is an error, and a password is never shown"

    def test_an_unknown_option_is_refused_with_a_hint(self, harness: Harness) -> None:
        dsn = Dsn.parse(harness.dsn)
        with pytest.raises(OptionError, match=r"no_such_option.*(Did you mean|It has)") as caught:
            harness.open(replace(dsn, options={**dsn.options, "no_such_option": "1"}))
        assert caught.value.option == "no_such_option"

    def test_a_password_is_never_shown(self, harness: Harness) -> None:
        dsn = replace(Dsn.parse(harness.dsn), username="somebody", password=SECRET)
        said = [repr(dsn), str(dsn)]
        try:
            backend = harness.open(dsn)
            said += [repr(backend), str(backend), repr(harness.consumer(backend=backend))]
            backend.ping()
        except AlligatorException as exc:
            said += _texts(exc)
        assert not [text for text in said if SECRET in text]

    def test_a_live_backend_answers_a_ping(self, harness: Harness) -> None:
        harness.backend.ping()


def _texts(error: BaseException | None) -> list[str]:
    found: list[str] = []
    while error is not None:
        found += [str(error), repr(error), str(vars(error))]
        error = error.__cause__ or error.__context__
    return found
