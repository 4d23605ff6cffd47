"""Workers for the chaos run: each line of the input kills the one there is, and starts the next by forking.

Starting Python and importing everything takes a good part of the second that a worker has to live.
"""

from __future__ import annotations

import os
import signal
import sys

from alligator_core.gator import Gator
from alligator_core.worker import Worker

LEASE = 2.0


def main(dsn: str) -> None:
    """Serve until the input ends."""
    Gator(dsn).backend  # noqa: B018  (imports what every worker needs)
    child = 0
    for _ in sys.stdin:
        if child:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
        child = os.fork()
        if not child:
            Worker(Gator(dsn), lease=LEASE).run_forever()
            os._exit(0)
    if child:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


if __name__ == "__main__":
    main(sys.argv[1])
