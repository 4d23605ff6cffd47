from __future__ import annotations

import pytest

from alligator_core.plugins import PluginManager
from alligator_core.serializer import Serializer


@pytest.fixture
def serializer() -> Serializer:
    return PluginManager().make_serializer("msgpack")
