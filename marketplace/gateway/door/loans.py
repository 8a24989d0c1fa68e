"""More money for the purse of a company, asked for once at a time: what it gets is a hold in the books first."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict

from portal.core import clock

from .. import leases
from .facts import in_thread
from .store import EPOCH, LENT, PURSE, Store

BROKE_S = 0.5  # a company that had nothing is not asked again for so long


class Loans:
    def __init__(self, store: Store) -> None:
        self.store = store
        self._locks: dict[int, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._lent: dict[int, int] = defaultdict(int)
        self._broke: dict[int, float] = {}

    def seen(self, company: int) -> int:
        """How often something was lent to it; taken before a reservation is tried."""
        return self._lent[company]

    async def more(self, company: int, need_uy: int, seen: int, pack: str = "") -> bool:
        """Whether it is worth another try: somebody borrowed since `seen`, or this did. False: there is nothing."""
        async with self._locks[company]:
            if self._lent[company] != seen:
                return True
            if time.monotonic() < self._broke.get(company, 0):
                return False
            lent = await asyncio.to_thread(_borrow, company, need_uy, pack, self.store.epoch)
            for lease in lent:
                await self.store.run(
                    "credit", (EPOCH, f"{PURSE}{company}", f"{LENT}{company}"), self.store.epoch, lease.public_id,
                    lease.field, lease.amount, int(time.time() * 1000))
            if not lent:
                self._broke[company] = time.monotonic() + BROKE_S
                return False
            self._lent[company] += 1
            return True


@in_thread
def _borrow(company: int, need_uy: int, pack: str, epoch: str) -> list[leases.Lent]:
    return leases.borrow(company=company, need_uy=need_uy, pack=pack, epoch=epoch, now=clock.now())
