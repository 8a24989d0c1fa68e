"""Which size a company has by the official thresholds, and the rule in words. Pure: reads one file of facts.

Source: 工信部联企业〔2011〕300号, in data/sme_standard.json. A company is of the highest class of which it
reaches every lower bound; below "small" it is micro. SME = not large.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _

DATA = Path(__file__).parent / "data" / "sme_standard.json"
LEVELS = ("large", "medium", "small")
EMPLOYEES, REVENUE, ASSETS = "employees", "revenue_wan", "assets_wan"
MEASURES = (EMPLOYEES, REVENUE, ASSETS)
CNY_PER_WAN = 10_000


@dataclass(frozen=True)
class Check:
    """One lower bound against what the company has. Persons, or 10,000 CNY."""

    measure: str
    bound: int
    value: int

    @property
    def met(self) -> bool:
        return self.value >= self.bound

    @property
    def text(self) -> str:
        """ "100 employees or more"."""
        if self.measure == EMPLOYEES:
            return ngettext("%(n)s employee or more", "%(n)s employees or more", self.bound) % {
                "n": f"{self.bound:,}"
            }
        amount = wan_words(self.bound)
        if self.measure == REVENUE:
            return _("%(amount)s of revenue or more") % {"amount": amount}
        return _("%(amount)s of assets or more") % {"amount": amount}


@dataclass(frozen=True)
class Line:
    """One class of the rule: every check must be met."""

    size_class: str
    checks: tuple[Check, ...]

    @property
    def met(self) -> bool:
        return all(check.met for check in self.checks)


@dataclass(frozen=True)
class SizeResult:
    """The class ("large", "medium", "small", "micro") and the trade's rule, largest class first."""

    size_class: str
    lines: tuple[Line, ...]

    @property
    def is_sme(self) -> bool:
        return self.size_class != "large"


@cache
def standard() -> dict:
    """The facts as they stand in the file."""
    return json.loads(DATA.read_text("utf-8"))


def measures_of(industry: str) -> tuple[str, ...]:
    """What the rule of a trade counts, in the order in which it is asked; () for a trade that it does not know."""
    trade = standard()["industries"].get(industry, {"lower_bounds": {}})
    used = {measure for bounds in trade["lower_bounds"].values() for measure in bounds}
    return tuple(measure for measure in MEASURES if measure in used)


def classify(
    industry: str,
    employees: int | None = None,
    revenue_wan: int | None = None,
    assets_wan: int | None = None,
) -> SizeResult:
    """The size class of a company; what its trade's rule does not count may be None.

    Raises KeyError for a trade that the standard does not know, ValueError where a figure is missing that counts.
    """
    bounds = standard()["industries"][industry]["lower_bounds"]
    told = {EMPLOYEES: employees, REVENUE: revenue_wan, ASSETS: assets_wan}
    values = {measure: value for measure, value in told.items() if value is not None}
    if missing := [measure for measure in measures_of(industry) if measure not in values]:
        raise ValueError(f"{industry} is sized by {', '.join(missing)} too")
    lines = tuple(
        Line(level, tuple(Check(measure, bound, values[measure]) for measure, bound in bounds[level].items()))
        for level in LEVELS
    )
    return SizeResult(next((line.size_class for line in lines if line.met), "micro"), lines)


def wan_words(wan: int) -> str:
    """Ten thousands of yuan as people say them: "CNY 20,000,000", 「2,000 万元」."""
    if (get_language() or "").startswith("zh"):
        return f"{wan:,} 万元"
    return f"CNY {wan * CNY_PER_WAN:,}"
