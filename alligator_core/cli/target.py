"""TARGET: the DSN or the app's own Gator that a command works on."""

from __future__ import annotations

import importlib
import os
import re
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final

import click

from ..backend import SHARED
from ..dsn import masked
from ..errors import AlligatorException
from .exits import AppFailure, Misuse, app_code, warn

if TYPE_CHECKING:
    from ..gator import Gator

VARIABLE: Final = "ALLIGATOR_CONN"
FROM_ENVIRONMENT: Final = "-"

_OBJECT: Final = re.compile(r"([^\W\d]\w*(?:\.[^\W\d]\w*)*):([^\W\d]\w*(?:\.[^\W\d]\w*)*)")

required_target = click.argument("target")
target_or_environment = click.argument("target", required=False)
queue_option = click.option("--queue", metavar="NAME", help="Name of the queue. Default: the Gator's own.")


def open_gator(target: str | None, *, with_hooks: bool = False) -> Gator:
    """Return the Gator that a TARGET names; None or `-` stand for the environment. The current folder is importable.

    The installed hook plugins are left out unless a command runs or enqueues tasks: what looks after the queues must
    work also while one of them is broken. A Gator of the app's own has those that the app gave it.
    """
    put_current_folder_first()
    gator = _gator_of(target, None if with_hooks else ())
    if gator.is_async and SHARED not in gator.backend.features:
        warn(f"{gator.dsn.scheme}:// lives in one process: this command sees and leaves nothing but what is its own.")
    return gator


def dsn_of(target: str | None) -> str:
    """Return the DSN that a TARGET is. Raises Misuse for anything but a DSN or the environment."""
    if target in (None, FROM_ENVIRONMENT):
        return _from_environment()
    if target is None or "://" not in target:
        raise Misuse(f"{masked(target or '')!r} is no DSN: it should look like scheme://host:port/path.")
    return target


def queue_of(gator: Gator, name: str | None) -> str:
    """Return the queue that --queue names, the Gator's own without one. Raises OptionError."""
    from ..gator import checked_queue

    return gator.queue_name if name is None else checked_queue(name)


def split_path(path: str) -> tuple[str, str]:
    """Return module and attribute of `module:attribute`. Raises Misuse."""
    found = _OBJECT.fullmatch(path)
    if found is None:
        raise Misuse(f"{masked(path)!r} is not of the form package.module:name.")
    return found[1], found[2]


def import_app(module: str) -> ModuleType:
    """Import a module of the app. Raises Misuse if there is none, an AppFailure if it fails."""
    try:
        return importlib.import_module(module)
    except AlligatorException:
        raise
    except (Exception, SystemExit) as exc:
        if isinstance(exc, ModuleNotFoundError) and exc.name and f"{module}.".startswith(f"{exc.name}."):
            where = f"There is no module {exc.name!r}, neither in the current folder nor among what is installed."
            raise Misuse(where) from exc
        raise AppFailure(f"The module {module!r} can't be imported.", exc) from exc


def put_current_folder_first() -> None:
    """Make the modules of the current folder importable, as `python -m` does."""
    here = os.getcwd()
    if sys.path[:1] != [here]:
        sys.path.insert(0, here)


def _gator_of(target: str | None, plugins: tuple[object, ...] | None) -> Gator:
    # Imported late: --help has no use for it.
    from ..gator import Gator

    if target is None or target == FROM_ENVIRONMENT:
        _from_environment()
        return Gator.from_env(plugins=plugins)
    if "://" in target:
        return Gator(target, plugins=plugins)
    if not _OBJECT.fullmatch(target):
        raise Misuse(
            f"TARGET {masked(target)!r} is neither a DSN such as sqlite:///queue.db nor a module:attribute. "
            f"Write {FROM_ENVIRONMENT} for the DSN in {VARIABLE}."
        )
    return _gator_at(target)


def _gator_at(path: str) -> Gator:
    from ..gator import Gator

    found = _object_at(path)
    if not isinstance(found, Gator) and callable(found):
        with app_code(f"{path!r} failed to make a Gator."):
            found = found()
    if not isinstance(found, Gator):
        raise Misuse(f"{path!r} is a {type(found).__name__}, not a Gator nor a function that returns one.")
    return found


def _object_at(path: str) -> Any:
    module, attribute = split_path(path)
    found: Any = import_app(module)
    for name in attribute.split("."):
        try:
            found = getattr(found, name)
        except AttributeError:
            raise Misuse(f"{path!r} doesn't exist: the module {module!r} has no {attribute!r}.") from None
    return found


def _from_environment() -> str:
    dsn = os.environ.get(VARIABLE)
    if not dsn:
        raise click.UsageError(f"TARGET is missing: name a DSN or a module:attribute, or set {VARIABLE} to a DSN.")
    return dsn
