"""A stand-in for Kibana: its status and the import of saved objects, as its sources have them."""

from __future__ import annotations

import json
import ssl
from base64 import b64decode
from email.parser import BytesParser
from email.policy import HTTP
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.serving import Serving, reply

TYPES = ("index-pattern", "search", "lens", "dashboard", "tag")


class Kibana(Serving):
    """Keeps what is imported in `objects`, by space, type and id.

    `version` is what it says that it is. With `login` it lets in who sends that as user:password,
    or as the text of an API key. `refused` are answers to give instead, by path: status, headers
    and body. `broken` are ids that it fails to write, and why.
    """

    def __init__(
        self, version: str = "9.1.2", login: str | None = None, tls: ssl.SSLContext | None = None
    ) -> None:
        self.version = version
        self.login = login
        self.objects: dict[tuple[str, str, str], dict[str, Any]] = {}
        self.refused: dict[str, tuple[int, dict[str, str], bytes]] = {}
        self.broken: dict[str, str] = {}
        self.asked: list[str] = []
        super().__init__(tls=tls)

    def answer(self, request: BaseHTTPRequestHandler, body: bytes) -> None:
        parts = urlsplit(request.path)
        space, path = "default", parts.path
        if path.startswith("/s/"):
            _, _, space, path = path.split("/", 3)
            path = f"/{path}"
        self.asked.append(f"{request.command} {parts.path}")
        if path in self.refused:
            status, headers, said = self.refused[path]
            return reply(request, status, said, **headers)
        if not self._knows(request.headers.get("Authorization")):
            return self._say(request, 401, message="[security_exception]: unable to authenticate")
        if (request.command, path) == ("GET", "/api/status"):
            number = {"number": self.version, "build_flavor": "traditional"}
            overall = {"overall": {"level": "available"}}
            return self._say(request, 200, name="kibana", version=number, status=overall)
        if (request.command, path) != ("POST", "/api/saved_objects/_import"):
            return self._say(request, 404, message="Not Found")
        if "kbn-xsrf" not in request.headers:
            return self._say(request, 400, message="Request must contain a kbn-xsrf header.")
        overwrite = parse_qs(parts.query).get("overwrite") == ["true"]
        return self._import(request, _file(request, body), space, overwrite)

    def _import(
        self, request: BaseHTTPRequestHandler, file: bytes, space: str, overwrite: bool
    ) -> None:
        given = [json.loads(line) for line in file.decode().splitlines()]
        keys = [(one["type"], one["id"]) for one in given]
        if len(set(keys)) < len(keys):
            return self._say(request, 400, message="Non-unique import objects detected")
        errors = []
        for one in given:
            if (cause := self._fault(one, keys, space, overwrite)) is not None:
                meta = {"title": one["attributes"].get("title")}
                errors.append({"type": one["type"], "id": one["id"], "meta": meta, "error": cause})
            else:
                self.objects[space, one["type"], one["id"]] = one
        written = len(given) - len(errors)
        more = {"errors": errors} if errors else {}
        return self._say(request, 200, success=not errors, successCount=written, **more)

    def _fault(
        self, one: dict[str, Any], given: list[tuple[str, str]], space: str, overwrite: bool
    ) -> dict[str, Any] | None:
        if one["type"] not in TYPES:
            return {"type": "unsupported_type"}
        if not overwrite and (space, one["type"], one["id"]) in self.objects:
            return {"type": "conflict"}
        missing = [
            {"type": other["type"], "id": other["id"]}
            for other in one["references"]
            if (other["type"], other["id"]) not in given
            and (space, other["type"], other["id"]) not in self.objects
        ]
        if missing:
            return {"type": "missing_references", "references": missing}
        if one["id"] in self.broken:
            return {"type": "unknown", "message": self.broken[one["id"]], "statusCode": 500}
        return None

    def _knows(self, authorization: str | None) -> bool:
        if self.login is None:
            return True
        scheme, _, given = (authorization or "").partition(" ")
        return self.login == (b64decode(given).decode() if scheme == "Basic" else given)

    @staticmethod
    def _say(request: BaseHTTPRequestHandler, code: int, /, **body: Any) -> None:
        if code >= 400:
            body = {"statusCode": code, "error": "Refused", **body}
        kind = "application/json; charset=utf-8"
        reply(request, code, json.dumps(body).encode(), content_type=kind)


def _file(request: BaseHTTPRequestHandler, body: bytes) -> bytes:
    """The part `file` of a form."""
    head = f"Content-Type: {request.headers['Content-Type']}\r\n\r\n".encode()
    for part in BytesParser(policy=HTTP).parsebytes(head + body).iter_parts():  # type: ignore[attr-defined]
        if part.get_param("name", header="content-disposition") == "file":
            assert part.get_filename().endswith(".ndjson")
            content: bytes = part.get_payload(decode=True)
            return content
    raise AssertionError("there is no file in it")
