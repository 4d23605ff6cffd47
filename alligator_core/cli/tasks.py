"""Commands on single tasks and on what waits: enqueue, peek, cancel, purge."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from ..backend import CANCEL, PEEK, PURGE
from ..constants import CANCELED
from .arguments import read_call
from .exits import NotDone, app_code
from .messages import args_option, described, for_people
from .output import counted, json_option, print_fields, print_json, some
from .target import import_app, open_gator, queue_of, queue_option, required_target, split_path, target_or_environment

if TYPE_CHECKING:
    from ..gator import Gator
    from ..task import Task


@click.command()
@required_target
@click.argument("function", metavar="MODULE:FUNCTION")
@click.argument("words", nargs=-1, metavar="[ARG]... [KEY=VALUE]...")
@queue_option
@click.option("--retries", type=int, metavar="N", help="How often a failed run is repeated. Default: 0.")
@click.option("--delay", "delay_by", type=float, metavar="SECONDS", help="Run it that much later.")
@click.option("--priority", type=int, metavar="0-9", help="9 runs first. Default: 5.")
@click.option(
    "--task-id",
    metavar="ID",
    help="An id of your own. If it is queued already, nothing is added, on a backend with the feature 'unique'.",
)
@json_option
def enqueue(
    target: str, function: str, words: tuple[str, ...], queue: str | None, as_json: bool, **options: Any
) -> None:
    """Enqueue a call of a function, and print the id of the task.

    \b
    Example:
      alligator enqueue sqlite:///queue.db shop.mail:send 7 hello to=ann@example.org

    An argument is read as JSON if it is JSON, else it is text: 7 is a number, '"7"' and hello are text. What has a
    name before its first = is passed by that name; for text such as a=b write '"a=b"'. Put -- before an argument
    that begins with a dash.
    """
    gator = open_gator(target, with_hooks=True)
    args, kwargs = read_call(words)
    task = _enqueue(gator, function, args, kwargs, {"queue_name": queue, **options})
    if as_json:
        print_json({"task_id": task.task_id, "queue": task.queue, "task": task.name, "status": task.status})
    elif task.status != CANCELED:
        click.echo(task.task_id)
    if task.status == CANCELED:
        raise NotDone("Not enqueued: a plugin left it out.")


@click.command()
@required_target
@click.argument("task_id", metavar="ID")
@queue_option
@args_option
@json_option
def peek(target: str, task_id: str, queue: str | None, with_args: bool, as_json: bool) -> None:
    """Show a task that waits or runs.

    \b
    Example:
      alligator peek sqlite:///queue.db 019abc
    """
    gator = open_gator(target)
    queue = queue_of(gator, queue)
    gator.require(PEEK, "alligator peek")
    entry = gator.backend.peek(queue, task_id)
    if entry is None:
        raise NotDone(f"No task {task_id!r} waits or runs on the queue {queue!r}.")
    head = {"queue": queue, "id": entry.id, "state": entry.state, "priority": entry.priority}
    head |= {"deliveries": entry.deliveries, "ready_in": entry.ready_in}
    description = described(gator, queue, entry.body, with_args=with_args)
    if as_json:
        print_json({**head, **description})
    else:
        head["ready_in"] = f"{entry.ready_in:.1f} s" if entry.ready_in else None
        print_fields({**head, **for_people(description)})


@click.command()
@required_target
@click.argument("ids", nargs=-1, required=True, metavar="ID...")
@queue_option
@json_option
def cancel(target: str, ids: tuple[str, ...], queue: str | None, as_json: bool) -> None:
    """Take waiting tasks off the queue. Exit code 1 if it was too late for one.

    \b
    Example:
      alligator cancel sqlite:///queue.db 019abc 019abd
    """
    gator = open_gator(target)
    queue = queue_of(gator, queue)
    gator.require(CANCEL, "alligator cancel")
    done = {id: gator.backend.cancel(queue, id) is not None for id in ids}
    canceled, missing = [id for id in done if done[id]], [id for id in done if not done[id]]
    if as_json:
        print_json({"queue": queue, "canceled": canceled, "not_waiting": missing})
    for id in () if as_json else canceled:
        click.echo(id)
    if missing:
        raise NotDone(f"Not waiting on the queue {queue!r}: {some(missing)}")


@click.command()
@target_or_environment
@queue_option
@click.option("--yes", is_flag=True, help="Don't ask.")
@json_option
def purge(target: str | None, queue: str | None, yes: bool, as_json: bool) -> None:
    """Remove all tasks that wait, delayed ones included. What runs and what is dead stays.

    \b
    Example:
      alligator purge sqlite:///queue.db --yes
    """
    gator = open_gator(target)
    queue = queue_of(gator, queue)
    gator.require(PURGE, "alligator purge")
    if not yes:
        count = gator.backend.size(queue).waiting
        confirm(f"Remove {counted(count, 'task')} from the queue {queue!r} of {gator.dsn}?")
    purged = gator.backend.purge(queue)
    if as_json:
        print_json({"queue": queue, "purged": purged})
    else:
        click.echo(f"Removed {counted(purged, 'task')}.")


def confirm(question: str) -> None:
    """Ask on a terminal, and end the command unless the answer is yes. Without one, --yes has to be said."""
    if not sys.stdin.isatty():
        raise click.UsageError("This can't be undone: say --yes.")
    click.confirm(question, abort=True, err=True)


def _enqueue(gator: Gator, path: str, args: list[Any], kwargs: dict[str, Any], options: dict[str, Any]) -> Task:
    module, _ = split_path(path)
    made = gator.options(**{name: value for name, value in options.items() if value is not None})
    import_app(module)
    function = gator.policy.find(path).function
    # With is_async=False the function itself runs here.
    with app_code(f"{path} failed."):
        return made.task(function, *args, **kwargs)
