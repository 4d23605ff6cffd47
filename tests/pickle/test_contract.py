"""The shipped contract, by the public route."""

from alligator_core.testing import SerializerContract
from alligator_core.testing.kinds import KINDS


class TestPickle(SerializerContract):
    name = "pickle"
    carries = KINDS.keys()
    signed = True
