"""Why a call cost what it cost: tokens × price by direction, what was not charged of it, and who was tried.

A product of tokens and micro-yuan for a million tokens is a whole number of trillionths of a yuan (`_ty`): the sum
is exact, and it is rounded once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _l

from portal.core.money import mul_div

from .models import Call, Direction, Endpoint

MILLION = 1_000_000
TY = 10**12  # trillionths in a yuan
FREE = (Call.End.UPSTREAM, Call.End.EMPTY, Call.End.REFUSED)
ENDS = {
    Call.End.STOP: _l("The model had said what it had to say."),
    Call.End.LENGTH: _l("The answer was cut at its longest: of the request, of the provider, or of what was reserved."),
    Call.End.UPSTREAM: _l("The provider failed. Nothing is charged for an answer that broke off."),
    Call.End.CLIENT: _l("Your program went away before the answer was complete. What was made until then is charged."),
    Call.End.EMPTY: _l("The provider sent an empty answer. Nothing is charged for that."),
    Call.End.REFUSED: _l("The provider refused the request itself. Nothing is charged for that."),
    Call.End.LOST: _l("The gateway stopped in the middle; what was asked is charged at its estimate, nothing else."),
}  # fmt: skip


@dataclass(frozen=True)
class Part:
    """One direction. `uy_per_m` is None where no price is known; `worth` is exact yuan as text."""

    direction: str
    tokens: int
    uy_per_m: int | None
    worth: str


@dataclass(frozen=True)
class Less:
    """What was not charged of the sum, micro-yuan, and why."""

    why: str
    amount_uy: int


@dataclass(frozen=True)
class Cost:
    """parts together = exact; exact rounded = worth_uy; worth_uy − less = the call's charge, if `follows`.

    borne_uy: what of the charge itself the platform bore; what it bore before the charge is among `less`.
    """

    parts: list[Part]
    exact: str
    worth_uy: int
    less: list[Less]
    borne_uy: int
    follows: bool


@dataclass(frozen=True)
class Attempt:
    who: str
    status: str
    milliseconds: int | None
    why: str


def cost(call: Call) -> Cost:
    """The charge taken apart. `follows` is False where the rules do not lead to what was charged."""
    found = [(d, getattr(call, f"{d.value}_tokens"), call.prices.get(d.value)) for d in Direction]
    counted = [(d, tokens, price) for d, tokens, price in found if tokens]
    worths = [tokens * (price or 0) for _d, tokens, price in counted]
    places = max((_places(worth) for worth in [*worths, sum(worths)]), default=2)
    parts = [
        Part(str(d.label), tokens, price, yuan_of(worth, places))
        for (d, tokens, price), worth in zip(counted, worths, strict=True)
    ]
    worth_uy = mul_div(sum(worths), 1, MILLION)
    less, rest = _less(call, worth_uy)
    priced = all(price is not None for _d, _tokens, price in counted) or call.end in FREE
    borne_uy = 0 if worth_uy > call.charge_uy else call.uncovered_uy
    return Cost(parts, yuan_of(sum(worths), places), worth_uy, less, borne_uy, rest == 0 and priced)


def _less(call: Call, worth_uy: int) -> tuple[list[Less], int]:
    """What was taken off, and what no rule explains."""
    rest = worth_uy - call.charge_uy
    if rest <= 0:
        return [], rest
    if call.end in FREE and not call.charge_uy:
        return [Less(_("not charged, because of how it ended"), rest)], 0
    less = []
    if borne := min(rest, call.uncovered_uy):
        less.append(Less(_("borne by the platform: nothing was left to charge"), borne))
        rest -= borne
    if rest and call.pack_tokens:
        less.append(Less(_("out of token packs, paid for when they were bought"), rest))
        rest = 0
    if rest and call.charge_uy == call.reserved_uy:
        less.append(Less(_("above what was reserved: never charged"), rest))
        rest = 0
    return less, rest


def _places(worth_ty: int) -> int:
    """Decimals of yuan that say an amount exactly, at least two."""
    return max(2, len(f"{worth_ty % TY:012d}".rstrip("0")))


def yuan_of(worth_ty: int, places: int) -> str:
    """Trillionths of a yuan as yuan: `0.0024685`."""
    whole, part = divmod(worth_ty, TY)
    return f"{whole:,}.{f'{part:012d}'[:places]}"


def attempts(call: Call, endpoints: Mapping[str, Endpoint]) -> list[Attempt]:
    """Who was asked, in order: what came back, after how long, and what the gateway noted."""
    return [
        Attempt(
            who=_provider(endpoints.get(str(one.get("endpoint")))), status=_answer(one.get("status")),
            milliseconds=one.get("ms"), why=note(str(one.get("why") or "")),
        )
        for one in call.attempts
    ]  # fmt: skip


def _provider(endpoint: Endpoint | None) -> str:
    return endpoint.provider.name if endpoint else _("a provider that left")


def _answer(status: object) -> str:
    if not isinstance(status, int) or status < 100:
        return _("no answer")
    if status < 400:
        words = _("answered")
    elif status == 429:
        words = _("too busy")
    else:
        words = _("refused") if status < 500 else _("failed")
    return f"{words} ({status})"


LATE, AWAY, BROKE = _l("took too long"), _l("could not be reached"), _l("broke off in the middle")
# what the gateway notes beside an attempt, or the name of what went wrong; what has no words is shown as it was noted
NOTES = {
    "status": "",  # the answer's status says it
    "busy": _l("had no room, so it was not asked"),
    "refused": _l("does not take this request; another provider would not either"),
    "error": _l("said in the middle that something went wrong"),
    "ended early": BROKE,
    "above what was asked for": _l("sent more than was asked for, and was cut"),
    **dict.fromkeys(("TimeoutError", "ServerTimeoutError", "SocketTimeoutError", "ConnectionTimeoutError"), LATE),
    **dict.fromkeys(("ClientConnectorError", "ClientConnectorDNSError", "ClientConnectorCertificateError"), AWAY),
    **dict.fromkeys(("ServerDisconnectedError", "ClientPayloadError", "ClientOSError", "ConnectionResetError"), BROKE),
}


def note(code: str) -> str:
    return str(NOTES.get(code, code))
