"""Which provider is asked first: by price, or as the key or the call prefers. What an endpoint did lately decides too.

Measured in this process: an average that forgets (time to first token, tokens a second, failures) and a circuit that
opens after failures in a row and lets one call try again after a while.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ..rates import Rates
from .answers import Trouble
from .facts import Target

FORGET = 0.2
FAILURES, OPEN_S = 3, 10.0
SORTS = ("price", "throughput", "latency")


@dataclass
class Health:
    """What one endpoint did lately, seen from this process. Milliseconds, tokens a second, share of failures."""

    first_ms: float = 0.0
    per_s: float = 0.0
    failing: float = 0.0
    in_a_row: int = 0
    opened_at: float = 0.0
    running: int = 0

    def succeeded(self, *, first_ms: float | None, per_s: float | None) -> None:
        self.in_a_row, self.failing = 0, self.failing * (1 - FORGET)
        if first_ms is not None:
            self.first_ms = first_ms if not self.first_ms else self.first_ms + FORGET * (first_ms - self.first_ms)
        if per_s is not None:
            self.per_s = per_s if not self.per_s else self.per_s + FORGET * (per_s - self.per_s)

    def failed(self) -> None:
        self.in_a_row += 1
        self.failing += FORGET * (1 - self.failing)
        if self.in_a_row >= FAILURES:
            self.opened_at = time.monotonic()

    @property
    def is_open(self) -> bool:
        """Not asked at present, unless nothing else is left."""
        return self.in_a_row >= FAILURES and time.monotonic() - self.opened_at < OPEN_S


@dataclass(frozen=True)
class Choice:
    target: Target
    rates: Rates  # the dearest that this call may come to there


def choices(targets: Iterable[Target], health: Mapping[int, Health], prefers: list[Mapping[str, Any]], *, minute: int,
            input_most: int) -> list[Choice]:
    """Those that may serve, the best first. Trouble 404/400 where preferences or prices leave none."""
    found = []
    for target in targets:
        rates = target.tariff.dearest(minute=minute, input_most=input_most)
        if rates is not None and all(_allowed(target, rates, p) for p in prefers):
            found.append(Choice(target, rates))
    if not found:
        raise Trouble(404, "no_provider", "No provider that you allow offers this model at present.",
                      param="model")
    sort = next((p["sort"] for p in reversed(prefers) if p.get("sort") in SORTS), "price")

    def order(choice: Choice) -> tuple[Any, ...]:
        h = health.get(choice.target.pk) or Health()
        price = choice.rates.dearest_input + choice.rates.dearest_output
        by = {"price": price, "throughput": -h.per_s, "latency": h.first_ms}[sort]
        return h.is_open, h.running >= choice.target.parallel, by * (1 + h.failing), h.first_ms, choice.target.pk

    return sorted(found, key=order)


def _allowed(target: Target, rates: Rates, prefer: Mapping[str, Any]) -> bool:
    if prefer.get("only") and target.provider not in prefer["only"]:
        return False
    if target.provider in (prefer.get("ignore") or ()):
        return False
    if prefer.get("region") and target.region != prefer["region"]:
        return False
    highest = prefer.get("max_price")
    if isinstance(highest, Mapping):
        prices = rates.as_dict()
        return all(prices.get(name, 0) <= limit for name, limit in highest.items() if isinstance(limit, int))
    return True
