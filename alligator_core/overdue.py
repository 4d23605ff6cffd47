"""Ending the process under a task that exceeded its hard limit: that task fails, and nobody else pays for it."""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING

from .errors import TaskTimeout
from .hand import Hand
from .runner import Runner
from .session import Session
from .settling import settlement_of

if TYPE_CHECKING:
    from .gator import Gator

log = logging.getLogger("alligator.worker")

EXIT_CODE = 1


class Overdue:
    """What a worker does when a task outlasts its hard limit. The right to settle it has been claimed before."""

    def __init__(self, gator: Gator, session: Session) -> None:
        self._gator = gator
        self._session = session

    def end_process(self, hand: Hand) -> None:
        """Settle what is finished, fail the task by the usual decision, give back all else, and exit with code 1."""
        session = self._session
        session.closing = True
        log.error("%s exceeded its hard limit: the process ends under it", hand.task)
        try:
            session.try_flush()  # first, for nobody knows what the hooks will do
            self._fail(hand)
            session.give_back()
            session.release()
        finally:
            logging.shutdown()
            os._exit(EXIT_CODE)

    def _fail(self, hand: Hand) -> None:
        delivery, task = hand.delivery, hand.task
        if delivery is None or task is None:
            return
        error = TaskTimeout(f"It ran longer than its hard limit of {task.options.hard_limit:g} s.")
        # By a runner of its own: the event loop of the other one may be what hangs.
        outcome = Runner(self._gator).fail(task, error)
        session = self._session
        session.note(settlement_of(self._gator.codec, task, outcome, delivery))
