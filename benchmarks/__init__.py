"""Benchmarks. Hook plugins that happen to be installed are left out, unless one is what is measured."""

import os

os.environ.setdefault("ALLIGATOR_PLUGINS", "")
