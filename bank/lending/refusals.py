"""The words of this room's refusals."""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

REFUSALS: dict[str, Promise | str | tuple[Promise | str, int]] = {
    "limit_out_of_range": (_("A credit limit is between CNY 0 and CNY {most_uy}."), 400),
    "lender_needed": (_("Only a lender on this platform can do this."), 400),
    "borrower_needed": (_("A lender does not borrow here."), 400),
    "payment_known": _("The payment {reference} was booked before."),
    "limit_waits": _("Another limit of this company waits for a second person. Nothing was changed."),
    "nothing_drawn": _("Nothing of the credit limit is used."),
    "more_than_owed": (_("CNY {owed_uy} is owed; you wrote more."), 400),
    "class_without_index": _("Hours of this class have no dated price yet, so they cannot be pledged."),
    "too_many_hours": _("So many banked hours are not free: at most {available_cms} can be pledged. Nothing was pledged."),
    "above_ltv": _("At most CNY {most_uy} can be lent against these hours today."),
    "bad_terms": (_("Choose 1 to {most_months} months and a yearly rate of 0 to {most_percent} %."), 400),
    "application_over": _("This application is no longer open."),
    "offer_over": _("This offer is no longer open."),
    "offered_before": _("You have an open offer on this application. Withdraw it first."),
    "loan_over": _("This loan is repaid."),
    "purpose_needed": (_("Say what the money is for."), 400),
    "withdrawal_margin_call": _(
        "A loan of yours asks for more hours or a repayment of CNY {due_uy}. Until that is there nothing can be "
        "withdrawn; the money stays in the wallet."
    ),
    "withdrawal_loan_overdue": _(
        "CNY {due_uy} of a loan of yours is overdue. Repay it first; until then nothing can be withdrawn, the money "
        "stays in the wallet."
    ),
    "own_application": (_("A company cannot lend to itself."), 400),
}
