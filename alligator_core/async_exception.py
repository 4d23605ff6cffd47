"""Raising an exception in another thread, which Python does between two of its instructions.

It comes late where the thread is in a call that Python doesn't see into: when that returns.
"""

from __future__ import annotations

import ctypes


def raise_in(thread: int, error: type[BaseException]) -> None:
    """Have a thread, named by its ident, raise an error soon. One that hasn't come yet is replaced."""
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(error))


def clear(thread: int) -> None:
    """Have a thread raise nothing after all. Called by that thread, what hasn't come yet doesn't come any more."""
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object())
