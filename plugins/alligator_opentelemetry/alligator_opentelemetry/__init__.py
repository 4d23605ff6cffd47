"""Traces for Alligator: a span where a task is enqueued, one around each run, and the way from one to the other."""

from .plugin import Tracing

__all__ = ["Tracing", "installed"]

installed = Tracing()
"""What a Gator that isn't told which plugins to load gets."""
