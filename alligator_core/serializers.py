"""The serializers of a Gator: each made once, with its options."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from .errors import OptionError
from .serializer import Serializer, SerializerSetup

if TYPE_CHECKING:
    from .plugins import PluginManager

Options = Mapping[str, Mapping[str, str]]
"""By the serializer's name, and then by the option's."""


class Serializers:
    """Makes the serializers of one Gator when they are first asked for."""

    def __init__(self, plugins: PluginManager, options: Options, *, signed: bool) -> None:
        self._plugins = plugins
        self._options = options
        self._signed = signed
        self._made: dict[str, Serializer] = {}

    def load(self, name: str) -> Serializer:
        """Return the serializer of a name. Raises UnknownPluginError, PluginError, or what the plugin raises."""
        return self._load(name, ())

    def check_options(self, accepted: Collection[str]) -> None:
        """Raise OptionError if there are options for a serializer that is neither accepted nor made."""
        known = sorted({*accepted, *self._made})
        for name, options in self._options.items():
            if name not in known and options:
                option = f"{name}.{next(iter(options))}"
                raise OptionError(
                    f"The option {option!r} is for the serializer {name!r}, and this Gator uses {', '.join(known)}.",
                    option,
                )

    def _load(self, name: str, wrapping: tuple[str, ...]) -> Serializer:
        if name in wrapping:
            raise OptionError(f"The serializer {name!r} wraps itself: {' wraps '.join((*wrapping, name))}.")
        found = self._made.get(name)
        if found is None:
            setup = SerializerSetup(
                name,
                signed=self._signed,
                options=self._options.get(name, {}),
                load=lambda inner: self._load(inner, (*wrapping, name)),
            )
            found = self._made[name] = self._plugins.make_serializer(name, setup)
        return found


def merged(*layers: Options) -> Options:
    """Return the options of several places together; later ones win. Raises OptionError for what is no text."""
    found: dict[str, dict[str, str]] = {}
    for layer in layers:
        for name, options in layer.items():
            for option, value in options.items():
                if not isinstance(value, str):
                    raise OptionError(f"The option '{name}.{option}' is no text, but a {type(value).__name__}.", option)
            found.setdefault(name, {}).update(options)
    return found
