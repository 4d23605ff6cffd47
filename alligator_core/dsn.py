"""DSNs: one URL that says which backend, where, and with which options."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from .errors import DsnError, OptionError

T = TypeVar("T")

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_SECRET_OPTION = re.compile(r"pass|secret|token|credential|(^|[_.])keys?$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Dsn:
    """A parsed DSN: `scheme://user:password@host:port,host2/path?option=value`.

    Its repr and str show neither the password nor an option that is named like a secret.
    """

    scheme: str
    hosts: tuple[tuple[str, int | None], ...] = ()
    path: str = ""
    """Everything from the slash after the host on, percent-decoded, slash included."""
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    options: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def parse(cls, text: str) -> Dsn:
        """Parse a DSN. Raises DsnError, which never shows the password, for one that can't be read."""
        # An unset variable of the environment is a None: better said here than by a regular expression.
        match = _SCHEME.match(text) if isinstance(text, str) else None
        if not match:
            raise DsnError(
                f"{masked(str(text))!r} is not a DSN: it should look like scheme://host:port/path?option=value."
            )
        rest, _, query = text[match.end() :].partition("?")
        authority, slash, path = rest.partition("/")
        if authority and "@" not in authority and "@" in text:
            raise DsnError(f"{masked(text)!r} has an @ behind its host: percent-encode / ? and @ in a password.")
        username, password, location = _split_credentials(authority)
        return cls(
            scheme=match[1].lower(),
            hosts=tuple(_host_and_port(part, text) for part in location.split(",") if part),
            path=_unquoted(slash + path),
            username=username,
            password=password,
            options=_parse_query(query, text),
        )

    @property
    def host(self) -> str | None:
        """The first host, None if the DSN names none."""
        return self.hosts[0][0] if self.hosts else None

    @property
    def port(self) -> int | None:
        """The first host's port, None if the DSN leaves it to the backend."""
        return self.hosts[0][1] if self.hosts else None

    @property
    def serializer_options(self) -> dict[str, dict[str, str]]:
        """The options of serializers, by the name that stands before the dot: `?pickle.unsafe=yes`."""
        found: dict[str, dict[str, str]] = {}
        for name, value in self.options.items():
            owner, dot, option = name.partition(".")
            if dot:
                found.setdefault(owner, {})[option] = value
        return found

    def for_backend(self) -> Dsn:
        """Return the same DSN without what is the Gator's: `serializer`, and the options of serializers."""
        kept = {name: value for name, value in self.options.items() if name != "serializer" and "." not in name}
        return replace(self, options=kept)

    def read_options(self, **readers: Callable[[str], T]) -> dict[str, Any]:
        """Return the value of each option that is given, read by its reader.

        A reader takes the text and returns the value, or raises a ValueError that says what it should be.
        Raises OptionError for an option without a reader, naming the nearest that has one, and for a bad value.
        """
        return read_options(self.options, readers, owner=f"{self.scheme}://")

    def __str__(self) -> str:
        user = f"{self.username or ''}{':***' if self.password is not None else ''}"
        at = "@" if self.username is not None or self.password is not None else ""
        hosts = ",".join(_shown_host(host, port) for host, port in self.hosts)
        shown = "&".join(f"{k}={'***' if _SECRET_OPTION.search(k) else masked(v)}" for k, v in self.options.items())
        return f"{self.scheme}://{user}{at}{hosts}{self.path}{'?' if shown else ''}{shown}"

    def __repr__(self) -> str:
        return f"Dsn({str(self)!r})"


def read_options(
    options: Mapping[str, str], readers: Mapping[str, Callable[[str], T]], *, owner: str
) -> dict[str, Any]:
    """Return the value of each option that is given, read by its reader. Raises OptionError."""
    values: dict[str, Any] = {}
    for name, text in options.items():
        if name not in readers:
            raise OptionError.unknown(name, readers, owner=owner)
        try:
            values[name] = readers[name](text)
        except ValueError as exc:
            shown = "***" if _SECRET_OPTION.search(name) else repr(text)
            raise OptionError(f"{owner} option {name}={shown}: {exc}.", name) from None
    return values


def one_of(*allowed: str) -> Callable[[str], str]:
    """Return a reader that takes only these words, in any case."""

    def read(text: str) -> str:
        if text.lower() not in allowed:
            raise ValueError(f"it must be one of {', '.join(allowed)}")
        return text.lower()

    return read


def seconds(text: str) -> float:
    """Read a duration of 0 s or more."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value < math.inf:
        raise ValueError("it must be a number of seconds, 0 or more")
    return value


def seconds_above_zero(text: str) -> float:
    """Read a duration of more than 0 s."""
    value = seconds(text)
    if not value:
        raise ValueError("it must be more than 0 seconds")
    return value


def whole(text: str, lowest: int = 0) -> int:
    """Read a whole number of `lowest` or more."""
    if not text.isascii() or not text.isdigit() or int(text) < lowest:
        raise ValueError(f"it must be a whole number, {lowest} or more")
    return int(text)


def yes_or_no(text: str) -> bool:
    """Read a switch: yes/no, true/false, on/off, 1/0."""
    word = text.strip().lower()
    if word in {"yes", "true", "on", "1"}:
        return True
    if word in {"no", "false", "off", "0"}:
        return False
    raise ValueError("it must be yes or no")


def _split_credentials(authority: str) -> tuple[str | None, str | None, str]:
    # The last @ separates: a password with an unescaped @ in it must not end up in the host's name.
    credentials, at, location = authority.rpartition("@")
    if not at:
        return None, None, location
    username, colon, password = credentials.partition(":")
    return _unquoted(username) or None, _unquoted(password) if colon else None, location


def _host_and_port(text: str, dsn: str) -> tuple[str, int | None]:
    host, colon, port = text.rpartition(":") if not text.endswith("]") else (text, "", "")
    if not colon:
        host, port = text, ""
    if port and not (port.isascii() and port.isdigit() and 0 < int(port) < 65536):
        raise DsnError(f"{masked(dsn)!r} has the port {port!r}: a port is a number from 1 to 65535.")
    return _unquoted(host.strip("[]")), int(port) if port else None


def _unquoted(text: str) -> str:
    if "%" not in text:
        return text
    from urllib.parse import unquote  # late: most DSNs need none of it, and a producer starts faster without

    return unquote(text)


def _parse_query(query: str, dsn: str) -> dict[str, str]:
    if not query:
        return {}
    from urllib.parse import parse_qsl

    pairs = parse_qsl(query, keep_blank_values=True)
    options = dict(pairs)
    if len(options) < len(pairs):
        twice = next(name for name, _ in pairs if sum(name == other for other, _ in pairs) > 1)
        raise DsnError(f"{masked(dsn)!r} names the option {twice!r} twice.")
    return options


def _shown_host(host: str, port: int | None) -> str:
    shown = f"[{host}]" if ":" in host else host
    return shown if port is None else f"{shown}:{port}"


def masked(text: str) -> str:
    """Hide what could be a password in a text that may not be a DSN at all."""
    head, at, tail = text.rpartition("@")
    scheme, slashes, _ = head.partition("://")
    shown = f"{scheme + slashes if slashes else ''}***@{tail}" if at else text
    return re.sub(r"([?&][^=&]*(?:pass|secret|token|credential|key)[^=&]*=)[^&]*", r"\1***", shown, flags=re.IGNORECASE)
