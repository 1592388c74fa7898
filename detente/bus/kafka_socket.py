"""A fault of kafka-python 3.0 (seen in 3.0.12) put right: a socket whose connecting fails is left
to the garbage collector. In an outage that is one more each time a client looks for its broker.
"""

from __future__ import annotations

import socket
from typing import Any

from kafka.net.inet import KafkaNetSocket

# The client takes its sockets from the class registered for its proxy's scheme: this is no proxy.
DIRECT = "direct://"


class DirectSocket(KafkaNetSocket):  # type: ignore[misc]
    """Connects as without a proxy, and closes what could not be connected."""

    SCHEMES = ("direct",)

    async def sock_connect(
        self, net: Any, sock: socket.socket, sockaddr: Any, timeout_at: float | None = None
    ) -> socket.socket:
        try:
            connected: socket.socket = await super().sock_connect(
                net, sock, sockaddr, timeout_at=timeout_at
            )
        except BaseException:  # a task that is dropped while it waits, too
            sock.close()
            raise
        return connected
