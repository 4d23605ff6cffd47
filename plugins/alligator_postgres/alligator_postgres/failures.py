"""What an error of psycopg or the server means, and what to do about it."""

from __future__ import annotations

from typing import Final

import psycopg

from alligator_core.errors import BackendError, BackendUnavailable

# https://www.postgresql.org/docs/current/errcodes-appendix.html: by code, or by the two characters of its class.
_REMEDIES: Final = {
    "28P01": "User or password is wrong: check them in the DSN, and percent-encode special characters.",
    "28": "The server doesn't let this user in from here: check the DSN, sslmode= and the server's pg_hba.conf.",
    "3D000": "Create it (createdb), or name another after the host: postgres://host/database.",
    "42501": "Let the user do that: GRANT CREATE ON DATABASE makes the schema on first use, or name one by schema= "
    "that the user owns.",
    "25006": "It is a standby, or set to read-only: name the primary, or all of them and "
    "target_session_attrs=read-write.",
    "53100": "Its disk is full: make room. Workers can take and finish tasks again then.",
    "42": "The tables of this schema have another shape: name another schema= in the DSN.",
}
_PASSING: Final = ("40001", "40P01", "55P03", "55006", "57P03", "53300", "57014", "53400")
"""Nothing happened, and it may go well the next time: deadlock, starting up, too many connections."""
_LOST: Final = ("08", "57P01", "57P02", "57P05", "25P03")
"""The connection ended."""
# The server's refusals during the start of a connection come without their code.
_BY_TEXT: Final = (
    ("password authentication failed", "28P01"),
    ("no password supplied", "28P01"),
    ("authentication failed", "28"),
    ("pg_hba.conf", "28"),
    ("role", "28"),
    ("certificate", "28"),
    ("server does not support SSL", "28"),
    ("permission denied for database", "42501"),
    ("session is read-only", "25006"),
    ("server is in hot standby mode", "25006"),
)


def code_of(exc: BaseException) -> str:
    """Return the SQLSTATE of an error, "" where it has none."""
    code = getattr(exc, "sqlstate", None)
    if code:
        return str(code)
    text = str(exc)
    if 'database "' in text and "does not exist" in text:
        return "3D000"
    if "starting up" in text or "shutting down" in text or "too many" in text or "remaining connection slots" in text:
        return "57P03"
    return next((code for mark, code in _BY_TEXT if mark in text and ("FATAL" in text or mark != "role")), "")


def is_passing(exc: BaseException) -> bool:
    """Whether the server refused for a reason that goes by, and did nothing."""
    return code_of(exc) in _PASSING


def is_lost(exc: BaseException, *, broken: bool) -> bool:
    """Whether the connection ended, `broken`, and nothing tells if what was sent has been carried out."""
    code = code_of(exc)
    return broken or code.startswith(_LOST) or (isinstance(exc, psycopg.OperationalError | OSError) and not code)


def explained(exc: BaseException, shown: str, *, sent: bool, broken: bool = False) -> BackendError:
    """Return the error to raise instead, which names the cause and the remedy, and no credentials."""
    if isinstance(exc, BackendError):
        return exc
    code, text = code_of(exc), (str(exc) or type(exc).__name__).strip().rstrip(".")
    if is_passing(exc):
        return BackendUnavailable(f"{shown} takes nothing just now: {text}.")
    remedy = _REMEDIES.get(code) or _REMEDIES.get(code[:2])
    if remedy and not broken:
        return BackendError(f"{shown} refused: {text}. {remedy}")
    if is_lost(exc, broken=broken):
        state = "the answer was lost, what was sent may have happened" if sent else "nothing was sent"
        return BackendUnavailable(f"{shown} can't be reached ({state}): {text}.", maybe_applied=sent)
    return BackendError(f"{shown} refused: {text}.")


def without_secrets(exc: psycopg.Error | OSError) -> BaseException:
    """Return the same error without the parameters of the connection: psycopg's holds them, the password included."""
    return type(exc)(str(exc)) if isinstance(exc, psycopg.Error) else exc
