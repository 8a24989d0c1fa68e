"""Nobody on the desk decides about a company he belongs to: not about its money, nor about what it may do.

The operator's own organisation is the exception: all of the desk belongs to it, and nobody else could decide.
"""

from __future__ import annotations

from django.contrib.auth.models import AnonymousUser

from portal.core.errors import Refused

from .models import Membership, Organisation, User


def is_own(organisation: Organisation, user: User | AnonymousUser) -> bool:
    """Does this person belong to that company? One query."""
    if organisation.role == Organisation.Role.PLATFORM:
        return False
    return Membership.objects.filter(organisation=organisation, user=user.pk).exists()


def refuse_own(organisation: Organisation, user: User | AnonymousUser) -> None:
    """Called before anything is written. Refused("own_company")."""
    if is_own(organisation, user):
        raise Refused("own_company", company=organisation.name)
