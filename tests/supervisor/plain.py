"""A worker without a supervisor, with a short lease: `python -m tests.supervisor.plain DSN`."""

from __future__ import annotations

import sys

from alligator import Gator, Worker

if __name__ == "__main__":
    Worker(Gator(sys.argv[1], plugins=[]), lease=1).run_forever()
