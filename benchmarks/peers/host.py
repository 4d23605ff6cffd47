"""Runs one adapter inside its system's own environment: as producer, as worker, or for the first enqueue only.

`python host.py NAME produce` reads requests from standard input and answers on standard output, one JSON object a
line. `python host.py NAME work` becomes a worker. `python host.py NAME first` enqueues one task and says how long it
took from before the import.
"""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Any

BEGAN = time.perf_counter()


def main() -> None:
    """Do what the command line says."""
    name, role = sys.argv[1:]
    if role == "first":
        _first(name)
    elif role == "work":
        import importlib

        importlib.import_module(f"adapters.{name}").work()
    else:
        from producer import produce

        produce(name)


def _first(name: str) -> None:
    import importlib
    import os

    adapter = importlib.import_module(f"adapters.{name}")
    opened = adapter.open() if hasattr(adapter, "open") else None
    if opened is None:
        adapter.enqueue(0)
    else:
        from producer import new_loop

        new_loop(adapter).run_until_complete(_open_and_enqueue(adapter, opened))
    print((time.perf_counter() - BEGAN) * 1000, flush=True)
    # Some clients take seconds to say goodbye.
    os._exit(0)


async def _open_and_enqueue(adapter: Any, opened: Any) -> None:
    await opened
    await adapter.enqueue(0)


if __name__ == "__main__":
    main()
