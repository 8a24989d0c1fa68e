"""What a key may do, in a bookkeeper's words."""

from __future__ import annotations

from collections.abc import Mapping

from django.utils.translation import gettext as _

from portal.core.templatetags.suanli import cny, grouped, time_text
from portal.core.words import joined

from .models import AccessKey, Direction

SHOWN = 4  # names in a list, before "and 7 more"


def limits(key: AccessKey, names: Mapping[str, str]) -> list[str]:
    """One short phrase a limit; the first says what it may spend. `names`: queries.names_of_preferences."""
    said = [spending(key)]
    if key.allowed:
        said.append(_("only %(models)s") % {"models": some(key.allowed)})
    if key.calls_per_minute:
        said.append(_("%(n)s calls a minute") % {"n": grouped(key.calls_per_minute)})
    if key.tokens_per_minute:
        said.append(_("%(n)s tokens a minute") % {"n": grouped(key.tokens_per_minute)})
    if key.addresses:
        said.append(_("only from %(addresses)s") % {"addresses": some(key.addresses)})
    said += _preferences(key, names)
    if key.expires_at:
        said.append(_("until %(time)s") % {"time": time_text(key.expires_at, "long")})
    return said


def spending(key: AccessKey) -> str:
    if key.cap_uy is None:
        return _("no limit on what it spends")
    amount = {"amount": cny(key.cap_uy, "exact")}
    if key.cap_period == AccessKey.Period.DAY:
        return _("at most %(amount)s a day") % amount
    if key.cap_period == AccessKey.Period.MONTH:
        return _("at most %(amount)s a month") % amount
    return _("at most %(amount)s in all") % amount


def _preferences(key: AccessKey, names: Mapping[str, str]) -> list[str]:
    prefer, said = key.prefer, []
    only, ignore = ([names.get(s, s) for s in prefer.get(which, [])] for which in ("only", "ignore"))
    if only:
        said.append(_("only served by %(providers)s") % {"providers": some(only)})
    if ignore:
        said.append(_("never served by %(providers)s") % {"providers": some(ignore)})
    if region := prefer.get("region"):
        said.append(_("only in %(region)s") % {"region": names.get(f"region:{region}", region)})
    for direction, uy in prefer.get("max_price", {}).items():
        words = {"tokens": Direction(direction).label, "amount": cny(uy, "exact")}
        said.append(_("%(tokens)s: at most %(amount)s a million tokens") % words)
    return said


def some(names: list[str]) -> str:
    """The first few, and how many more."""
    more = len(names) - SHOWN
    if more <= 0:
        return joined(names)
    return _("%(names)s and %(n)s more") % {"names": joined(names[:SHOWN]), "n": more}
