"""What every part of the contract is built on: its guarantee, its harness, and the features its tests need."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import wraps
from typing import Any, ClassVar, TypeVar

import pytest

from ..harness import Harness
from .refusal import REFUSALS

Test = TypeVar("Test", bound=Callable[..., None])


class Contract:
    """A part of the contract. Its tests stand for one `guarantee`, a sentence for people."""

    guarantee: ClassVar[str]

    dsn: Any = ""
    """The backend under test: a text, or a fixture that returns one."""

    lease: float = 1.0
    """Seconds; of the leases that the tests let run out."""

    delay: float = 1.0
    """Seconds; of the delays that the tests wait for."""

    @pytest.fixture
    def harness(self, request: pytest.FixtureRequest) -> Iterator[Harness]:
        """Build the backend of the class's DSN, and clean up behind the test."""
        dsn = self.dsn if isinstance(self.dsn, str) else request.getfixturevalue("dsn")
        assert dsn, f"give {type(self).__name__} a dsn: an attribute, or a fixture"
        harness = Harness(dsn, self.lease)
        yield harness
        harness.close()


def needs(*features: str) -> Callable[[Test], Test]:
    """Tie a test to features. Where the backend lacks one, the test is that the feature is refused."""

    def decorate(test: Test) -> Test:
        @wraps(test)
        def run(self: Contract, harness: Harness, **fixtures: object) -> None:
            missing = [feature for feature in features if not harness.offers(feature)]
            if missing:
                REFUSALS[missing[0]](harness)
            else:
                test(self, harness, **fixtures)

        run.needs = features  # type: ignore[attr-defined]
        return run  # type: ignore[return-value]

    return decorate


def missing_features(test: Callable[..., object], offered: frozenset[str]) -> list[str]:
    """Return what a test needs and a backend doesn't offer."""
    return [feature for feature in getattr(test, "needs", ()) if feature not in offered]


def guarantee_of(contract: type, test: str) -> str:
    """Return the guarantee that a test of a contract class stands for."""
    owner = next(part for part in contract.__mro__ if test in vars(part))
    return str(getattr(owner, "guarantee", owner.__name__))
