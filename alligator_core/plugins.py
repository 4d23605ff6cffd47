"""Discovery: finding installed plugins by entry point, and loading only those that are needed."""

from __future__ import annotations

import inspect
import os
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import pluggy

from . import hookspecs, spec_version
from .dsn import Dsn
from .entry_points import EntryPoint, entry_points
from .errors import AlligatorException, PluginError, UnknownPluginError, closest
from .serializer import SerializerSetup

if TYPE_CHECKING:
    from .backend import Backend
    from .serializer import Serializer

BACKENDS: Final = "alligator.backends"
SERIALIZERS: Final = "alligator.serializers"
HOOKS: Final = "alligator.hooks"
KINDS: Final = {BACKENDS: "backend", SERIALIZERS: "serializer", HOOKS: "hooks"}
VARIABLE: Final = "ALLIGATOR_PLUGINS"
"""The environment's list of hook plugins to load, with commas between them; an empty one means none."""


class PluginManager(pluggy.PluginManager):
    """The plugins of one Gator. Two Gators never share one, so they can't mix."""

    def __init__(self) -> None:
        super().__init__(hookspecs.PROJECT)
        self.add_hookspecs(hookspecs)

    def load_hooks(self, wanted: Iterable[object] | None) -> None:
        """Register hook plugins: the `wanted` names and objects, or else what ALLIGATOR_PLUGINS says, or all."""
        if wanted is None:
            wanted = hooks_of(os.environ)
        for item in installed(HOOKS) if wanted is None else [wanted] if isinstance(wanted, str) else wanted:
            if isinstance(item, str):
                self.load(HOOKS, item)
            else:
                self.add(item)

    def expect(self, group: str, name: str) -> None:
        """Raise UnknownPluginError or PluginError unless one plugin of a name is installed, without importing it."""
        _only(group, name, None)

    def load(self, group: str, name: str, *, shown: str | None = None) -> object:
        """Import and register the plugin of a name, once; `shown` replaces the name in the error if there is none."""
        entry = _only(group, name, shown)
        try:
            plugin = entry.load()
        except (Exception, SystemExit) as exc:
            problem = f"{described(entry)} can't be imported: {exc!r}. {remedy_of(group, entry.distribution)}"
            raise PluginError(problem, [entry.distribution]) from exc
        self.add(plugin, owner=described(entry), distribution=entry.distribution)
        return plugin

    def add(self, plugin: object, *, owner: str | None = None, distribution: str = "") -> None:
        """Register a module or object with hooks, unless it is already; check it against the specs."""
        if self.is_registered(plugin):
            return
        self._enroll(plugin, None, owner or f"the plugin {plugin!r}", distribution)

    def register(self, plugin: object, name: str | None = None) -> str | None:
        """Register an object or module of the app's own; return the name that logs call it by, its class by default.

        The latest that was registered is called first. A worker that has started doesn't hear of it any more.
        Raises PluginError for what doesn't fit the specs, or is registered already.
        """
        if self.is_registered(plugin):
            raise PluginError(f"The plugin {plugin!r} is registered already.")
        if name is not None and self.has_plugin(name):
            raise PluginError(f"The name {name!r} is taken by {self.get_plugin(name)!r}: register under another.")
        return self._enroll(plugin, name, f"the plugin {plugin!r}", "")

    def get_canonical_name(self, plugin: object) -> str:
        """Return the name of a plugin that was given none: its module's or class's."""
        name = getattr(plugin, "__name__", None) or f"{type(plugin).__module__}.{type(plugin).__qualname__}"
        return f"{name}-{id(plugin)}" if self.has_plugin(name) else name

    def _enroll(self, plugin: object, name: str | None, owner: str, distribution: str) -> str | None:
        if inspect.isclass(plugin):
            raise PluginError(f"{owner} is a class: register an object of it, {plugin.__name__}().", [distribution])
        if objection := spec_version.objection(plugin, owner, distribution):
            raise PluginError(objection, [distribution])
        try:
            registered = super().register(plugin, name)
            self.check_pending()
        except (pluggy.PluginValidationError, ValueError) as exc:
            # Whether it is registered by now depends on what was wrong, and on the version of pluggy.
            if self.is_registered(plugin):
                self.unregister(plugin)
            hint = self._hint(plugin)
            raise PluginError(f"{owner} doesn't fit the specs: {exc}{hint}", [distribution]) from exc
        if wrapped := self._wrapped_observer(plugin):
            self.unregister(plugin)
            raise PluginError(
                f"{owner} wraps {wrapped}, which only observes. To wrap a task's run, enter a context manager in "
                "before_task: task.enter_context(…).",
                [distribution],
            )
        return registered

    def _hint(self, plugin: object) -> str:
        """Return what the plugin's author probably meant: the hook of nearly that name, or the arguments there are."""
        for name in dir(plugin):
            if self.parse_hookimpl_opts(plugin, name) is None:
                continue
            spec = getattr(hookspecs, name, None)
            if spec is None:
                near = closest(name, [known for known in vars(hookspecs) if hasattr(self.hook, known)])
                return f". Did you mean {near!r}?" if near else ""
            known = inspect.signature(spec).parameters
            if not inspect.signature(getattr(plugin, name)).parameters.keys() <= known.keys():
                return f". It may take these: {', '.join(known) or 'none'}."
        return ""

    def _wrapped_observer(self, plugin: object) -> str | None:
        # Observers are called one by one, so that none can fail another: there is nothing to wrap.
        for caller in self.get_hookcallers(plugin) or ():
            for each in caller.get_hookimpls() if caller.name in hookspecs.OBSERVERS else ():
                if each.plugin is plugin and (each.wrapper or each.hookwrapper):
                    return caller.name
        return None

    def make_backend(self, dsn: Dsn) -> Backend:
        """Build the backend that the DSN's scheme names. What says how to serialize is not for the backend."""
        dsn = dsn.for_backend()
        plugin = self.load(BACKENDS, dsn.scheme, shown=str(dsn))
        return self._make("make_backend", plugin, dsn.scheme, dsn=dsn)  # type: ignore[no-any-return]

    def make_serializer(self, name: str, setup: SerializerSetup | None = None) -> Serializer:
        """Build the serializer of a name; without a `setup` it gets one that has nothing."""
        plugin = self.load(SERIALIZERS, name)
        return self._make("make_serializer", plugin, name, name=name, setup=setup or SerializerSetup(name))  # type: ignore[no-any-return]

    def _make(self, hook: str, plugin: object, wanted: str, /, **arguments: object) -> Any:
        # Ask the one plugin that the entry point named, not whoever else implements the hook.
        others = [other for other in self.get_plugins() if other is not plugin]
        made = self.subset_hook_caller(hook, others)(**arguments)
        if made is None:
            entry = _only(BACKENDS if hook == "make_backend" else SERIALIZERS, wanted, None)
            owner, remedy = described(entry), remedy_of(entry.group, entry.distribution)
            problem = f"{owner} is registered for {wanted!r}, but its {hook} made nothing. {remedy}"
            raise PluginError(problem, [entry.distribution])
        return made


