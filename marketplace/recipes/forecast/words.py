"""What the check of a sales file says beyond the general words."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

REFUSALS: dict[str, tuple[str | Promise, str | Promise]] = {
    "no_lines": (
        _("There is a header, but no line with a number."),
        _("Export the lines too, and drop it in again."),
    ),
    "too_few_days": (
        _("The longest series has %(has)s days. A forecast that can be tested needs %(needed)s."),
        _("Export a longer period: eight weeks at least, a year is better."),
    ),
    "too_few_months": (
        _("The longest series has %(has)s months. A forecast that can be tested needs %(needed)s."),
        _("Export a longer period: three years at least, or send days instead of months."),
    ),
    "not_daily": (
        _("There are %(dates)s different dates in %(span)s days: neither days nor months."),
        _("Export one line a day, or one line a month."),
    ),
    "too_long_ago": (
        _("The dates run from %(first)s to %(last)s, more than %(limit)s years of days."),
        _("Look for a mistyped year; or send months instead of days."),
    ),
    "mixed_periods": (
        _("Line %(line)s: “%(value)s” is of another kind than the dates above: days and months are mixed."),
        _("Send either days (2026-11-21) or months (2026-11) in one file."),
    ),
    "nothing_sold": (
        _("All %(lines)s lines are zero; there is nothing to forecast."),
        _("Look whether the right column was exported."),
    ),
    "too_many_series": (
        _("Line %(line)s: there are more than %(limit)s different names in “%(column)s”."),
        _("Split the file, or choose a coarser column."),
    ),
    "too_much": (
        _("Line %(line)s: there are more than %(limit)s different combinations of date, outlet and item."),
        _("Leave out the item column, or send a shorter period."),
    ),
}  # fmt: skip

NOTES: dict[str, str | Promise] = {
    "one_series": _(
        "Your file has no column “%(series)s”, so all lines are added up to one. If you have several, export the file "
        "with a column such as “%(series)s”."
    ),
    "money_column": _(
        "“%(column)s” holds amounts of money, not portions or pieces: what is forecast are amounts of money too."
    ),
    "months_from_days": _("One date a month: read as months."),
    "summed": _("Several lines of the same outlet and day were added up: %(count)s."),
    "gaps_days": _("Days without a line: %(count)s. Closed days stay closed, the others are estimated."),
    "gaps_months": _("Months without a line: %(count)s. They are estimated, or count as nothing sold."),
}
