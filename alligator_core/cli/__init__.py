"""The command line: `alligator`, and `latergator` for its worker."""

from __future__ import annotations

import click

from .. import __version__
from .check import check
from .dead import dead
from .exits import Guarded
from .new_plugin import new_plugin
from .ping import ping
from .plugins import commands_of_plugins, plugins
from .stats import stats
from .tasks import cancel, enqueue, peek, purge
from .worker import worker

__all__ = ["latergator", "main"]


class Commands(Guarded, click.Group):
    """The `alligator` command. Plugins are loaded only when a command is asked for that isn't one of the core's."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command of the core, or else of a plugin."""
        found = super().get_command(ctx, cmd_name)
        if found is not None or cmd_name.startswith("-"):
            return found
        return commands_of_plugins().get_command(ctx, cmd_name)


@click.group(cls=Commands, epilog="Plugins may add commands to these: alligator plugins lists who does.")
@click.version_option(__version__, prog_name="alligator")
def main() -> None:
    """Run and look after task queues.

    TARGET is a DSN such as sqlite:///queue.db, or module:attribute of your app's Gator. Leave it out, or write - where
    something follows it, for the DSN in the environment variable ALLIGATOR_CONN.

    \b
    Example:
      alligator worker sqlite:///queue.db
    """


for command in (worker, enqueue, stats, peek, cancel, purge, dead, plugins, new_plugin, ping, check):
    main.add_command(command)

latergator = worker
