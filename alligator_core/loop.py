"""The event loop that coroutines run on, in a thread of its own."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Coroutine
from contextvars import Context
from typing import Any

from .backend import Delivery
from .hand import Hand
from .session import Session
from .task import Task

log = logging.getLogger("alligator.worker")

CLEANING_UP = 1.0
"""Seconds that coroutines get to clean up when the worker ends."""


class Loop:
    """Runs the coroutines that a session passes on, up to `limit` at a time. It starts with the first of them."""

    def __init__(self, session: Session, limit: int, first_number: int) -> None:
        self.failure: BaseException | None = None
        """What ended one of them other than as an outcome, which is a bug."""
        self._limit = limit
        self._first_number = first_number
        self._session = session
        self._hands = 0
        self._running = 0
        self._free: list[Hand] = []
        self._tasks: dict[Hand, asyncio.Task[None]] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()
        self._woken = False
        self._ended = False

    @property
    def is_idle(self) -> bool:
        """Whether nothing runs, and nothing waits to be started."""
        # In this order: one that is being started is counted before it is taken.
        return not self._session.coroutines and not self._running

    @property
    def room(self) -> int:
        """How many more it could run at once."""
        return self._limit - self._running - len(self._session.coroutines)

    def wake(self) -> None:
        """Have it look at what the session has passed on. From any thread."""
        if not self._woken:
            self._woken = True
            self._started().call_soon_threadsafe(self._take)

    def run(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        """Run a coroutine here for another thread, which waits for it, and return what it returns."""
        future = asyncio.run_coroutine_threadsafe(_caught(coroutine), self._started())
        try:
            result, error = future.result()
        except BaseException:
            future.cancel()
            raise
        if error is not None:
            raise error
        return result

    def cancel(self, hand: Hand, delivery: Delivery) -> None:
        """Cancel what a hand runs, if it runs that delivery here. From any thread."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._cancel, hand, delivery)

    def leave(self) -> None:
        """Cancel everything that runs: it is given back. From any thread."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._leave)

    def close(self) -> None:
        """Cancel what is left, the app's own tasks included, and end the loop, after a second at most."""
        if self._loop is None or self._thread is None:
            return
        self._ended = True
        asyncio.run_coroutine_threadsafe(self._clean_up(), self._loop)
        self._thread.join(2 * CLEANING_UP)

    def _started(self) -> asyncio.AbstractEventLoop:
        with self._starting:
            if self._loop is None:
                self._loop = _new_loop()
                self._thread = threading.Thread(target=self._run, name="alligator-loop", daemon=True)
                self._thread.start()
            return self._loop

    def _run(self) -> None:
        assert self._loop is not None
        asyncio.set_event_loop(self._loop)
        while True:
            try:
                self._loop.run_forever()
            except (SystemExit, KeyboardInterrupt):
                # A task of the app's own making raised it, which stops a loop: no reason to fail the others on it.
                log.exception("A coroutine that nobody waited for raised it; the worker goes on")
                continue
            break
        self._loop.close()

    def _take(self) -> None:
        self._woken = False
        session = self._session
        while self._running < self._limit and not session.closing:
            self._running += 1
            try:
                delivery, task = session.coroutines.popleft()
            except IndexError:
                self._running -= 1
                return
            self._start(self._free.pop() if self._free else self._new_hand(), delivery, task)

    def _new_hand(self) -> Hand:
        hand = Hand(self._first_number + self._hands)
        self._hands += 1
        self._session.hands.append(hand)
        return hand

    def _start(self, hand: Hand, delivery: Delivery, task: Task) -> None:
        assert self._loop is not None
        running = self._loop.create_task(self._session.run_soon(hand, delivery, task))
        self._tasks[hand] = running
        # Not in the context of what has ended: its contextvars are none of the next one's.
        running.add_done_callback(lambda done: self._finished(hand, done), context=Context())

    def _finished(self, hand: Hand, done: asyncio.Task[None]) -> None:
        if not done.cancelled() and done.exception() is not None:
            self.failure = done.exception()
        del self._tasks[hand]
        self._free.append(hand)
        self._running -= 1
        self._take()
        self._session.bell.ring()

    def _cancel(self, hand: Hand, delivery: Delivery) -> None:
        # Only the task's own code: its callbacks and hooks are to hear how it ended.
        if hand in self._tasks and hand.delivery is delivery and hand.is_open:
            self._tasks[hand].cancel()

    def _leave(self) -> None:
        for hand, task in self._tasks.items():
            if not hand.left:  # told twice, it could not clean up
                hand.left = True
                task.cancel()

    async def _clean_up(self) -> None:
        assert self._loop is not None
        self._leave()  # to be canceled now is no failure of theirs
        left = asyncio.all_tasks() - {asyncio.current_task()}
        for task in left.difference(self._tasks.values()):
            task.cancel()
        if left:
            await asyncio.wait(left, timeout=CLEANING_UP)
        await self._loop.shutdown_asyncgens()
        self._loop.stop()


async def _caught(coroutine: Coroutine[Any, Any, Any]) -> tuple[Any, BaseException | None]:
    # Not by the future: SystemExit and KeyboardInterrupt would stop the loop.
    try:
        return await coroutine, None
    except BaseException as exc:  # noqa: BLE001
        return None, exc


def _new_loop() -> asyncio.AbstractEventLoop:
    try:
        import uvloop  # type: ignore[import-not-found,unused-ignore]
    except ImportError:
        return asyncio.new_event_loop()
    loop: asyncio.AbstractEventLoop = uvloop.new_event_loop()
    return loop
