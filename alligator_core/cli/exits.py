"""Exit codes, and how errors come to them: one line and no traceback, unless it is the app's own code that failed."""

from __future__ import annotations

import re
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Final

import click

from ..dsn import masked
from ..errors import AlligatorException, BackendError, MessageError, TaskFailed
from .output import printable

NOT_DONE: Final = 1
"""What was asked for isn't there or wasn't done, a check failed, or the app's own code did."""
USAGE: Final = 2
"""The command line, the app or its environment asks for something that can't be."""
BACKEND: Final = 3
"""The server or file behind the queue refused, failed, or can't be reached."""

_MAYBE_DSN: Final = re.compile(r"://|:.*@")
_OURS: Final = str(Path(__file__).parents[1])


class Failure(click.ClickException):
    """An error that is shown as one line."""

    def __init__(self, message: str) -> None:
        super().__init__(printable(" ".join(message.split())))


class NotDone(Failure):
    """What was asked for isn't there, or wasn't done."""

    exit_code = NOT_DONE


class Misuse(Failure):
    """The app, its environment or the backend's abilities don't go with what was asked for."""

    exit_code = USAGE


class BackendFailed(Failure):
    """The backend refused, failed, or can't be reached."""

    exit_code = BACKEND


class AppFailure(click.ClickException):
    """An exception of the app's own code: its traceback is shown from where that code begins."""

    exit_code = NOT_DONE

    def __init__(self, message: str, cause: BaseException) -> None:
        super().__init__(message)
        self.cause = cause

    def show(self, file: Any = None) -> None:
        """Print the traceback, and what failed."""
        lines = traceback.format_exception(type(self.cause), self.cause, _of_the_app(self.cause.__traceback__))
        click.echo("".join(lines).rstrip(), file=file, err=True)
        super().show(file)


class Guarded(click.Command):
    """A command as the shell calls it: errors end in one line and an exit code, and none shows a secret."""

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """Parse the command line."""
        with shown_briefly():
            return super().make_context(info_name, args, parent, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        with shown_briefly():
            return super().invoke(ctx)


@contextmanager
def shown_briefly() -> Iterator[None]:
    """Turn Alligator's errors into failures with an exit code; keep what looks like a DSN out of usage errors."""
    try:
        yield
    except click.UsageError as exc:
        message = exc.format_message()
        if not _MAYBE_DSN.search(message):
            raise
        # What click quotes is a DSN that landed in the wrong place.
        raise click.UsageError(masked(message), exc.ctx) from None
    except AlligatorException as exc:
        raise failure_of(exc) from exc


@contextmanager
def app_code(failure: str) -> Iterator[None]:
    """Show what the app's own code raises in the block with its traceback; `failure` says what came of it."""
    try:
        yield
    except (AlligatorException, click.ClickException, click.exceptions.Exit, click.Abort):
        raise
    except (Exception, SystemExit) as exc:
        raise AppFailure(failure, exc) from exc


def failure_of(exc: AlligatorException) -> Failure:
    """Return what the command ends with because of an error."""
    if isinstance(exc, BackendError):
        return BackendFailed(str(exc))
    return NotDone(str(exc)) if isinstance(exc, MessageError | TaskFailed) else Misuse(str(exc))


def warn(message: str) -> None:
    """Print a warning on stderr."""
    click.echo(f"Warning: {printable(message)}", err=True)


def _of_the_app(trace: TracebackType | None) -> TracebackType | None:
    """Leave out the frames that lead from the command to the app's code. None is left of one that doesn't parse."""
    while trace is not None and _leads_there(trace.tb_frame.f_code.co_filename):
        trace = trace.tb_next
    return trace


def _leads_there(filename: str) -> bool:
    return filename.startswith((_OURS, "<frozen importlib")) or filename.endswith("importlib/__init__.py")
