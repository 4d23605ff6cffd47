"""The shipped contract, by the public route, around json."""

from base64 import b64encode
from types import MappingProxyType

from alligator_core.testing import SerializerContract
from tests.json import test_contract as of_json


class TestEncrypt(SerializerContract):
    name = "encrypt"
    carries = of_json.TestJson.carries
    options = MappingProxyType({"keys": b64encode(bytes(32)).decode()})
    deterministic = False
