"""The shipped contract, by the public route."""

from alligator_core.testing import SerializerContract


class TestJson(SerializerContract):
    name = "json"
    carries = frozenset(
        {
            "bigint",
            "dataclass",
            "date",
            "datetime",
            "decimal",
            "enum",
            "flag",
            "time",
            "timedelta",
            "uuid",
            "zoneinfo",
        }
    )
