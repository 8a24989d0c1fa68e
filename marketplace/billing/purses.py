"""Which accounts of the books stand behind a wallet, a payment and a charge. Opened at their first use."""

from __future__ import annotations

from bank.ledger import actions as ledger
from bank.ledger.chart import Kind
from bank.ledger.models import Account
from portal.accounts.models import Organisation


def wallet_of(organisation: Organisation) -> Account:
    return ledger.open(owner=organisation, kind=Kind.WALLET)


def clearing_of(cause: str, asset: str = "CNY") -> Account:
    """Where one cause's charge waits until it is distributed. One a cause: orders do not wait for each other."""
    return ledger.open(owner=None, kind=Kind.CLEARING_ORDER, asset=asset, ref=cause)


def payers_of(organisation: Organisation, asset: str = "CNY") -> list[Account]:
    """The accounts that pay, in order: wallet, then credit line; banked hours for a withdrawal."""
    if asset != "CNY":
        return [ledger.open(owner=organisation, kind=Kind.CLAIMS, asset=asset)]
    known = Account.objects.filter(owner=organisation, kind__in=[Kind.WALLET, Kind.CREDIT_LINE], asset="CNY", ref="")
    order = {Kind.WALLET: 0, Kind.CREDIT_LINE: 1}
    return sorted(known, key=lambda a: order[Kind(a.kind)])
