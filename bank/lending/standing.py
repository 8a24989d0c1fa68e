"""Where a loan stands, in words: three figures, and three sentences under the beam."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _

from portal import policy
from portal.core.templatetags.suanli import cny, percent, time_text, yuan

from . import queries, terms


def levels(found: queries.Position, *, is_lender: bool = False) -> dict[str, str]:
    """The three sentences under the beam, for who reads."""
    room = max(0, found.value_uy * policy.LTV_ORIGINATION_PPM // 1_000_000 - found.debt_uy)
    call = (
        _("margin call: the borrower is asked to add hours or repay within {days} business days.")
        if is_lender
        else _("margin call: you are asked to add hours or repay within {days} business days.")
    ).format(days=terms.MARGIN_DAYS)
    sale = _("pledged hours may be sold. That comes later: nothing is sold automatically.")
    return {
        "borrow": _("the most that is lent at the start: {amount} above what is owed").format(amount=cny(room)),
        "call": f"{call} {_fall(found, found.call_index_uy)}".strip(),
        "sale": f"{sale} {_fall(found, found.sale_index_uy)}".strip(),
    }


def _fall(found: queries.Position, index_uy: int) -> str:
    """“When the index falls from 0.09 to 0.07, by 22 %.”"""
    fall = found.falls_to(index_uy)
    if found.index is None or fall is None:
        return ""
    if not fall:
        return _("The index stands there already.")
    return _("Reached when the index falls by {share} %, from {today} to {level}.").format(
        share=percent(fall), today=yuan(found.index.price_uy, "exact"), level=yuan(index_uy, "exact")
    )


def figures(found: queries.Position) -> list[dict[str, Any]]:
    """What is owed today, what is due next, and how much of the pledge that is."""
    due = found.next_due
    return [
        {
            "label": _("Owed today"),
            "amount_uy": found.debt_uy,
            "note": _("{principal} principal, {interest} interest to last night").format(
                principal=yuan(found.principal_uy), interest=yuan(found.interest_uy)
            ),
        },
        {
            "label": _("Next due"),
            "amount_uy": found.next_due_uy,
            "note": _("{date}, with interest to that day").format(date=time_text(due.due_date, "date"))
            if due
            else _("all of it: the last instalment was due"),
        },
        {
            "label": _("Loan to value"),
            "text": "–" if found.ltv_ppm is None else f"{percent(found.ltv_ppm)} %",
            "note": _("the pledge counts for {amount}").format(amount=cny(found.value_uy, "most")),
        },
    ]
