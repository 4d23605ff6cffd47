"""Prometheus metrics for Alligator: counters, histograms and queue sizes, and an endpoint that serves them."""

from .plugin import Prometheus

__all__ = ["Prometheus", "installed"]

installed = Prometheus()
"""What a Gator that isn't told which plugins to load gets."""
