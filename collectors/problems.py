"""The errors of the HTTP client and of the network, as problems that a person can act on."""

from __future__ import annotations

import ssl
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from collectors.address import FetchProblem
from collectors.status import PollState


@contextmanager
def as_problems(url: str, timeout: float) -> Iterator[None]:
    """Turn every error of the driver and of the network into a FetchProblem."""
    try:
        yield
    except FetchProblem:
        raise
    except (TimeoutError, httpx.TimeoutException):
        message = f"{url}: no complete answer within {timeout:g} s (collectors.timeout)"
        raise FetchProblem(PollState.TIMEOUT, message) from None
    except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
        raise FetchProblem(PollState.ADDRESS, f"{url} can't be fetched: {error}") from None
    except httpx.ConnectError as error:
        raise FetchProblem(*_connect_problem(url, error)) from None
    except zlib.error as error:
        message = f"{url}: the body isn't compressed as it says: {error}"
        raise FetchProblem(PollState.BROKEN, message) from None
    except httpx.RemoteProtocolError as error:
        raise FetchProblem(_protocol_state(str(error)), f"{url}: {error}") from None
    except Exception as error:  # the drivers let errors of theirs (h2's) and bare ones through
        message = f"{url}: the connection broke: {str(error) or type(error).__name__}"
        raise FetchProblem(PollState.BROKEN, message) from None


def _protocol_state(message: str) -> PollState:
    if "without sending complete message body" in message:
        return PollState.TRUNCATED
    # httpx reads the address of a redirect even where it doesn't follow.
    return PollState.REDIRECT if "location header" in message else PollState.BROKEN


def _connect_problem(url: str, error: BaseException) -> tuple[PollState, str]:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLError):
            return PollState.TLS, f"{url}: no trusted TLS connection: {cause}"
        if isinstance(cause, ConnectionRefusedError):
            return PollState.CONNECTION_REFUSED, f"{url}: nothing answers at that port"
        cause = cause.__cause__ or cause.__context__
    return PollState.BROKEN, f"{url}: can't connect: {error}"
