"""Proof that a backend or a serializer keeps its promises. Needs pytest and hypothesis: `alligator-core[testing]`.

    from alligator_core.testing import BackendContract

    class TestMyBackend(BackendContract):
        dsn = "myscheme://localhost"          # or a fixture of that name

That is all: pytest collects the tests. `run_model` compares a backend with a model of it, `run_check` tries the
contract on a live DSN, outside a test run.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from .check import Guarantee, run_check, table
    from .contract import BackendContract
    from .model import BackendModel, run_model
    from .serializer import SerializerContract

__all__ = ["BackendContract", "BackendModel", "Guarantee", "SerializerContract", "run_check", "run_model", "table"]

_HOMES: Final = {
    "BackendContract": ".contract",
    "BackendModel": ".model",
    "Guarantee": ".check",
    "SerializerContract": ".serializer",
    "run_check": ".check",
    "run_model": ".model",
    "table": ".check",
}


def __getattr__(name: str) -> Any:
    # Imported late: the processes that the suite starts need neither pytest nor hypothesis.
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home = f"{__name__}{_HOMES[name]}"
    if home not in sys.modules:
        import pytest

        # Else a failed assertion of the suite would not show its values.
        pytest.register_assert_rewrite(home)
    found = globals()[name] = getattr(import_module(home), name)
    return found
