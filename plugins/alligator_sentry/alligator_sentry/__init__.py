"""Sentry for Alligator: what failed, in which task, and the trace that it belongs to."""

from .plugin import Sentry

__all__ = ["Sentry", "installed"]

installed = Sentry()
"""What a Gator that isn't told which plugins to load gets. It does nothing in an app that hasn't set Sentry up."""
