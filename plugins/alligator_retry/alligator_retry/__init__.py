"""Retries for Alligator: how often, how late and for which errors a failed task is run again."""

from .plugin import Retries
from .policy import RetryPolicy

__all__ = ["Retries", "RetryPolicy", "installed"]

installed = Retries()
"""What a Gator that isn't told which plugins to load gets: the defaults, for tasks that ask for retries."""
