"""The command that lists plugins, and the commands that plugins add."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from .exits import NOT_DONE, warn
from .output import json_option, print_json, print_table, printable

if TYPE_CHECKING:
    from ..plugins import Installed


@click.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--check", is_flag=True, help="Use each one, in a process of its own, and say what goes wrong.")
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    default=20.0,
    show_default=True,
    metavar="SECONDS",
    help="With --check: how long one may be at any one thing.",
)
@json_option
def plugins(names: tuple[str, ...], check: bool, timeout: float, as_json: bool) -> None:
    """List what is installed: backends, serializers and hooks, or those of the NAMEs. Exit code 1 if one is broken.

    With --check, hooks see tasks that succeed, fail and die, on a queue in memory: where they report such things to
    somebody, they do so.

    \b
    Example:
      alligator plugins --check
    """
    found = _tried(timeout, names) if check else _listed(names)
    commands = sorted({} if check or names else commands_of_plugins().commands)
    if as_json:
        keys = ("kind", "name", "distribution", "version", "hooks", "error")
        print_json({"plugins": [{key: getattr(plugin, key) for key in keys} for plugin in found], "commands": commands})
    else:
        rows = [
            [it.kind, it.name, it.distribution, it.version, "(broken)" if it.error else ", ".join(it.hooks) or "-"]
            for it in found
        ]
        print_table(["KIND", "NAME", "DISTRIBUTION", "VERSION", "HOOKS"], rows)
        if commands:
            click.echo(f"\nCommands that they add: {', '.join(commands)}")
    broken = [plugin.error for plugin in found if plugin.error]
    for error in broken:
        click.echo(f"Error: {printable(error)}", err=True)
    if broken:
        raise click.exceptions.Exit(NOT_DONE)


def _listed(names: tuple[str, ...]) -> list[Installed]:
    # Imported late, as below: --help has no use for it.
    from ..plugins import survey

    return survey(names)


def _tried(timeout: float, names: tuple[str, ...]) -> list[Installed]:
    from .trials import try_all

    return try_all(timeout, names)


def commands_of_plugins() -> click.Group:
    """Return the commands that the installed hook plugins add; one that fails adds none, and is warned of."""
    from ..plugins import HOOKS, PluginManager, installed

    added = click.Group()
    for name in installed(HOOKS):
        manager = PluginManager()
        try:
            manager.load(HOOKS, name)
            manager.hook.register_commands(cli=added)
        except Exception as exc:  # noqa: BLE001  (whatever a plugin does, the other commands go on)
            warn(f"The plugin {name!r} can't add its commands: {exc}")
    return added