@dataclass(frozen=True, slots=True)
class Installed:
    """A plugin as `alligator plugins` shows it: `hooks` are the specs it implements, `error` why it can't be used."""

    kind: str
    name: str
    distribution: str
    version: str
    hooks: tuple[str, ...] = ()
    error: str = ""


def survey(names: Collection[str] = ()) -> list[Installed]:
    """Load every installed plugin, or those of the names, each by itself; say what it is or what is wrong with it."""
    return [_inspect(entry) for entry in everything(names)]


def everything(names: Collection[str] = ()) -> list[EntryPoint]:
    """Return the entry points of all plugins, or of those of the names. Raises UnknownPluginError."""
    found = [entry for group in KINDS for entry in entry_points(group)]
    have = {entry.name for entry in found}
    for name in names:
        if name not in have:
            raise UnknownPluginError("plugin", name, have)
    return [entry for entry in found if not names or entry.name in names]


def installed(group: str) -> list[str]:
    """Return the names under which plugins of one group are installed, without importing any."""
    return sorted({entry.name for entry in entry_points(group)})


def hooks_of(environ: Mapping[str, str]) -> list[str] | None:
    """Return the names of the hook plugins that an environment says are to be loaded; None if it doesn't say."""
    named = environ.get(VARIABLE)
    return None if named is None else [name.strip() for name in named.split(",") if name.strip()]


def remedy_of(group: str, distribution: str) -> str:
    """Say what users can do about a plugin that is broken."""
    last = f"or leave it out: {VARIABLE} names those to load" if group == HOOKS else "or uninstall it"
    return f"Upgrade or mend {distribution}, {last}."


def _only(group: str, name: str, shown: str | None) -> EntryPoint:
    found = [entry for entry in entry_points(group) if entry.name == name]
    if not found:
        raise UnknownPluginError(KINDS[group], name, installed(group), shown=shown)
    if len(found) > 1:
        owners = sorted(entry.distribution for entry in found)
        raise PluginError(f"{' and '.join(owners)} both claim the {KINDS[group]} {name!r}: uninstall one.", owners)
    return found[0]


def described(entry: EntryPoint) -> str:
    """Return the words that errors call an installed plugin by: the kind, the name, whose it is, and where it lies."""
    return f"The {KINDS.get(entry.group, 'plugin')} {entry.name!r} of {entry.distribution} ({entry.value})"


def _inspect(entry: EntryPoint) -> Installed:
    manager = PluginManager()
    hooks: tuple[str, ...] = ()
    error = ""
    try:
        plugin = manager.load(entry.group, entry.name)
        hooks = tuple(sorted(caller.name for caller in manager.get_hookcallers(plugin) or ()))
    except AlligatorException as exc:
        error = str(exc)
    return Installed(KINDS[entry.group], entry.name, entry.distribution, entry.version, hooks, error)
