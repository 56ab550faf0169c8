"""Pictures of other sites: which may be fetched, from where, how large, and for how long.

An address that a visitor has typed is asked for by this server, which reaches what the visitor does not. So hosts must
be on a list; every address that a name has must be a public one; the connection goes to the address that was looked at,
so that a name that means another one the next moment is of no use; and a redirect is looked at like the first address.
"""

from __future__ import annotations

import contextlib
import http.client
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import quote, urljoin, urlsplit

PORTS = {"http": 80, "https": 443}
REDIRECTS = (301, 302, 303, 307, 308)
#: Statuses after which it is worth while to ask again.
PASSING = (408, 425, 429)
PUBLIC_IPV6 = ipaddress.ip_network("2000::/3")
CHUNK = 64 * 1024
#: What stands in the path or the query of an address as it is.
SAFE = "/%:@!$&'()*+,;=~-._?"


class ImageRefused(Exception):
    """It will never be fetched; the text says why, for the one who has typed the address."""


class ImageUnavailable(Exception):
    """It cannot be fetched for now."""


@dataclass(frozen=True)
class Limits:
    """What may be fetched.

    Attributes:
        hosts: names, with a port where it is not the usual one; ``"*.example.com"`` for all names below that.
        private: those of them that may have a private address, such as ``"127.0.0.1:8000"``.
        size: bytes.
        seconds: for all of it, redirects included.
        redirects: how many are followed.
    """

    hosts: Sequence[str]
    private: Sequence[str] = ()
    size: int = 5 * 2**20
    seconds: float = 10.0
    redirects: int = 3


@dataclass(frozen=True)
class Target:
    """An address in its parts, which one may connect to."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def place(self) -> str:
        """The host as the list has it."""
        return self.host if self.port == PORTS[self.scheme] else f"{self.host}:{self.port}"


def target_of(url: str, limits: Limits) -> Target:
    """The parts of an address.

    Raises:
        ImageRefused: it is none of the web, or its host is not on the list.
    """
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").rstrip("."), parts.port
    except ValueError:
        raise ImageRefused("This is no address of the web.") from None
    if parts.scheme not in PORTS or not host or parts.username is not None or parts.password is not None:
        raise ImageRefused("The address must begin with http:// or https://, and have no password.")
    query = f"?{quote(parts.query, safe=SAFE)}" if parts.query else ""
    found = Target(parts.scheme, host, port or PORTS[parts.scheme], quote(parts.path or "/", safe=SAFE) + query)
    if not any(_is_of(found.place, allowed) for allowed in limits.hosts):
        raise ImageRefused(f"Pictures are not taken from {found.place[:100]}, only from {', '.join(limits.hosts)}.")
    return found


def _is_of(place: str, allowed: str) -> bool:
    return place.endswith(allowed[1:]) if allowed.startswith("*.") else place == allowed


def fetch(url: str, limits: Limits) -> bytes:
    """The bytes of a picture.

    Raises:
        ImageRefused: it will never be taken.
        ImageUnavailable: it cannot be had now.
    """
    end = time.monotonic() + limits.seconds
    for _ in range(limits.redirects + 1):
        target = target_of(url, limits)
        with _connected(target, _address_of(target, limits), end) as connection:
            found = _read(connection, target, limits)
        if isinstance(found, bytes):
            return found
        url = urljoin(url, found)
    raise ImageRefused(f"More than {limits.redirects} redirects.")


def _address_of(target: Target, limits: Limits) -> str:
    """The address to connect to: the first one of its name, if all may be connected to."""
    try:
        found = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise ImageUnavailable(f"The host {target.host[:100]} is not known.") from None
    addresses = [str(one[4][0]) for one in found]
    if target.place not in limits.private and not all(map(is_public, addresses)):
        raise ImageRefused(f"The host {target.host[:100]} has a private address.")
    return addresses[0]


def is_public(address: str) -> bool:
    """Whether an address is one that everybody reaches, and none behind which another one hides."""
    found = ipaddress.ip_address(address.partition("%")[0])
    if found.is_multicast or not found.is_global:
        return False
    if isinstance(found, ipaddress.IPv6Address):
        return found in PUBLIC_IPV6 and found.sixtofour is None and found.teredo is None
    return True


class _Connection(http.client.HTTPConnection):
    """A connection to an address that has been looked at, under the name that it was found by."""

    def __init__(self, target: Target, address: str, timeout: float) -> None:
        super().__init__(target.host, target.port, timeout=timeout)
        self.address = address
        self.default_port = PORTS[target.scheme]
        self.context = ssl.create_default_context() if target.scheme == "https" else None

    def connect(self) -> None:
        # http.client lets go of the socket while the answer is still being read.
        self.sock = self.channel = socket.create_connection((self.address, self.port), self.timeout)
        if self.context is not None:
            self.sock = self.context.wrap_socket(self.sock, server_hostname=self.host, do_handshake_on_connect=False)
            self.channel = self.sock
            self.sock.do_handshake()

    def cut(self) -> None:
        """End whatever is waited for, from another thread."""
        with contextlib.suppress(OSError, AttributeError):
            self.channel.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def _connected(target: Target, address: str, end: float) -> Iterator[_Connection]:
    """A connection that is cut at the end of the time: a server that sends a byte now and then keeps nobody."""
    _refuse_late(end)
    remaining = end - time.monotonic()
    connection = _Connection(target, address, max(0.01, remaining))
    timer = threading.Timer(remaining, connection.cut)
    timer.daemon = True
    timer.start()
    try:
        yield connection
        _refuse_late(end)
    except ImageRefused:
        _refuse_late(end)  # of an answer that was cut off nothing is certain
        raise
    except (OSError, http.client.HTTPException) as error:
        _refuse_late(end)
        raise ImageUnavailable(f"{target.host[:100]} does not answer as it should: {type(error).__name__}.") from error
    finally:
        timer.cancel()
        connection.close()


def _refuse_late(end: float) -> None:
    if time.monotonic() >= end:
        raise ImageUnavailable("It took too long.")


def _read(connection: _Connection, target: Target, limits: Limits) -> bytes | str:
    """What is there; or the address to which it leads on."""
    headers = {"Accept": "image/*", "Accept-Encoding": "identity", "User-Agent": "products-demo"}
    connection.request("GET", target.path, headers=headers)
    answer = connection.getresponse()
    if answer.status in REDIRECTS and (location := answer.headers.get("Location")):
        return location
    _refuse_status(answer.status)
    kind = answer.headers.get_content_type()
    if not kind.startswith("image/") or "Content-Encoding" in answer.headers:
        raise ImageRefused(f"This is no picture, but {kind[:50]}.")
    return _body(answer, limits.size)


def _refuse_status(status: int) -> None:
    if status >= 500 or status in PASSING:
        raise ImageUnavailable(f"The host answers with status {status}.")
    if status != 200:
        raise ImageRefused(f"The host answers with status {status}.")


def _body(answer: http.client.HTTPResponse, size: int) -> bytes:
    expected = answer.length
    parts, number = [], 0
    while part := answer.read1(CHUNK):
        parts.append(part)
        number += len(part)
        if number > size:
            break
    if number > size or (expected or 0) > size:
        raise ImageRefused(f"The picture is larger than {size:,} bytes.")
    if expected is not None and number < expected:
        raise http.client.IncompleteRead(b"", expected - number)
    return b"".join(parts)
