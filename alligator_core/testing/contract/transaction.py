"""What pushing within a transaction of the app's promises, as far as no real connection is needed."""

from __future__ import annotations

import pytest

from ...backend import TRANSACTIONS
from ...errors import OptionError
from ..harness import Harness
from .base import Contract, needs


class TransactionContract(Contract):
    """The app's own connection is used, and nothing else."""

    guarantee = "Tasks can be enqueued within the app's own transaction"

    @needs(TRANSACTIONS)
    def test_what_is_no_connection_is_refused(self, harness: Harness) -> None:
        with pytest.raises(OptionError):
            harness.backend.using(object())
