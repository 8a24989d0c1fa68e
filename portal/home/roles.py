"""What the desk's staff may do: look at every table of the business, and decide what the desk decides.

The group is made equal to this file after every migrate. Sign-ins, groups and rights are not the desk's: whoever
could make them could also make the second person that a large amount needs. That is the superuser's.
"""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import Group, Permission
from django.db import connections
from django.db.models import Q

DESK = "desk"
SEES = (
    "history", "accounts", "ledger", "catalogue", "dispatch", "provisioning", "metering", "billing", "orders",
    "deposits", "lending", "gateway",
)  # fmt: skip
DOES = (
    "accounts.change_organisation",  # approve, ask for more, suspend, lift
    "catalogue.change_offering",
    "gateway.change_endpoint",  # approve, return, take off, put back
    "gateway.add_aimodel",
    "gateway.change_aimodel",
    "dispatch.change_site",
    "billing.change_topup",  # book, correct, confirm
    "billing.change_withdrawal",  # pay out, where the room has it
    "orders.change_order",
    "lending.add_creditlimit",
    "lending.add_lenderpayment",
)


def rights() -> Any:
    """The permissions of the desk."""
    does = Q()
    for name in DOES:
        app, _dot, codename = name.partition(".")
        does |= Q(content_type__app_label=app, codename=codename)
    sees = Q(content_type__app_label__in=SEES, codename__startswith="view_")
    return Permission.objects.filter(sees | does)


def desk() -> Group:
    """The group, with exactly its rights."""
    group, _made = Group.objects.get_or_create(name=DESK)
    group.permissions.set(rights())
    return group


def after_migrate(*, using: str, **kwargs: Any) -> None:
    with connections[using].cursor() as c:
        c.execute("SELECT to_regclass('auth_group_permissions')")
        if c.fetchone()[0] is None:  # only some rooms are migrated so far
            return
    desk()
