"""Reads of this room, for its pages."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from allauth.account.models import EmailAddress
from django.db.models import Case, Count, IntegerField, Prefetch, Q, QuerySet, Value, When
from django.utils.translation import gettext as _

from portal.core.errors import Refused
from portal.history.actions import subject_of
from portal.history.models import Step

from . import regions, secrets, sizing, uscc
from .models import ApiKey, Invitation, Membership, Organisation, SizeClass, User

# who waits first, the longest on top; an expression, so that a choice of companies may be sorted by it as well
TURN = Case(
    When(state=Organisation.State.REGISTERED, then=Value(0)), default=Value(1), output_field=IntegerField()
).asc()
NEWS = timedelta(days=7)  # so long a company is told on its desk that it was approved
QUEUE_ORDER = (TURN, "created_at", "id")


def companies_of(user: User) -> QuerySet[Membership]:
    """The companies a person works for, with the role in each."""
    return (
        Membership.objects.select_related("organisation")
        .filter(user_id=user.pk)
        .order_by("organisation__name")
    )


def members_of(organisation: Organisation) -> QuerySet[Membership]:
    return Membership.objects.select_related("user").filter(organisation=organisation).order_by("id")


def open_invitations(organisation: Organisation, now: datetime) -> QuerySet[Invitation]:
    return Invitation.objects.select_related("invited_by").filter(
        organisation=organisation, state=Invitation.State.OPEN, expires_at__gt=now
    )


def invitation_for(organisation: Organisation, public_id: str) -> Invitation | None:
    return Invitation.objects.filter(
        organisation=organisation, public_id=public_id, state=Invitation.State.OPEN
    ).first()


def invitation_by_link(public_id: str, secret: str, now: datetime) -> Invitation | None:
    """What a link offers; None when it was used, withdrawn, is too old, or was never made."""
    invitation = (
        Invitation.objects.select_related("organisation", "invited_by")
        .filter(public_id=public_id, state=Invitation.State.OPEN, expires_at__gt=now)
        .first()
    )
    return invitation if secrets.same(secret, invitation.secret_hash if invitation else None) else None


def keys_of(organisation: Organisation) -> QuerySet[ApiKey]:
    """Newest first; the revoked ones too."""
    return ApiKey.objects.select_related("created_by").filter(organisation=organisation)


def key_for(organisation: Organisation, public_id: str) -> ApiKey | None:
    return keys_of(organisation).filter(public_id=public_id).first()


def steps_of(organisation: Organisation) -> QuerySet[Step]:
    """What happened to a company and who did it, newest first."""
    return Step.objects.filter(subject=subject_of(organisation)).order_by("-id")


def words_of_decision(organisation: Organisation) -> str:
    """What staff wrote when they last decided about the company; may be empty."""
    step = steps_of(organisation).filter(reason__in=["approved", "suspended", "lifted", "asked_more"]).first()
    return str(step.params.get("text", "")) if step else ""


@dataclass(frozen=True)
class Checked:
    """One thing to look at before a company is approved."""

    name: str
    value: str
    is_right: bool
    meaning: str = ""  # what that is for the decision, where it is not right


def checks(company: Organisation) -> list[Checked]:
    """What the portal can say of a company that asks for approval; the licence itself a person must look at."""
    try:
        uscc.parse(company.uscc)
        code = Checked(_("Unified social credit code"), _("both check characters fit"), True)
    except Refused as refused:
        code = Checked(_("Unified social credit code"), str(refused), False, _("Do not approve it; ask for more."))
    figures = (company.industry, company.employees, company.revenue_wan, company.assets_wan)
    size = sizing.classify(*figures).size_class
    people = [m.user_id for m in company.memberships.filter(role=Membership.Role.OWNER)]
    emails = dict(EmailAddress.objects.filter(user__in=people).values_list("email", "verified"))
    others = Organisation.objects.exclude(pk=company.pk).filter(
        Q(memberships__user__in=people) | Q(uscc__endswith=company.uscc[8:]) | Q(name__iexact=company.name)
    )  # fmt: skip
    names = ", ".join(sorted({row.name for row in others[:10]}))
    confirmed = ", ".join(email for email, is_verified in emails.items() if is_verified)
    return [
        code,
        Checked(_("Region in the code"), regions.told(company.uscc), True),
        Checked(_("Name and trade"), f"{company.name}, {company.industry_name}", True),
        Checked(_("Size by its figures"), str(SizeClass(size).label), size == company.size_class),
        Checked(
            _("E-mail of the owner"), confirmed or _("not confirmed"), bool(confirmed),
            _("You may approve all the same: it only means that nobody has opened the link we sent there."),
        ),
        Checked(
            _("Others with this code, name or person"), names or _("none"), not names,
            _("Look at them first. You may approve a company of its own; ask for more when it is the same one."),
        ),
    ]


def queue() -> QuerySet[Organisation]:
    """For staff: companies that wait for approval first, the longest waiting on top; with their owners."""
    owners = Membership.objects.select_related("user").filter(role=Membership.Role.OWNER).order_by("id")
    return Organisation.objects.order_by(*QUEUE_ORDER).prefetch_related(
        Prefetch("memberships", queryset=owners, to_attr="owners")
    )


def waiting() -> int:
    """How many companies wait for approval."""
    return Organisation.objects.aggregate(n=Count("pk", filter=Q(state=Organisation.State.REGISTERED)))["n"]


def people_by_actor(steps: Iterable[Step]) -> dict[str, str]:
    """`user:12` → the e-mail address, for every person in these steps."""
    ids = {
        int(step.actor[5:]) for step in steps if step.actor.startswith("user:") and step.actor[5:].isdigit()
    }
    return {f"user:{pk}": email for pk, email in User.objects.filter(pk__in=ids).values_list("pk", "email")}


def newly_approved(organisation: Organisation, now: datetime) -> Step | None:
    """The step that approved a company in the last week; None before, later, and while it is not approved."""
    if organisation.state != Organisation.State.APPROVED:
        return None
    return steps_of(organisation).filter(reason="approved", at__gt=now - NEWS).first()


def unconfirmed(user: User) -> str:
    """The main address of somebody who has not opened the link that was sent there; "" otherwise."""
    row = EmailAddress.objects.filter(user=user, primary=True, verified=False).first()
    return row.email if row else ""
