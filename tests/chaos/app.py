"""The app whose workers are hurt: what `alligator worker tests.chaos.app:gator` runs. The environment sets it up."""

from __future__ import annotations

import os

from alligator_core.gator import Gator

from . import clock
from .history import History
from .steps import Steps

clock.follow(os.environ["CHAOS_CLOCK"])
steps = Steps(os.environ["CHAOS_STEPS"], History(os.environ["CHAOS_HISTORY"]))
gator = Gator(os.environ["CHAOS_DSN"], backend_class=steps.backend, plugins=[steps])
