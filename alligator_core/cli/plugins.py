"""The command that lists plugins, and the commands that plugins add."""

from __future__ import annotations

import click

from .exits import NOT_DONE, warn
from .output import json_option, print_json, print_table, printable


@click.command()
@json_option
def plugins(as_json: bool) -> None:
    """List what is installed: backends, serializers and hooks. Exit code 1 if one is broken.

    \b
    Example:
      alligator plugins --json
    """
    # Imported late: --help has no use for it.
    from ..plugins import survey

    found = survey()
    commands = sorted(commands_of_plugins().commands)
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
