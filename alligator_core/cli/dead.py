"""Commands on dead letters: list, show, requeue, purge."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

import click

from ..backend import DEAD_LETTERS, DeadLetter
from .exits import NotDone
from .messages import args_option, described, for_people
from .output import counted, json_option, moment, print_fields, print_json, print_table, printable_lines, progress, some
from .target import open_gator, queue_of, queue_option, required_target, target_or_environment
from .tasks import confirm

if TYPE_CHECKING:
    from ..gator import Gator

CHUNK: Final = 500
"""Dead letters that are asked for, or moved, in one call."""


@click.group()
def dead() -> None:
    """List, show, requeue and purge dead letters: tasks that failed for good.

    \b
    Example:
      alligator dead list sqlite:///queue.db
    """


@dead.command("list")
@target_or_environment
@queue_option
@click.option("--limit", type=click.IntRange(1), default=100, show_default=True, help="Show so many at most.")
@click.option("--offset", type=click.IntRange(0), default=0, show_default=True, help="Skip so many of the latest.")
@json_option
def list_dead(target: str | None, queue: str | None, limit: int, offset: int, as_json: bool) -> None:
    """List dead letters, the latest first.

    \b
    Example:
      alligator dead list sqlite:///queue.db --limit 20
    """
    gator, queue = _open(target, queue)
    total = gator.backend.size(queue).dead
    letters = [_summary(gator, queue, letter) for letter in gator.backend.dead(queue, None, limit, offset)]
    if as_json:
        print_json({"queue": queue, "total": total, "offset": offset, "dead": letters})
        return
    if letters:
        rows = [
            [it["id"], moment(it["buried_at"]), it["task"] or "(unreadable)", it["attempt"] or "", it["reason"]]
            for it in letters
        ]
        print_table(["ID", "BURIED", "TASK", "ATTEMPT", "REASON"], rows)
    last = offset + len(letters)
    more = f", more with --offset {last}" if letters and last < total else ""
    click.echo(f"{len(letters):,} of {counted(total, 'dead letter')} on the queue {queue!r}{more}.", err=True)


@dead.command()
@required_target
@click.argument("task_id", metavar="ID")
@queue_option
@args_option
@json_option
def show(target: str, task_id: str, queue: str | None, with_args: bool, as_json: bool) -> None:
    """Show a dead letter: what it was to call, and why it failed, with the traceback.

    \b
    Example:
      alligator dead show sqlite:///queue.db 019abc --args
    """
    gator, queue = _open(target, queue)
    letter = next(iter(gator.backend.dead(queue, [task_id], 1)), None)
    if letter is None:
        raise NotDone(f"No dead letter {task_id!r} on the queue {queue!r}.")
    shown = {"queue": queue, **_summary(gator, queue, letter, with_args=with_args)}
    trace = letter.reason.partition("\n")[2].strip()
    if as_json:
        print_json({**shown, "traceback": trace})
        return
    print_fields(for_people({**shown, "buried_at": moment(letter.buried_at)}))
    if trace:
        click.echo(f"\n{printable_lines(trace)}")


@dead.command()
@target_or_environment
@click.argument("ids", nargs=-1, metavar="[ID]...")
@click.option("--all", "all_of_them", is_flag=True, help="All that are dead now.")
@queue_option
@json_option
def requeue(target: str | None, ids: tuple[str, ...], all_of_them: bool, queue: str | None, as_json: bool) -> None:
    """Put dead letters back on the queue, with all their retries. Exit code 1 if one stays.

    \b
    Example:
      alligator dead requeue sqlite:///queue.db --all
    """
    _check_ids(ids, all_of_them=all_of_them)
    gator, queue = _open(target, queue)
    wanted = _all_ids(gator, queue) if all_of_them else list(dict.fromkeys(ids))
    moved: set[str] = set()
    for chunk in _chunks("Requeueing", wanted):
        moved.update(gator.backend.requeue(queue, chunk))
    requeued, stayed = [id for id in wanted if id in moved], [id for id in wanted if id not in moved]
    if as_json:
        print_json({"queue": queue, "requeued": requeued, "not_requeued": stayed})
    else:
        click.echo(f"Requeued {counted(len(requeued), 'task')}.")
    if stayed:
        raise NotDone(f"Not dead, or waiting again already: {some(stayed)}")


@dead.command("purge")
@target_or_environment
@click.argument("ids", nargs=-1, metavar="[ID]...")
@click.option("--all", "all_of_them", is_flag=True, help="All that are dead now.")
@click.option("--yes", is_flag=True, help="Don't ask about --all.")
@queue_option
@json_option
def purge_dead(
    target: str | None, ids: tuple[str, ...], all_of_them: bool, yes: bool, queue: str | None, as_json: bool
) -> None:
    """Remove dead letters for good. Exit code 1 if one isn't there.

    \b
    Example:
      alligator dead purge sqlite:///queue.db --all --yes
    """
    _check_ids(ids, all_of_them=all_of_them)
    gator, queue = _open(target, queue)
    wanted = _all_ids(gator, queue) if all_of_them else list(dict.fromkeys(ids))
    if all_of_them and not yes:
        confirm(f"Remove {counted(len(wanted), 'dead letter')} of the queue {queue!r} of {gator.dsn} for good?")
    purged, missing = _purge(gator, queue, wanted)
    if as_json:
        print_json({"queue": queue, "purged": purged, "not_found": missing})
    else:
        click.echo(f"Removed {counted(purged, 'dead letter')}.")
    if missing and not all_of_them:
        raise NotDone(f"Not dead: {some(missing)}")


def _purge(gator: Gator, queue: str, wanted: Sequence[str]) -> tuple[int, list[str]]:
    purged, missing = 0, []
    for chunk in _chunks("Removing", wanted):
        found = {letter.id for letter in gator.backend.dead(queue, chunk, len(chunk))}
        missing += [id for id in chunk if id not in found]
        purged += gator.backend.purge_dead(queue, chunk)
    return purged, missing


def _all_ids(gator: Gator, queue: str) -> list[str]:
    """Return the ids of all that are dead now: what is requeued may die again meanwhile, and has to stay then."""
    ids: dict[str, None] = {}
    offset = 0
    while letters := gator.backend.dead(queue, None, CHUNK, offset):
        ids.update((letter.id, None) for letter in letters)
        offset += len(letters)
    # The longest buried first, for that is the order in which they are to run.
    return list(reversed(ids))


def _check_ids(ids: Sequence[str], *, all_of_them: bool) -> None:
    if bool(ids) == all_of_them:
        raise click.UsageError("Name the ids or say --all, not both." if ids else "Name the ids, or say --all.")


def _open(target: str | None, queue: str | None) -> tuple[Gator, str]:
    gator = open_gator(target)
    gator.require(DEAD_LETTERS, "alligator dead")
    return gator, queue_of(gator, queue)


def _summary(gator: Gator, queue: str, letter: DeadLetter, *, with_args: bool = False) -> dict[str, Any]:
    head = {"id": letter.id, "reason": letter.reason.partition("\n")[0], "buried_at": letter.buried_at}
    return {**head, "deliveries": letter.deliveries, **described(gator, queue, letter.body, with_args=with_args)}


def _chunks(label: str, ids: Sequence[str]) -> Iterator[Sequence[str]]:
    """Cut ids into chunks, and show how many of them are done."""
    with progress(label) as show:
        for start in range(0, len(ids), CHUNK):
            yield ids[start : start + CHUNK]
            show(min(start + CHUNK, len(ids)), len(ids))
