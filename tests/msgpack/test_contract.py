"""The shipped contract, by the public route."""

from alligator_core.testing import SerializerContract
from tests.json import test_contract


class TestMsgpack(SerializerContract):
    name = "msgpack"
    carries = test_contract.TestJson.carries | {"bytes"}
