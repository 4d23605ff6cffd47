"""Structured logs for Alligator: an event per step of a task, and task ids in the app's own lines."""

from alligator_core.shown_arguments import mask_secrets

from .context import TaskContext
from .plugin import Logging

__all__ = ["Logging", "TaskContext", "installed", "mask_secrets"]

installed = Logging()
"""What a Gator that isn't told which plugins to load gets."""
