"""A certificate for 127.0.0.1 that nobody trusts. Its key is public, as it guards nothing."""

from __future__ import annotations

import ssl
import tempfile

CERTIFICATE = """\
-----BEGIN CERTIFICATE-----
MIIBaDCCAQ2gAwIBAgIBATAKBggqhkjOPQQDAjAUMRIwEAYDVQQDDAkxMjcuMC4w
LjEwIBcNMjAwMTAxMDAwMDAwWhgPMjEyMDAxMDEwMDAwMDBaMBQxEjAQBgNVBAMM
CTEyNy4wLjAuMTBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABCNvaCth93nX9+EM
V4xRF+k97E9UQkuXfv1WY5nocZvFa8TquUfG2vCnw7Bw0TVVm6h9lVaOWEynlPo7
/bguIBujTjBMMA8GA1UdEwEB/wQFMAMBAf8wHQYDVR0OBBYEFCCLVcsdzQ6cUF6R
phLGtpmurvVNMBoGA1UdEQQTMBGHBH8AAAGCCWxvY2FsaG9zdDAKBggqhkjOPQQD
AgNJADBGAiEApy1iNQooFfnIBYkKGzqwvvKUqbmzSu2wm836gGQw7R4CIQDI61l6
5Iqr5sH6XXnEIkhjj5na/HhYq+zhokrh0DmNeQ==
-----END CERTIFICATE-----
"""

KEY = """\
-----BEGIN EC PRIVATE KEY-----
MHcCAQEEIDxfVeRePa6TwSOQcOJ65tHwmR2/oOC2BG660PPTYR9soAoGCCqGSM49
AwEHoUQDQgAEI29oK2H3edf34QxXjFEX6T3sT1RCS5d+/VZjmehxm8VrxOq5R8ba
8KfDsHDRNVWbqH2VVo5YTKeU+jv9uC4gGw==
-----END EC PRIVATE KEY-----
"""


def server_context(protocols: tuple[str, ...] = ()) -> ssl.SSLContext:
    """TLS as our test server speaks it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.NamedTemporaryFile("w", suffix=".pem") as file:
        file.write(CERTIFICATE + KEY)
        file.flush()
        context.load_cert_chain(file.name)
    if protocols:
        context.set_alpn_protocols(list(protocols))
    return context


def trusting_context() -> ssl.SSLContext:
    """TLS for a client that trusts our test server."""
    return ssl.create_default_context(cadata=CERTIFICATE)
