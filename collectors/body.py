"""The body of an answer, never larger than allowed, however it is compressed."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx

from collectors.address import FetchProblem
from collectors.inflate import Inflater
from collectors.status import PollState


async def read_body(response: httpx.Response, url: str, max_bytes: int) -> bytes:
    """The whole body of an answer, decompressed. Raises FetchProblem where it is longer than
    `max_bytes`, ends in the middle or is encoded in a way that wasn't asked for."""
    body = bytearray()
    async for piece in _decompressed(response, url, max_bytes):
        body += piece
        # What comes in counts, too: compressed nothing, endlessly, expands to nothing.
        if max(len(body), response.num_bytes_downloaded) > max_bytes:
            message = (
                f"{url}: more than {max_bytes} bytes (collectors.max_feed_bytes, max_page_bytes)"
            )
            raise FetchProblem(PollState.TOO_LARGE, message)
    return bytes(body)


async def _decompressed(response: httpx.Response, url: str, max_bytes: int) -> AsyncIterator[bytes]:
    """The body without its Content-Encoding, never expanding more than `max_bytes` at once.

    httpx would expand whatever a chunk expands to, through as many layers as the server declares.
    """
    encoding = response.headers.get("content-encoding", "identity").strip().lower()
    if encoding in ("identity", ""):
        async for chunk in response.aiter_raw():
            yield chunk
        return
    if encoding not in ("gzip", "x-gzip", "deflate"):
        message = f"{url} answers in the encoding {encoding!r}, which wasn't asked for"
        raise FetchProblem(PollState.BROKEN, message)
    inflater = Inflater(deflate=encoding == "deflate", limit=max_bytes)
    async for chunk in response.aiter_raw():
        for piece in inflater.feed(chunk):
            yield piece
    if not inflater.complete:
        raise FetchProblem(PollState.TRUNCATED, f"{url}: the compressed body ends in the middle")
