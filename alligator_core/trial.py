"""A trial: one plugin loaded and used, in a process of its own, which says what it is at and what went wrong.

`Trials` starts it. Each line that it prints is a JSON document: `at` names what is called now, so that whoever waits
knows what blocks; `problem` goes on a sentence that begins with the plugin; `refusal` is a sentence of its own.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from collections.abc import Callable, Generator, Mapping
from contextlib import suppress
from types import FunctionType, ModuleType
from typing import TYPE_CHECKING, Any, Final

import pluggy

from .backend import FEATURES, Backend
from .decisions import Bury, Decision, SkipTask
from .dsn import Dsn
from .errors import AlligatorException, OptionError, PluginError
from .hookspecs import OBSERVERS
from .plugins import BACKENDS, HOOKS, SERIALIZERS, PluginManager

if TYPE_CHECKING:
    from .gator import Gator

IMPORT: Final = "its import"
TASKS: Final = "alligator_trial"
"""What the module of the trial's tasks is called; none of the core's own functions can be a task."""
PAYLOAD: Final[Mapping[str, object]] = {"id": "0", "task": "app:f", "args": [1, "two", None], "kwargs": {"three": 3.5}}

Say = Callable[..., None]


def main() -> None:
    """Try the plugin of the group and name that the command line says."""
    group, name = sys.argv[1:3]
    # Whatever the plugin prints is not for whoever reads the report.
    report = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)

    def say(**line: object) -> None:
        report.write(json.dumps(line) + "\n")
        report.flush()

    try:
        {BACKENDS: try_backend, SERIALIZERS: try_serializer, HOOKS: try_hooks}[group](name, say)
    except PluginError as exc:
        say(refusal=str(exc))
    say(done=True)
    # Threads that the plugin has started, or what it does at the end, keep nobody waiting.
    os._exit(0)


def try_backend(name: str, say: Say) -> None:
    """Make a backend by a DSN that is a scheme and nothing else: it may refuse that, but by a proper error."""
    manager = _loaded(BACKENDS, name, say)
    say(at="make_backend")
    made = _made(lambda: manager.make_backend(Dsn(name)), "make_backend", say)
    if made is None:
        return
    if not isinstance(made, Backend):
        say(problem=f"made {made!r} in make_backend, which is no Backend")
    elif unknown := sorted(made.features - FEATURES.keys()):
        say(problem=f"declares {', '.join(map(repr, unknown))}, and features are {', '.join(sorted(FEATURES))}")


def try_serializer(name: str, say: Say) -> None:
    """Make a serializer without options, which it may refuse, and let it carry something."""
    from .serializers import Serializers

    manager = _loaded(SERIALIZERS, name, say)
    say(at="make_serializer")
    made = _made(lambda: Serializers(manager, {}, signed=True).load(name), "make_serializer", say)
    if made is None:
        return
    say(at="dumps and loads")
    try:
        carried = made.loads(made.dumps(PAYLOAD, _nothing), _nothing)
    except (Exception, SystemExit) as exc:  # noqa: BLE001  (whatever a plugin does is what is to be said)
        say(problem=f"fails in dumps or loads: {_shown(exc)}")
    else:
        if carried != PAYLOAD:
            say(problem=f"made {carried!r} of {dict(PAYLOAD)!r}")


def try_hooks(name: str, say: Say) -> None:
    """Let a plugin see tasks that succeed, fail, are retried and die, in memory, and no other plugin with it."""
    # Imported late, as above: a trial of a backend has no use for it, and there may be many.
    import click

    from .gator import Gator
    from .worker import Worker

    gator = Gator("locmem://", plugins=[])
    say(at=IMPORT)
    plugin = gator.plugins.load(HOOKS, name)
    say(hooks=_hooks_of(gator.plugins, plugin))
    _watch(gator.plugins, plugin, say)
    say(at="its first task")
    _quietly(lambda: gator.plugins.hook.register_commands(cli=click.Group()))
    _declare(gator, say)
    tasks = _tasks()
    for function, retries in ((tasks.succeed, 0), (tasks.fail, 1), (tasks.die, 0)):
        _quietly(gator.options(retries=retries).task, function)
    Worker(gator, burst=True, max_tasks=10).run_forever()


def succeed() -> str:
    """Return something."""
    return "done"


def fail() -> None:
    """Raise something."""
    raise RuntimeError("this task of alligator plugins --check fails so that plugins see it")


def die(error: Exception = Bury("this task of alligator plugins --check dies so that plugins see it")) -> None:  # noqa: B008
    """End as a dead letter."""
    raise error


def _loaded(group: str, name: str, say: Say) -> PluginManager:
    manager = PluginManager()
    say(at=IMPORT)
    say(hooks=_hooks_of(manager, manager.load(group, name)))
    return manager


def _hooks_of(manager: PluginManager, plugin: object) -> list[str]:
    return sorted(caller.name for caller in manager.get_hookcallers(plugin) or ())


def _made(make: Callable[[], Any], hook: str, say: Say) -> Any:
    try:
        return make()
    except PluginError:
        raise
    except AlligatorException:
        return None
    except (Exception, SystemExit) as exc:  # noqa: BLE001  (whatever a plugin does is what is to be said)
        say(problem=f"fails in {hook}: {_shown(exc)}")
        return None


def _declare(gator: Gator, say: Say) -> None:
    try:
        gator.options(an_option_that_nobody_has=1)
    except OptionError:
        return
    except PluginError as exc:
        say(problem=f"is refused its options: {exc}")
    except (Exception, SystemExit) as exc:  # noqa: BLE001  (whatever a plugin does is what is to be said)
        say(problem=f"fails in declare_options: {_shown(exc)}")


def _tasks() -> ModuleType:
    module = sys.modules[TASKS] = ModuleType(TASKS)
    vars(module).update(RuntimeError=RuntimeError)
    for function in (succeed, fail, die):
        clone = FunctionType(function.__code__, vars(module), function.__name__, function.__defaults__)
        setattr(module, function.__name__, clone)
    return module


def _watch(manager: PluginManager, plugin: object, say: Say) -> None:
    """Have each hook of a plugin say when it is called and what it raises, in whatever way it is called."""
    for caller in manager.get_hookcallers(plugin) or ():
        for each in caller.get_hookimpls():
            if each.plugin is plugin:
                watch = _watched_wrapper if each.wrapper or each.hookwrapper else _watched
                # By name: it is declared to be final, and is not.
                setattr(each, "function", watch(each, caller.name, say))  # noqa: B010


def _watched(hook: pluggy.HookImpl, name: str, say: Say) -> Callable[..., object]:
    function = hook.function

    def watched(*arguments: object) -> object:
        say(at=name)
        try:
            return function(*arguments)
        except (Exception, SystemExit) as exc:
            _report(name, exc, say)
            raise

    return watched


def _watched_wrapper(hook: pluggy.HookImpl, name: str, say: Say) -> Callable[..., object]:
    function: Callable[..., Any] = hook.function

    def watched(*arguments: object) -> Generator[None, object, object]:
        say(at=name)
        try:
            return (yield from function(*arguments))
        except (Exception, SystemExit) as exc:
            _report(name, exc, say)
            raise

    return watched


def _report(hook: str, exc: BaseException, say: Say) -> None:
    is_decision = isinstance(exc, SkipTask if hook == "before_enqueue" else Decision)
    if hook in OBSERVERS or not is_decision:
        say(problem=f"fails in {hook}: {_shown(exc)}")


def _quietly(call: Callable[..., object], *arguments: object) -> None:
    # The hook that raised it has said so.
    with suppress(Exception, SystemExit):
        call(*arguments)


def _shown(exc: BaseException) -> str:
    """Return an error, and where it was raised."""
    text = " ".join("".join(traceback.format_exception_only(type(exc), exc)).split())
    frames = traceback.extract_tb(exc.__traceback__)
    return f"{text} ({os.path.basename(frames[-1].filename)}, line {frames[-1].lineno})" if frames else text


def _nothing(name: Any) -> Any:
    raise TypeError(f"{name!r} may not be named: the trial carries plain values.")
