"""Looks up providers' names when they are connected to, and connects to no private address.

`connector()` is for a session that requests with `allow_redirects=False`. aiohttp asks no resolver about an address
that is written as a number: `addresses.check` has looked at those, so call it on every address before it is used.
"""

from __future__ import annotations

import socket
from collections.abc import Collection
from typing import Any

from aiohttp import TCPConnector, ThreadedResolver
from aiohttp.abc import AbstractResolver, ResolveResult

from portal.core.errors import Refused

from ..addresses import refuse_private


class GuardedResolver(AbstractResolver):
    """A resolver that checks what it found, each time: a name that leads elsewhere by now (rebinding) passes no more.

    `allowed`: hosts that the operator allows by name (addresses.allowed_hosts). `inner` is asked; the system's by
    default. OSError, as for a name that is not there, when an address is private.
    """

    def __init__(self, allowed: Collection[str], inner: AbstractResolver | None = None) -> None:
        self._allowed, self._inner = allowed, inner or ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = await self._inner.resolve(host, port, family)
        try:
            refuse_private(host, port, [one["host"] for one in found], allowed=self._allowed)
        except Refused as refused:
            raise OSError(None, "the name leads to an address that is not public") from refused
        return found

    async def close(self) -> None:
        await self._inner.close()


def connector(allowed: Collection[str], **kwargs: Any) -> TCPConnector:
    """Connections of a session that may go to providers. Only inside a running loop."""
    return TCPConnector(resolver=GuardedResolver(allowed), **kwargs)
