"""Providers' addresses are somebody else's input: where the gateway may connect to, and where never. Pure.

`check` looks at an address as it is written; `refuse_private` at what a name turned out to be when it is connected to,
because a name may lead elsewhere by then. Whoever connects does both, and follows no redirect.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from django.conf import settings

from portal.core.errors import Refused

Ip = ipaddress.IPv4Address | ipaddress.IPv6Address
PORTS = {"https": 443, "http": 80}
LOWEST_PORT = 1024  # below it only the two of the web
INSIDE = ("localhost", "local", "internal", "intranet", "lan", "home.arpa")  # names of no public host
LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
NUMBER = re.compile(r"(\d+|0x[0-9a-f]*)")  # what old resolvers read as (part of) an IPv4 address

# IANA's registries of special-purpose addresses, and multicast
NO_IPV4 = [ipaddress.IPv4Network(n) for n in (
    "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
    "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
    "224.0.0.0/4", "240.0.0.0/4",
    "168.63.129.16/32",  # public by its number, and yet a cloud's own metadata
)]  # fmt: skip
NO_IPV6 = [ipaddress.IPv6Network(n) for n in (
    "2001::/23",  # with Teredo, which carries IPv4
    "2001:db8::/32", "3fff::/20",
)]  # fmt: skip
UNICAST = ipaddress.IPv6Network("2000::/3")  # all that is given out; loopback, private, mapped … lie outside
NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
SIX_TO_FOUR = ipaddress.IPv6Network("2002::/16")
ISATAP = (0x00005EFE, 0x02005EFE)


@dataclass(frozen=True)
class Address:
    """Where to connect. `host` in lower case, without a trailing dot; `path` without a trailing slash."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def url(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{host}{port}{self.path}"

    @property
    def origin(self) -> tuple[str, str, int]:
        return self.scheme, self.host, self.port


def allowed_hosts() -> frozenset[str]:
    """Hosts that the operator allows by name, as `host:port` (or `host`: any port)."""
    return frozenset(settings.GATEWAY_ALLOWED_HOSTS)


def is_allowed(host: str, port: int, allowed: Collection[str]) -> bool:
    host = host.lower().rstrip(".")
    return host in allowed or f"{host}:{port}" in allowed or f"[{host}]:{port}" in allowed


def check(url: str, *, allowed: Collection[str] | None = None) -> Address:
    """What is written as an address. Nothing is looked up, nothing connected.

    Refused: address_malformed, address_names_somebody, address_https, address_port, address_private.
    """
    allowed = allowed_hosts() if allowed is None else allowed
    scheme, host, port, path = _parts(url)
    address = Address(scheme, host, port, path.rstrip("/"))
    if is_allowed(host, port, allowed):
        return address
    if scheme != "https":
        raise Refused("address_https")
    if port < LOWEST_PORT and port not in PORTS.values():
        raise Refused("address_port", port=port)
    ip = _ip(host)
    if ip is not None:
        refuse_private(host, port, [host], allowed=allowed)
    elif "." not in host or any(host == name or host.endswith(f".{name}") for name in INSIDE):
        raise Refused("address_private", host=host)
    return address


def refuse_private(host: str, port: int, ips: Iterable[str], *, allowed: Collection[str] | None = None) -> None:
    """What a name leads to at this moment. One private address among public ones is enough: Refused address_private."""
    if is_allowed(host, port, allowed_hosts() if allowed is None else allowed):
        return
    if not all(is_public(ip) for ip in ips):
        raise Refused("address_private", host=host)


def is_public(ip: str | Ip) -> bool:
    """Whether that address belongs to a host on the internet, also when it carries another one inside."""
    try:
        ip = ipaddress.ip_address(ip)
    except ValueError:  # with a zone, or none at all
        return False
    if isinstance(ip, ipaddress.IPv4Address):
        return not any(ip in network for network in NO_IPV4)
    if ip.scope_id is not None:
        return False
    if ip in NAT64:
        return is_public(ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF))
    if ip not in UNICAST or any(ip in network for network in NO_IPV6):
        return False
    if ip in SIX_TO_FOUR:
        return is_public(ipaddress.IPv4Address(int(ip) >> 80 & 0xFFFFFFFF))
    if int(ip) >> 32 & 0xFFFFFFFF in ISATAP:
        return is_public(ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF))
    return True


def _parts(url: str) -> tuple[str, str, int, str]:
    """scheme, host, port, path of something that every reader of addresses reads alike; else it is refused."""
    if not url.isascii() or not url.isprintable() or set(url) & set(" \\?#%\"<>^`{|}"):
        raise Refused("address_malformed")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise Refused("address_malformed") from None
    if "@" in parts.netloc:
        raise Refused("address_names_somebody")
    if parts.scheme not in PORTS:
        raise Refused("address_https")
    host = (parts.hostname or "").removesuffix(".")
    if not host or parts.netloc.endswith(":") or ".." in parts.path or not (_ip(host) or _is_name(host)):
        raise Refused("address_malformed")
    return parts.scheme, host, PORTS[parts.scheme] if port is None else port, parts.path


def _ip(host: str) -> Ip | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _is_name(host: str) -> bool:
    """A name, not a number spelled so that only some readers see it: 2130706433, 0177.0.0.1, 127.1, 0x7f.1."""
    labels = host.split(".")
    return len(host) < 254 and all(LABEL.fullmatch(x) for x in labels) and not NUMBER.fullmatch(labels[-1])
