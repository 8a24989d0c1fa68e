"""Asking a provider. No redirect is followed, an answer is passed on as it came, and addresses are guarded.

aiohttp costs a fifth of what httpx does; bytes are not unpacked and packed again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection

import aiohttp

from portal import policy

from .facts import Target
from .resolver import connector

ANSWER_BYTES = 64_000_000
CONNECT_S = 5
GONE = (aiohttp.ClientError, asyncio.TimeoutError, OSError)


def open_session(allowed: Collection[str]) -> aiohttp.ClientSession:
    """A session that connects to public addresses, and to the hosts that the operator allows by name."""
    timeout = aiohttp.ClientTimeout(total=None, connect=CONNECT_S, sock_read=policy.CALL_FIRST_BYTE_S)
    return aiohttp.ClientSession(
        connector=connector(allowed, limit=0, ttl_dns_cache=30), timeout=timeout, auto_decompress=False,
        cookie_jar=aiohttp.DummyCookieJar(),
        skip_auto_headers=("User-Agent",), read_bufsize=2**18)


async def ask(session: aiohttp.ClientSession, target: Target, path: str, body: bytes) -> aiohttp.ClientResponse:
    """The response with its head read. Raises one of GONE."""
    headers = {"Content-Type": "application/json", "Accept-Encoding": "identity"}
    if target.secret:
        headers["Authorization"] = f"Bearer {target.secret}"
    return await session.post(f"{target.url}/{path}", data=body, headers=headers, allow_redirects=False)


async def read_all(response: aiohttp.ClientResponse) -> bytes:
    """The whole body. ValueError above ANSWER_BYTES; raises one of GONE."""
    parts, size = [], 0
    async for part in response.content.iter_any():
        size += len(part)
        if size > ANSWER_BYTES:
            raise ValueError("an answer without end")
        parts.append(part)
    return b"".join(parts)
