"""Which server keeps a key: the one there is, the master that sentinels name, or the owner of a cluster's slot."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import cache, partial
from threading import Lock
from typing import Any, Final

from redis import Connection, SSLConnection, UnixDomainSocketConnection, __version__
from redis.crc import key_slot
from redis.exceptions import ConnectionError as Lost
from redis.exceptions import RedisError
from redis.sentinel import Sentinel

from .link import Link, ask, packed
from .pool import Pool
from .settings import Address, Settings

_CLUSTER_SLOTS: Final = packed("CLUSTER", "SLOTS")


class Topology(ABC):
    """Where the keys are."""

    splits: bool = False
    """Whether keys of different queues may be on different servers."""

    patience: float = 1.0
    """Seconds for which it is worth to ask again where connecting fails, within the time-out."""

    @abstractmethod
    def pool_for(self, key: bytes) -> Pool:
        """Return the connections to the server that keeps a key."""

    @abstractmethod
    def look_again(self, error: BaseException | None = None) -> None:
        """Find out anew where the keys are, after an error that speaks of it."""

    @abstractmethod
    def close(self) -> None:
        """Close the connections that nobody uses just now."""


class Standalone(Topology):
    """One server."""

    def __init__(self, settings: Settings) -> None:
        make = _connector(settings, settings.addresses[0] if settings.addresses else None)
        self._pool = Pool(make, settings.max_connections, settings.timeout)

    def pool_for(self, key: bytes) -> Pool:  # noqa: ARG002
        """Return the only pool."""
        return self._pool

    def look_again(self, error: BaseException | None = None) -> None:  # noqa: ARG002
        """Let go of old connections: the server restarted, or changed its role."""
        self._pool.close()

    def close(self) -> None:
        """Close the connections that nobody uses just now."""
        self._pool.close()


class Sentinels(Topology):
    """The master of a service, as its sentinels see it when a connection is made."""

    def __init__(self, settings: Settings) -> None:
        self.patience = settings.timeout
        self._settings = settings
        options = {**settings.socket_options(), "ssl": settings.tls, "protocol": settings.protocol}
        if settings.sentinel_username:
            options["username"] = settings.sentinel_username
        if settings.sentinel_password:
            options["password"] = settings.sentinel_password
        sentinel: Any = Sentinel
        self._sentinel = sentinel(list(settings.addresses), sentinel_kwargs=options)
        self._pool = Pool(self._connect, settings.max_connections, settings.timeout)

    def pool_for(self, key: bytes) -> Pool:  # noqa: ARG002
        """Return the pool of connections to the master."""
        return self._pool

    def look_again(self, error: BaseException | None = None) -> None:  # noqa: ARG002
        """Let go of the connections: new ones go to whoever is master then."""
        self._pool.close()

    def close(self) -> None:
        """Close the connections that nobody uses just now."""
        self._pool.close()
        for client in self._sentinel.sentinels:
            client.close()

    def _connect(self) -> Link:
        return _connector(self._settings, self._sentinel.discover_master(self._settings.service))()


class Cluster(Topology):
    """The masters of a cluster, each with the slots that it keeps."""

    splits = True

    def __init__(self, settings: Settings) -> None:
        self.patience = settings.timeout
        self._settings = settings
        self._pools: dict[Address, Pool] = {}
        self._owners: dict[int, Address] = {}
        self._lock = Lock()

    def pool_for(self, key: bytes) -> Pool:
        """Return the connections to the owner of a key's slot."""
        slot = key_slot(key)
        owner = self._owners.get(slot)
        if owner is None:
            self.look_again()
            owner = self._owners.get(slot)
        if owner is None:
            raise Lost(f"No server of the cluster keeps slot {slot}.")
        return self.pool_at(owner)

    def pool_at(self, address: Address) -> Pool:
        """Return the connections to a server of the cluster."""
        pool = self._pools.get(address)
        if pool is None:
            with self._lock:
                make = _connector(self._settings, address)
                new = Pool(make, self._settings.max_connections, self._settings.timeout)
                pool = self._pools.setdefault(address, new)
        return pool

    def look_again(self, error: BaseException | None = None) -> None:
        """Ask the cluster who owns what; any server that answers will do."""
        slot, address = getattr(error, "slot_id", None), getattr(error, "node_addr", None)
        if slot is not None and address is not None and address[0]:
            self._owners[int(slot)] = (address[0], int(address[1]))
            return
        failure: BaseException | None = None
        for known in dict.fromkeys([*self._pools, *self._settings.addresses]):
            try:
                self._owners = self._ask_owners(known)
            except (RedisError, OSError) as exc:
                failure = exc
            else:
                return
        if failure is not None:
            raise failure

    def close(self) -> None:
        """Close the connections that nobody uses just now."""
        for pool in list(self._pools.values()):
            pool.close()

    def _ask_owners(self, address: Address) -> dict[int, Address]:
        connection = _connector(self._settings, address)()
        try:
            connection.connect()
            ranges = ask(connection, _CLUSTER_SLOTS)
        finally:
            connection.disconnect()
        owners: dict[int, Address] = {}
        for first, last, master, *_ in ranges:
            host = master[0].decode() if master[0] else address[0]
            owners.update(dict.fromkeys(range(first, last + 1), (host, master[1])))
        return owners


def topology_of(settings: Settings) -> Topology:
    """Return the topology that a DSN speaks of."""
    kinds: dict[str, Callable[[Settings], Topology]] = {"sentinel": Sentinels, "cluster": Cluster}
    return kinds.get(settings.kind, Standalone)(settings)


def _connector(settings: Settings, address: Address | None) -> Callable[[], Link]:
    options: dict[str, Any] = settings.connection_options() | _introduction()
    kind: Any = SSLConnection if settings.tls else Connection
    if settings.path:
        kind = UnixDomainSocketConnection
        options["path"] = settings.path
    else:
        options["host"], options["port"] = address or ("localhost", 6379)
    return partial(kind, **options)


@cache
def _introduction() -> dict[str, Any]:
    # Newer versions of redis-py look their own version up for each connection, among all distributions: it takes
    # longer than to connect.
    try:
        from redis.driver_info import DriverInfo
    except ImportError:
        return {}
    return {"driver_info": DriverInfo(lib_version=__version__)}
