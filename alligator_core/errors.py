"""Every error that Alligator raises.

AlligatorException
├── ConfigurationError            the app or its environment is set up wrongly
│   ├── DsnError                  a DSN that can't be read
│   ├── UnknownPluginError        no installed plugin serves the scheme or name
│   ├── PluginError               an installed plugin is broken, or two claim one name
│   └── OptionError               an option that doesn't exist, or has a value out of range
│       └── MultipleDelayError    both delay_by and delay_until
├── UnsupportedFeature            the backend can't do what was asked
├── EnqueueError                  the call can't become a task
│   ├── UncarriableArgument       the serializer can't carry an argument unchanged
│   ├── BodyTooLarge              the encoded task exceeds the backend's limit
│   └── CallableError             the function can't be called by name
│       ├── UnknownModuleError
│       ├── UnknownCallableError
│       └── ForbiddenCallable     policy: standard library, re-exports, not on the allow list
├── MessageError                  what lies on the queue is no task of ours
├── BackendError                  the server or file refused or failed
│   ├── BackendUnavailable        it can't be reached just now; trying again may help
│   └── PushError                 some of the messages were not taken
├── TaskFailed                    a task failed, and its own exception can't be shown
├── TaskTimeout                   a task ran longer than its `timeout` or `hard_timeout`
└── TaskCancelled                 a task was asked to stop, and does
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence


class AlligatorException(Exception):
    """The root: catch it to catch everything that Alligator raises itself."""


class ConfigurationError(AlligatorException):
    """The app or its environment is set up wrongly."""


class DsnError(ConfigurationError):
    """A DSN that can't be read. The message never holds its password."""


class UnknownPluginError(ConfigurationError):
    """No installed plugin serves this DSN scheme or serializer name.

    `kind` is "backend", "serializer" or "hooks"; `name` is what was asked for; `installed` lists what there is.
    """

    def __init__(self, kind: str, name: str, installed: Iterable[str], *, shown: str | None = None) -> None:
        self.kind = kind
        self.name = name
        self.installed = tuple(sorted(installed))
        near = closest(name, self.installed)
        remedy = f"Did you mean {near!r}?" if near else f"Install one: pip install alligator-{package_of(name)}."
        have = ", ".join(self.installed) or "none"
        super().__init__(f"No {kind} for {shown or name!r}. {remedy} Installed: {have}.")


class PluginError(ConfigurationError):
    """An installed plugin is broken, or two distributions claim one name. `distributions` names them."""

    def __init__(self, message: str, distributions: Sequence[str] = ()) -> None:
        self.distributions = tuple(distributions)
        super().__init__(message)


class OptionError(ConfigurationError, ValueError):
    """An option that doesn't exist, or a value that it can't take. `option` names it."""

    def __init__(self, message: str, option: str = "") -> None:
        self.option = option
        super().__init__(message)

    @classmethod
    def unknown(cls, option: str, known: Iterable[str], *, owner: str) -> OptionError:
        """Say that `owner` has no such option, and name the nearest one it has."""
        names = sorted(known)
        near = closest(option, names)
        remedy = f"Did you mean {near!r}?" if near else f"It has: {', '.join(names) or 'none'}."
        return cls(f"{owner} has no option {option!r}. {remedy}", option)


class MultipleDelayError(OptionError):
    """A task was given both `delay_by` and `delay_until`."""


class UnsupportedFeature(AlligatorException):
    """The backend can't do what was asked. `backend` and `feature` say which, `reason` why, where that is known."""

    def __init__(self, backend: str, feature: str, wanted: str = "", reason: str = "") -> None:
        self.backend = backend
        self.feature = feature
        self.reason = reason
        why = f": {reason}" if reason else ""
        super().__init__(
            f"The {backend} backend has no {feature!r}, which {wanted or 'this call'} needs{why}. "
            "Leave it out, or use a backend that has it (alligator plugins lists them)."
        )


class EnqueueError(AlligatorException):
    """The call can't become a task. Nothing was enqueued."""


class UncarriableArgument(EnqueueError, TypeError):
    """The serializer can't carry an argument unchanged.

    `argument` is its place, such as `args[0]['when']`; `of` is the function's name.
    """

    def __init__(self, argument: str, problem: str, *, of: str = "") -> None:
        self.argument = argument
        self.of = of
        super().__init__(f"{of}: {argument} {problem}" if of else f"{argument} {problem}")


class BodyTooLarge(EnqueueError, ValueError):
    """The encoded task exceeds the limit of the backend, or of the Gator. `size` and `limit` are in bytes."""

    def __init__(self, size: int, limit: int, owner: str) -> None:
        self.size = size
        self.limit = limit
        super().__init__(
            f"The task is {size:,} bytes encoded, above the {limit:,} that {owner}. "
            "Store the data elsewhere and pass its key."
        )


class CallableError(EnqueueError):
    """A function can't be called by name. `name` is `module:function` as far as it is known."""

    def __init__(self, name: str, problem: str) -> None:
        self.name = name
        # Whoever writes to the queue may have made it up, at any length.
        super().__init__(f"{name if len(name) <= 400 else name[:399] + '…'!r} {problem}")


class UnknownModuleError(CallableError):
    """The module of a task can't be imported here."""


class UnknownCallableError(CallableError):
    """The module has no such function."""


class ForbiddenCallable(CallableError):
    """The function exists, but a message may not name it."""


class MessageError(AlligatorException):
    """What lies on the queue is no task that this worker can read; it goes to the dead letters with this reason."""


class BackendError(AlligatorException):
    """The server or file behind the queue refused or failed."""


class BackendUnavailable(BackendError):
    """The server or file can't be reached just now.

    `maybe_applied` is true where the operation may have happened all the same: the answer got lost, not the request.
    Pushing the same task again is safe then on a backend with the feature `unique`, since an id that is queued already
    is left alone; on one without, it may run twice.
    """

    def __init__(self, message: str, *, maybe_applied: bool = False) -> None:
        self.maybe_applied = maybe_applied
        super().__init__(message)


class PushError(BackendError):
    """Some of the messages were not taken. `refused` maps their ids to the reason."""

    def __init__(self, refused: dict[str, str]) -> None:
        self.refused = refused
        first = next(iter(refused.items()), ("", ""))
        super().__init__(f"{len(refused)} messages were not taken, the first ({first[0]!r}) because: {first[1]}")


class TaskFailed(AlligatorException):
    """A task failed for good."""


class TaskTimeout(AlligatorException, TimeoutError):
    """Raised in a task that runs longer than its `timeout`; also the error of one that outlasts its `hard_timeout`."""

    def __init__(self, message: str = "It ran longer than its timeout.") -> None:
        super().__init__(message)


class TaskCancelled(AlligatorException):
    """Raised by `task.raise_if_cancelled()` in a task that was asked to stop by `gator.stop`."""

    def __init__(self, message: str = "It was asked to stop.") -> None:
        super().__init__(message)


def closest(word: str, known: Iterable[str]) -> str | None:
    """Return the known word that `word` was probably meant to be, if one is near enough."""
    from difflib import get_close_matches  # (late: most processes never make this error)

    return next(iter(get_close_matches(word, list(known), n=1, cutoff=0.6)), None)


def package_of(scheme: str) -> str:
    """Return the part after `alligator-` of the package that most likely serves a scheme (`rediss` → `redis`)."""
    base = scheme.split("+")[0]
    return {"rediss": "redis", "unix": "redis", "beanstalkd": "beanstalk"}.get(base, base)
