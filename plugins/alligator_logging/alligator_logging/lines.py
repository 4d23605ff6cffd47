"""What a line of the log looks like, be it an event, structlog's or any other logger's."""

from __future__ import annotations

import logging
import time
from typing import Any, Final

import structlog
from structlog.stdlib import ProcessorFormatter

from alligator_core.task_log import harmless, without_secrets

from .event import Event

STYLES: Final = ("text", "json")


def formatter(style: str, worker: str = "", *, colors: bool = False) -> ProcessorFormatter:
    """Return what formats the records of any logger: for people in the style `text`, as a JSON object a line in `json`.

    Every line carries the contextvars that structlog knows, so that of a task has its id; no URL in it shows its
    password, and in text nothing can steer a terminal.
    """

    def add_worker(_: object, __: str, fields: Any) -> Any:
        return fields if not worker else {**fields, "worker": fields.get("worker", worker)}

    if style == "text":
        plain = structlog.dev.plain_traceback  # others show variables
        last: list[Any] = [_make_harmless, structlog.dev.ConsoleRenderer(colors=colors, exception_formatter=plain)]
    else:
        last = [structlog.processors.JSONRenderer(ensure_ascii=False)]
    return ProcessorFormatter(
        foreign_pre_chain=[structlog.contextvars.merge_contextvars, _add_event],
        processors=[
            _add_origin,
            add_worker,
            ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            _hide_secrets,
            *last,
        ],
    )


def _add_event(_: object, __: str, fields: Any) -> Any:
    said = fields["_record"].msg
    return fields if not isinstance(said, Event) else {**fields, **said.fields, "event": said.name}


def _add_origin(_: object, __: str, fields: Any) -> Any:
    record: logging.LogRecord = fields["_record"]
    second = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
    moment = f"{second}.{int(record.msecs):03d}Z"
    first = {"timestamp": moment, "level": record.levelname.lower(), "logger": record.name, "event": fields["event"]}
    return {**first, **{key: value for key, value in fields.items() if key not in first}}


def _hide_secrets(_: object, __: str, fields: Any) -> Any:
    return {key: without_secrets(value) if isinstance(value, str) else value for key, value in fields.items()}


def _make_harmless(_: object, __: str, fields: Any) -> Any:
    shown = {key: harmless(value) if isinstance(value, str) else value for key, value in fields.items()}
    # So that none of its further lines passes for a record of its own.
    return {**shown, "event": str(shown["event"]).replace("\n", "\n    ")}
