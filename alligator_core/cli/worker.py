"""The command that runs a worker."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import closing
from functools import partial
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final

import click

from ..dump import dumping_on_signal
from ..errors import OptionError
from ..reload import Reloader, command_without, follow_reloader, watched_paths
from ..task_log import set_up_log
from ..title import set_title
from .exits import Guarded, Misuse
from .leaving import leaving_when_told
from .size import size
from .target import open_gator, put_current_folder_first, queue_of, target_or_environment

if TYPE_CHECKING:
    from ..gator import Gator
    from .visible import VisibleWorker

LEVELS: Final = ("debug", "info", "warning", "error")
QUIET: Final = "warning"
LONGEST_NAME: Final = 100
NOT_FOR_PROCESSES: Final = {"target", "processes", "reload"}

_seconds = partial(click.option, type=float, metavar="SECONDS")
_count = partial(click.option, type=int, metavar="N")


@click.command(cls=Guarded)
@target_or_environment
@click.option(
    "--queue", "queues", multiple=True, metavar="NAME",
    help="A queue to work on; the first named goes first. Default: the Gator's own.",
)  # fmt: skip
@_count("--threads", help="Run so many tasks at a time, each in a thread.")
@_count("--async-limit", help="Run so many coroutines at a time on an event loop.")
@_count("--processes", help="Run so many worker processes under a supervisor.")
@click.option("--burst", is_flag=True, help="Stop when no task is ready.")
@_count("--max-tasks", help="Stop after so many tasks; of --processes, each is replaced after so many.")
@click.option("--max-memory", type=size, metavar="SIZE", help="The same once a process is above, say, 500MB.")
@_seconds("--lease", help="Others take over what a worker holds so long after its last sign of life. Default: 30.")
@_seconds("--grace", help="How long a running task may go on after SIGTERM. Default: 30.")
@_count("--max-deliveries", help="A task becomes a dead letter once so many workers died under it. Default: 5.")
@click.option("--name", metavar="NAME", help="What logs and ps call it. Default: the host's name.")
@click.option("-q", "--quiet", is_flag=True, help="Log warnings and errors only, not each task.")
@click.option(
    "--log-level", type=click.Choice(LEVELS, case_sensitive=False),
    help="How much to log on stderr. Default: info.",
)  # fmt: skip
@click.option("--log-format", type=click.Choice(("text", "json")), default="text", help="Default: text.")
@click.option("--health-file", type=click.Path(), metavar="PATH", help="A file to touch while all is well.")
@click.option("--reload", is_flag=True, help="Restart when a Python file changes: for development.")
@click.pass_context
def worker(
    ctx: click.Context,
    /,
    target: str | None,
    queues: tuple[str, ...],
    processes: int | None,
    log_level: str | None,
    log_format: str,
    quiet: bool,
    reload: bool,
    **limits: Any,
) -> None:
    """Run tasks until SIGTERM or SIGINT.

    TARGET is a DSN, or module:attribute of the app's Gator or of a function that makes one; without it,
    ALLIGATOR_CONN holds the DSN. Modules are found in the current folder first. SIGUSR1 prints what runs, with stacks.

    \b
    Example:
      alligator worker shop.queues:gator --queue urgent --queue all --threads 4
    """
    if quiet and log_level:
        raise click.UsageError("Say --quiet or --log-level, not both.")
    level = (QUIET if quiet else log_level or "").upper() or None
    set_up = partial(set_up_log, log_format, level or "INFO", _checked(limits["name"]))
    role = _role(processes)
    # At once: the command line that it replaces in `ps` may have a password in it.
    set_title(role, limits["name"] or str(os.getpid()), queues, "starting")
    with leaving_when_told() as check:
        if reload:
            set_up()
            ctx.exit(_reload(target))
        follow_reloader()
        reports: list[Callable[[], str]] = [lambda: f"alligator {role} {os.getpid()} is starting"]
        with dumping_on_signal(lambda: reports[-1]()), closing(open_gator(target, with_hooks=True)) as gator:
            # After the app's modules, so that an app which sets up logging by itself has its way.
            set_up()
            check()
            given = {option: value for option, value in limits.items() if value is not None}
            made = _visible(gator, role, [queue_of(gator, queue) for queue in queues], level, given)
            reports.append(made.report)
            if processes is None:
                made.run_forever()
            else:
                ctx.exit(_supervise(ctx, made, processes))


def _checked(name: str | None) -> str:
    if name is not None and not (0 < len(name) <= LONGEST_NAME and name.isprintable()):
        raise OptionError(f"name={name!r}: it must be 1 to {LONGEST_NAME} printable characters.", "name")
    return name or ""


def _role(processes: int | None) -> str:
    # Imported late: --help has no use for it.
    from .. import child_link

    return "supervisor" if processes is not None else "worker" if child_link.current is None else "child"


def _visible(gator: Gator, role: str, queues: list[str], level: str | None, given: dict[str, Any]) -> VisibleWorker:
    # Imported late, as above. A supervisor needs one too, for then bad options are refused before it starts anything.
    from .visible import VisibleWorker

    made = VisibleWorker(gator, to_consume=queues, log_level=level, **given)
    made.role = role
    return made


def _supervise(ctx: click.Context, model: VisibleWorker, processes: int) -> int:
    from ..supervisor import Supervisor

    supervisor = Supervisor(
        model.gator, _arguments(ctx), processes=processes, to_consume=model.queues, lease=model.lease,
        grace=model.grace, max_deliveries=model.max_deliveries, burst=model.burst,
    )  # fmt: skip
    set_title("supervisor", model.ident(), model.queues, f"{processes} processes")
    return supervisor.run_forever()


def _arguments(ctx: click.Context) -> list[str]:
    """Return what makes a process of a supervisor do as this command was told, by itself."""
    words = ["worker"]
    for param in ctx.command.params:
        value = ctx.params.get(param.name or "")
        if param.name in NOT_FOR_PROCESSES or value in (None, False):
            continue
        for each in value if param.multiple else [value]:
            words += [param.opts[-1]] if value is True else [param.opts[-1], str(each)]
    target = ctx.params["target"]
    return words if target is None else [*words, "--", target]


def _reload(target: str | None) -> int:
    if not _is_installed("watchfiles"):
        raise Misuse('--reload needs watchfiles: pip install "alligator-core[reload]".')

    put_current_folder_first()
    module = "" if target is None or "://" in target else target.partition(":")[0]
    return Reloader(command_without("--reload"), watched_paths(module)).run()


def _is_installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ValueError:
        return False  # it is kept from being imported
