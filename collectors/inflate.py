"""Decompression in bounded pieces, whatever a stranger's bytes expand to."""

from __future__ import annotations

import zlib
from collections.abc import Iterator


class Inflater:
    """Incremental gzip (of several members, too) or deflate (with or without zlib's header).

    A piece is longer than `limit` by one byte at most. Raises zlib.error.
    """

    def __init__(self, deflate: bool, limit: int) -> None:
        self._deflate = deflate
        self._limit = limit
        self._decoder = zlib.decompressobj(zlib.MAX_WBITS if deflate else zlib.MAX_WBITS | 16)
        self._begun = False

    @property
    def complete(self) -> bool:
        return self._decoder.eof or not self._begun

    def feed(self, data: bytes) -> Iterator[bytes]:
        while data:
            if self._decoder.eof:
                if self._deflate or not data.startswith(b"\x1f"):
                    return  # padding after the stream
                self._decoder = zlib.decompressobj(zlib.MAX_WBITS | 16)
            if not self._begun and self._deflate and data[0] & 0x0F != 8:
                self._decoder = zlib.decompressobj(-zlib.MAX_WBITS)
            self._begun = True
            yield self._decoder.decompress(data, self._limit + 1)
            data = self._decoder.unconsumed_tail or self._decoder.unused_data
