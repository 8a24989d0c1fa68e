"""What tokens cost: which rows hold for a call, what must be reserved for it, what it came to. Pure.

Prices are micro-yuan for a million tokens, amounts micro-yuan. Where a direction has no row of its own, cached input
and cache writes cost what input costs, and reasoning what output costs. No input price (or no output price for a
model that writes): nothing is served.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from portal.core.money import mul_div

from .tariff import DIRECTIONS, INSTEAD, Rate

MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class Counts:
    """Tokens of a call by direction; disjoint, so that their sum is what it used."""

    input: int = 0
    cached: int = 0
    cache_write: int = 0
    output: int = 0
    reasoning: int = 0

    @property
    def all_input(self) -> int:
        return self.input + self.cached + self.cache_write

    @property
    def all_output(self) -> int:
        return self.output + self.reasoning

    @property
    def total(self) -> int:
        return self.all_input + self.all_output


@dataclass(frozen=True, slots=True)
class Rates:
    """One price for each direction."""

    input: int
    cached: int
    cache_write: int
    output: int
    reasoning: int

    def as_dict(self) -> dict[str, int]:
        return {name: getattr(self, name) for name in DIRECTIONS}

    @property
    def dearest_input(self) -> int:
        return max(self.input, self.cached, self.cache_write)

    @property
    def dearest_output(self) -> int:
        return max(self.output, self.reasoning)


class Tariff:
    """The rows of one endpoint that hold at present. `writes`: the model writes text, so output needs a price."""

    def __init__(self, rows: Iterable[Rate], *, writes: bool = True) -> None:
        self.rows = list(rows)
        self.writes = writes

    def rates(self, *, minute: int, input_tokens: int) -> Rates | None:
        """The prices of a call received in that minute of the day with so much input; None: not for sale then."""
        return self._chosen(minute, lambda rows: max(rows, key=lambda r: r.from_tokens), input_tokens)

    def dearest(self, *, minute: int, input_most: int) -> Rates | None:
        """The highest price of each direction among the input lengths that the call may turn out to have."""
        return self._chosen(minute, lambda rows: max(rows, key=lambda r: r.uy_per_m), input_most)

    def _chosen(self, minute, choose, input_tokens: int) -> Rates | None:  # type: ignore[no-untyped-def]
        by_direction: dict[str, list[Rate]] = {}
        for row in self.rows:
            if row.window_from <= minute < row.window_to and row.from_tokens <= input_tokens:
                by_direction.setdefault(row.direction, []).append(row)
        found = {direction: choose(rows).uy_per_m for direction, rows in by_direction.items()}
        if not self.writes:
            found.setdefault("output", 0)
        if "input" not in found or "output" not in found:
            return None
        return Rates(**{name: found.get(name, found.get(INSTEAD.get(name, name), 0)) for name in DIRECTIONS})


def uncovered(input_tokens: int, output_tokens: int, pack_tokens: int) -> tuple[int, int]:
    """Input and output tokens that a pack of so many tokens leaves to be paid in money; it pays the input first."""
    left_input = max(0, input_tokens - pack_tokens)
    return left_input, max(0, output_tokens - max(0, pack_tokens - input_tokens))


def most(rates: Rates, *, input_most: int, output_most: int) -> int:
    """What a call can cost at most, rounded up."""
    return mul_div(input_most * rates.dearest_input + output_most * rates.dearest_output, 1, MILLION, "up")


def output_for(rates: Rates, *, input_most: int, amount_uy: int) -> int:
    """How many output tokens that amount pays besides the input; -1 where it does not even pay the input."""
    left = amount_uy * MILLION - input_most * rates.dearest_input
    if left < 0:
        return -1
    return left // rates.dearest_output if rates.dearest_output else MILLION


def cost(rates: Rates, counts: Counts, *, pack_tokens: int = 0) -> int:
    """What tokens came to, rounded once. Out of a pack come input, cached, cache writes, output, reasoning, in this
    order; what is left is paid at its price."""
    left, total = pack_tokens, 0
    for name in DIRECTIONS:
        tokens = getattr(counts, name)
        free = min(left, tokens)
        left -= free
        total += (tokens - free) * getattr(rates, name)
    return mul_div(total, 1, MILLION)


def counts_of(usage: Mapping[str, object]) -> Counts | None:
    """Disjoint counts from a `usage` object as OpenAI, DeepSeek and llama.cpp write it; None where it is none.

    Sources: OpenAI's prompt_tokens_details.cached_tokens, completion_tokens_details.reasoning_tokens (responses:
    input_tokens…, output_tokens…), DeepSeek's prompt_cache_hit_tokens, cache_creation_tokens for writes.
    """
    given = _number(usage, "prompt_tokens", "input_tokens")
    made = _number(usage, "completion_tokens", "output_tokens")
    if given is None and made is None:
        return None
    details = usage.get("prompt_tokens_details") or usage.get("input_tokens_details")
    details = details if isinstance(details, Mapping) else {}
    more = usage.get("completion_tokens_details") or usage.get("output_tokens_details")
    more = more if isinstance(more, Mapping) else {}
    given, made = given or 0, made or 0
    cached = _number(details, "cached_tokens")
    cached = min(given, cached if cached is not None else _number(usage, "prompt_cache_hit_tokens") or 0)
    written = min(given - cached, _number(details, "cache_creation_tokens", "cache_write_tokens") or 0)
    reasoning = min(made, _number(more, "reasoning_tokens") or 0)
    return Counts(given - cached - written, cached, written, made - reasoning, reasoning)


def _number(mapping: Mapping[str, object], *names: str) -> int | None:
    for name in names:
        value = mapping.get(name)
        if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
            return value
    return None
