"""An HTTP server before an emulator, which answers itself where it is told to, and passes everything else on."""

from __future__ import annotations

import http.client
import json
import sys
import threading
from collections import Counter
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = tuple[int, dict[str, Any]]
Rule = Callable[[str, dict[str, Any]], "Answer | None"]


class _Quiet(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        # A client that has gone did so on purpose.
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class Stub:
    """Counts requests by action. `rule` gets the action and the request, and returns an answer or None."""

    def __init__(self, port: int) -> None:
        self.counts: Counter[str] = Counter()
        self.rule: Rule = _pass_on
        self.loses: Counter[str] = Counter()
        """How many answers are to be lost, by action, after the server has carried the request out."""
        stub = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                stub._answer(self, port)

            def log_message(self, *_: object) -> None:
                pass

        self._server = _Quiet(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()
        self.endpoint = f"http://127.0.0.1:{self._server.server_address[1]}"

    def refuse(self, action: str, code: str, *, status: int = 400, times: int = 1000) -> None:
        """Answer the next requests of an action with an error."""
        left = iter(range(times))

        def rule(wanted: str, request: dict[str, Any]) -> Answer | None:
            if wanted != action or next(left, None) is None:
                return None
            return status, {"__type": f"com.amazonaws.sqs#{code}", "message": f"made up for {action}"}

        self.rule = rule

    def close(self) -> None:
        """End it."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)

    def _answer(self, handler: BaseHTTPRequestHandler, port: int) -> None:
        body = handler.rfile.read(int(handler.headers.get("Content-Length", 0)))
        action = handler.headers.get("X-Amz-Target", "").rpartition(".")[2]
        self.counts[action] += 1
        made_up = self.rule(action, json.loads(body or b"{}"))
        if made_up is not None:
            status, answer = made_up[0], json.dumps(made_up[1]).encode()
        else:
            upstream = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
            headers = {name: value for name, value in handler.headers.items() if name.lower() != "host"}
            upstream.request("POST", handler.path, body, headers)
            found = upstream.getresponse()
            status, answer = found.status, found.read()
            upstream.close()
        if self.loses[action] > 0:
            self.loses[action] -= 1
            handler.close_connection = True
            handler.connection.close()
            return
        handler.send_response(status)
        handler.send_header("Content-Type", "application/x-amz-json-1.0")
        handler.send_header("Content-Length", f"{len(answer)}")
        handler.end_headers()
        handler.wfile.write(answer)


def _pass_on(action: str, request: dict[str, Any]) -> Answer | None:
    return None
