"""Which network addresses may be asked: never this machine's own network.

Feeds and articles come from strangers, so a link or a redirect may point anywhere. A host name is
resolved here, each address is checked, and the connection goes to the checked address itself:
a name that changes its mind between check and use (DNS rebinding) gains nothing.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Iterable
from urllib.parse import urlsplit

import httpcore

from collectors.status import PollState

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_GLOBAL = ipaddress.IPv6Network("2000::/3")
"""All that is handed out of IPv6 for the internet; what lies outside may stand for anything."""


class FetchProblem(Exception):
    """Why a fetch ended without an answer to use; `message` is for a person."""

    def __init__(self, state: PollState, message: str, retry_after: float | None = None) -> None:
        self.state = state
        self.message = message
        self.retry_after = retry_after
        super().__init__(f"{state}: {message}")


def check_url(url: str) -> str:
    """The host of an `http` or `https` URL; raises FetchProblem for any other."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise FetchProblem(PollState.ADDRESS, f"{url} is no URL: {error}") from None
    if parts.scheme not in ("http", "https") or not host:
        raise FetchProblem(PollState.ADDRESS, f"{url}: only http:// and https:// are fetched")
    return host


def refusal(address: Address, allow_loopback: bool) -> str | None:
    """Why this address may not be connected to; None when it may."""
    inner = _embedded(address)
    if inner.is_loopback:
        return None if allow_loopback else "is on this machine"
    if inner.is_multicast:
        return "is a multicast address"
    if inner.is_link_local:
        return "is a link-local address"
    if not inner.is_global or (inner.version == 6 and inner not in _GLOBAL):
        return "is in a private or reserved network"
    return None


def _embedded(address: Address) -> Address:
    """The IPv4 address that an IPv6 one stands for, or the address as it is."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    teredo = address.teredo
    return address.ipv4_mapped or address.sixtofour or (teredo[1] if teredo else address)


class CheckedBackend(httpcore.AsyncNetworkBackend):
    """Opens connections to addresses that passed `refusal`, and to no others."""

    def __init__(self, allow_loopback: bool) -> None:
        self._allow_loopback = allow_loopback
        self._backend = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect to the first permitted address of `host` that answers.

        Raises FetchProblem when the name doesn't resolve or no address is permitted, and httpcore's
        own errors when none answers.
        """
        failure: Exception | None = None
        addresses = await self._permitted(host, port)
        # An address that swallows everything leaves time for the others.
        share = timeout / len(addresses) if timeout else timeout
        for address in addresses:
            try:
                return await self._backend.connect_tcp(
                    str(address), port, share, local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = failure or error
        assert failure is not None  # _permitted never returns an empty list
        raise failure

    async def _permitted(self, host: str, port: int) -> list[Address]:
        loop = asyncio.get_running_loop()
        try:
            found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise FetchProblem(PollState.DNS, f"{host} can't be resolved: {error}") from None
        # A scope (fe80::1%eth0) is cut off: such addresses are refused anyway.
        addresses = [ipaddress.ip_address(str(entry[4][0]).partition("%")[0]) for entry in found]
        permitted = [it for it in addresses if refusal(it, self._allow_loopback) is None]
        if not permitted:
            first = addresses[0]
            why = refusal(first, self._allow_loopback)
            raise FetchProblem(PollState.ADDRESS, f"{host} → {first} {why}")
        return list(dict.fromkeys(permitted))

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
