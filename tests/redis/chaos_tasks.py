"""The task of the chaos run."""

from __future__ import annotations

import os
import time


def note(number: int) -> None:
    """Work for a millisecond, and write down that it was done."""
    time.sleep(0.001)
    file = os.open(os.environ["CHAOS_DONE"], os.O_WRONLY | os.O_APPEND)
    os.write(file, b"%d\n" % number)
    os.close(file)
