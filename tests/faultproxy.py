"""An HTTP proxy before a real Elasticsearch node that can be told to misbehave."""

from __future__ import annotations

import http.client
import json
import ssl
import threading
import time
from http.server import BaseHTTPRequestHandler

from tests.serving import Serving, reply


class FaultProxy(Serving):
    """Passes requests on to `address`; `fault` says what is done to those that write.

    `None`: nothing. `"429"`, `"503"`: such an answer, with a Retry-After of a second, and nothing
    passed on. `"lost"`: passed on, but the answer never comes. `"partial"`: of each bulk request
    every third document is left out, and answered as rejected because there is too much to do.
    `"413"`: a bulk request of more than one document is refused as too large. `met` counts.

    With `tls` it speaks HTTPS; with `authorization` it answers 401 to whoever doesn't send that.
    """

    def __init__(
        self, address: str, tls: ssl.SSLContext | None = None, authorization: str | None = None
    ) -> None:
        self._authorization = authorization
        self.fault: str | None = None
        self.met = 0
        self._released = threading.Event()
        self._target = address
        super().__init__(tls=tls)
        self.url = self.address

    def answer(self, request: BaseHTTPRequestHandler, body: bytes) -> None:
        if self._authorization not in (None, request.headers.get("Authorization")):
            error = {"error": {"type": "security_exception", "reason": "who are you?"}}
            return self._send(request, 401, json.dumps(error).encode())
        writes = request.path.startswith("/_bulk")
        fault = self.fault if writes else None
        if fault == "413" and body.count(b"\n") <= 2:
            fault = None
        if fault is not None:
            self.met += 1
        if fault in ("429", "503", "413"):
            error = {"error": {"type": "injected", "reason": f"injected {fault}"}, "status": fault}
            return self._send(request, int(fault), json.dumps(error).encode())
        left_out: list[int] = []
        if fault == "partial":
            body, left_out = _without_every_third(body)
        status, answer = self._forward(request, body)
        if fault == "lost":
            self._released.wait(60.0)
            request.close_connection = True
            return None
        return self._send(request, status, _with_rejections(answer, left_out))

    def _forward(self, request: BaseHTTPRequestHandler, body: bytes) -> tuple[int, bytes]:
        if not body and request.path.startswith("/_bulk"):
            return 200, b'{"errors":false,"items":[]}'
        connection = http.client.HTTPConnection(self._target, timeout=60.0)
        try:
            headers = {
                name: value
                for name, value in request.headers.items()
                if name.lower() not in ("host", "content-length", "connection")
            }
            connection.request(request.command, request.path, body, headers)
            answer = connection.getresponse()
            return answer.status, answer.read()
        except OSError:
            return 502, b"{}"
        finally:
            connection.close()

    @staticmethod
    def _send(request: BaseHTTPRequestHandler, status: int, body: bytes) -> None:
        headers = {"X-Elastic-Product": "Elasticsearch", "Content-Type": "application/json"}
        if status in (429, 503):
            headers["Retry-After"] = "1"
        reply(request, status, body, **headers)

    def release(self) -> None:
        """End the fault."""
        self.fault = None
        self._released.set()
        time.sleep(0.01)
        self._released.clear()

    def __exit__(self, *raised: object) -> None:
        self._released.set()
        super().__exit__(*raised)


def _without_every_third(body: bytes) -> tuple[bytes, list[int]]:
    lines = body.rstrip(b"\n").split(b"\n")
    pairs = [lines[n : n + 2] for n in range(0, len(lines), 2)]
    left_out = [place for place in range(len(pairs)) if place % 3 == 2]
    kept = [line for place, pair in enumerate(pairs) if place not in left_out for line in pair]
    return b"".join(line + b"\n" for line in kept), left_out


def _with_rejections(answer: bytes, places: list[int]) -> bytes:
    if not places:
        return answer
    parsed = json.loads(answer)
    error = {"type": "es_rejected_execution_exception", "reason": "injected: too much to do"}
    for place in places:
        parsed["items"].insert(place, {"index": {"status": 429, "error": error}})
    parsed["errors"] = True
    return json.dumps(parsed).encode()
