"""Writes of this room: registering a company, staff's decisions, who may work for it, and its keys."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.utils.text import slugify

from portal.core.errors import Refused
from portal.core.ids import public_id
from portal.history import actions as history

from . import hooks, secrets
from .models import KEY_PREFIX, ApiKey, Invitation, Membership, Organisation, User
from .sizing import classify
from .uscc import parse as parse_code

INVITATION_LIFE = timedelta(days=7)
KEYS_MOST = 20
SLUG_LENGTH = 40
OWNER = Membership.Role.OWNER


def lock(organisation: Organisation) -> Organisation:
    """The one lock of this room: who may do what for a company changes one at a time."""
    return Organisation.objects.select_for_update(no_key=True).get(pk=organisation.pk)


def slug_for(name: str) -> str:
    """The latin part of the name, or `c-` and a short id. Not yet known to be free."""
    latin = slugify(name)[:SLUG_LENGTH].strip("-")
    return latin if len(re.sub(r"[^a-z]", "", latin)) >= 3 else f"c-{_short()}"


def _short() -> str:
    return public_id("x")[-6:]


@transaction.atomic
def register_company(
    *,
    user: User,
    name: str,
    uscc: str,
    industry: str,
    employees: int | None = None,
    revenue_wan: int | None = None,
    assets_wan: int | None = None,
    is_provider: bool,
    now: datetime,
) -> Organisation:
    """A new company with its first owner; it may buy at once. Higher rooms open its wallet.

    Of employees, revenue and assets (10,000 CNY), what the size rule of its trade does not count may be None.
    Raises Refused: uscc_… for a code that is not right, company_known for one that is registered; ValueError
    where a figure is missing that counts.
    """
    code = parse_code(uscc)
    if Organisation.objects.filter(uscc=code).exists():
        raise Refused("company_known", uscc=code)
    slug = slug_for(name)
    if Organisation.objects.filter(slug=slug).exists():
        slug = f"{slug}-{_short()}"
    try:
        with transaction.atomic():
            organisation = Organisation.objects.create(
                slug=slug,
                name=name.strip(),
                uscc=code,
                industry=industry,
                employees=employees,
                revenue_wan=revenue_wan,
                assets_wan=assets_wan,
                is_provider=is_provider,
                created_at=now,
                size_class=classify(industry, employees, revenue_wan, assets_wan).size_class,
            )
    except IntegrityError as error:  # somebody was faster with the code or, once in a blue moon, the slug
        known = Organisation.objects.filter(uscc=code).exists()
        raise Refused("company_known" if known else "stale", uscc=code, what=slug) from error
    Membership.objects.create(user=user, organisation=organisation, role=OWNER, created_at=now)
    history.record(
        organisation,
        before="",
        after=organisation.state,
        now=now,
        actor=f"user:{user.pk}",
        reason="registered",
    )
    for tell in hooks.after_registration:
        tell(organisation, now)
    return organisation


@transaction.atomic
def update_company(
    *,
    organisation: Organisation,
    name: str,
    industry: str,
    employees: int | None = None,
    revenue_wan: int | None = None,
    assets_wan: int | None = None,
    is_provider: bool,
    now: datetime,
    actor: str,
) -> Organisation:
    """Change what a company says of itself; its size class follows. The code and the state stay.

    A figure that is None was not asked: what the company once told stays. ValueError where one is missing that counts.
    """
    organisation = lock(organisation)
    told = {"employees": employees, "revenue_wan": revenue_wan, "assets_wan": assets_wan}
    figures = {key: getattr(organisation, key) if value is None else value for key, value in told.items()}
    fields = {
        "name": name.strip(),
        "industry": industry,
        **figures,
        "is_provider": is_provider,
        "size_class": classify(industry, **figures).size_class,
    }
    changed = {field: value for field, value in fields.items() if getattr(organisation, field) != value}
    if changed:
        old = {field: getattr(organisation, field) for field in changed}
        Organisation.objects.filter(pk=organisation.pk).update(**changed)
        history.record(
            organisation,
            before=organisation.state,
            after=organisation.state,
            now=now,
            actor=actor,
            reason="updated",
            old=old,
            new=changed,
        )
        for field, value in changed.items():
            setattr(organisation, field, value)
    return organisation


def approve(*, organisation: Organisation, now: datetime, actor: str, text: str = "") -> None:
    """Staff: the company may buy at any price. Raises Stale when somebody else decided first."""
    _decide(organisation, Organisation.State.APPROVED, "approved", text, now=now, actor=actor)


def ask_more(*, organisation: Organisation, text: str, now: datetime, actor: str) -> None:
    """Staff: before the company is approved something is missing; it reads `text` on its pages.

    Refused: question_needed, not_waiting.
    """
    if not text.strip():
        raise Refused("question_needed")
    if organisation.state != Organisation.State.REGISTERED:
        raise Refused("not_waiting")
    state = organisation.state
    history.record(
        organisation, before=state, after=state, now=now, actor=actor, reason="asked_more", text=text.strip()
    )


def lift(*, organisation: Organisation, now: datetime, actor: str, text: str = "") -> None:
    """Staff: a suspended company may buy again. Refused("not_suspended")."""
    if organisation.state != Organisation.State.SUSPENDED:
        raise Refused("not_suspended")
    _decide(organisation, Organisation.State.APPROVED, "lifted", text, now=now, actor=actor)


def suspend(*, organisation: Organisation, text: str, now: datetime, actor: str) -> None:
    """Staff: the company may order nothing until it is approved again. The company reads `text`."""
    if not text.strip():
        raise Refused("suspension_reason_needed")
    _decide(organisation, Organisation.State.SUSPENDED, "suspended", text, now=now, actor=actor)


def _decide(
    organisation: Organisation, to: str, reason: str, text: str, *, now: datetime, actor: str
) -> None:
    history.move(organisation, to, now=now, actor=actor, reason=reason, text=text.strip())


@transaction.atomic
def invite_member(
    *, organisation: Organisation, email: str, role: str, user: User, now: datetime
) -> tuple[Invitation, str]:
    """Offer somebody a role; returns the invitation and the secret of its link, which is kept nowhere.

    An open invitation of the same person is replaced. Raises Refused("member_already").
    """
    email = email.strip().lower()
    lock(organisation)
    if Membership.objects.filter(organisation=organisation, user__email__iexact=email).exists():
        raise Refused("member_already", email=email)
    actor = f"user:{user.pk}"
    for old in Invitation.objects.filter(organisation=organisation, email=email, state=Invitation.State.OPEN):
        history.move(old, Invitation.State.WITHDRAWN, now=now, actor=actor, reason="replaced")
    secret = secrets.fresh()
    invitation = Invitation.objects.create(
        organisation=organisation,
        email=email,
        role=role,
        secret_hash=secrets.hash_of(secret),
        invited_by=user,
        created_at=now,
        expires_at=now + INVITATION_LIFE,
    )
    history.record(
        organisation,
        before=organisation.state,
        after=organisation.state,
        now=now,
        actor=actor,
        reason="invited",
        email=email,
        role=role,
    )
    return invitation, secret


def withdraw_invitation(*, invitation: Invitation, now: datetime, actor: str) -> None:
    """The link stops working."""
    history.move(invitation, Invitation.State.WITHDRAWN, now=now, actor=actor, reason="withdrawn")


@transaction.atomic
def accept_invitation(*, public_id: str, secret: str, user: User, now: datetime) -> Membership:
    """Join the company that invited this person.

    Raises Refused: invitation_over (used, withdrawn, expired or never made), invitation_other_person (email).
    """
    invitation = Invitation.objects.select_related("organisation").filter(public_id=public_id).first()
    right = secrets.same(secret, invitation.secret_hash if invitation else None)
    if (
        invitation is None
        or not right
        or invitation.state != Invitation.State.OPEN
        or invitation.expires_at <= now
    ):
        raise Refused("invitation_over")
    if invitation.email.lower() != user.email.lower():
        raise Refused("invitation_other_person", email=invitation.email)
    lock(invitation.organisation)
    actor = f"user:{user.pk}"
    history.move(invitation, Invitation.State.ACCEPTED, now=now, actor=actor, reason="accepted")
    membership, is_new = Membership.objects.get_or_create(
        user=user, organisation=invitation.organisation, defaults={"role": invitation.role, "created_at": now}
    )
    if is_new:
        _note(invitation.organisation, "joined", now=now, actor=actor, email=user.email, role=membership.role)
    return membership


@transaction.atomic
def change_role(
    *, organisation: Organisation, email: str, role: str, now: datetime, actor: str
) -> Membership:
    """Another role for a member. Raises Refused: last_owner, no_such_member."""
    lock(organisation)
    membership = _member(organisation, email)
    if membership.role == role:
        return membership
    if membership.role == OWNER:
        _another_owner(organisation, membership)
    old, membership.role = membership.role, role
    membership.save(update_fields=["role"])
    _note(organisation, "role_changed", now=now, actor=actor, email=membership.user.email, old=old, role=role)
    return membership


@transaction.atomic
def remove_member(*, organisation: Organisation, email: str, now: datetime, actor: str) -> None:
    """End a membership. Keys stay, whoever made them. Raises Refused: last_owner, no_such_member."""
    lock(organisation)
    membership = _member(organisation, email)
    if membership.role == OWNER:
        _another_owner(organisation, membership)
    membership.delete()
    _note(organisation, "left", now=now, actor=actor, email=membership.user.email, role=membership.role)


def _member(organisation: Organisation, email: str) -> Membership:
    membership = (
        Membership.objects.select_related("user")
        .filter(organisation=organisation, user__email__iexact=email.strip())
        .first()
    )
    if membership is None:
        raise Refused("no_such_member", email=email)
    return membership


def _another_owner(organisation: Organisation, membership: Membership) -> None:
    if (
        not Membership.objects.filter(organisation=organisation, role=OWNER)
        .exclude(pk=membership.pk)
        .exists()
    ):
        raise Refused("last_owner")


def _note(organisation: Organisation, reason: str, *, now: datetime, actor: str, **params: str) -> None:
    history.record(
        organisation,
        before=organisation.state,
        after=organisation.state,
        now=now,
        actor=actor,
        reason=reason,
        **params,
    )


@transaction.atomic
def create_key(
    *,
    organisation: Organisation,
    user: User,
    name: str,
    scopes: list[str],
    now: datetime,
    actor: str,
    expires_at: datetime | None = None,
) -> tuple[ApiKey, str]:
    """A program's key; returns it and `sk_<id>_<secret>`, which is shown once and kept nowhere.

    Raises Refused: no_scope, bad_key_life, too_many_keys.
    """
    chosen = [scope for scope in ApiKey.Scope.values if scope in scopes]
    if not chosen or len(chosen) != len(set(scopes)):
        raise Refused("no_scope")
    if expires_at is not None and expires_at <= now:
        raise Refused("bad_key_life")
    lock(organisation)
    if ApiKey.objects.filter(organisation=organisation, revoked_at=None).count() >= KEYS_MOST:
        raise Refused("too_many_keys", most=KEYS_MOST)
    secret = secrets.fresh()
    key = ApiKey.objects.create(
        organisation=organisation,
        name=name.strip(),
        scopes=chosen,
        secret_hash=secrets.hash_of(secret),
        created_by=user,
        created_at=now,
        expires_at=expires_at,
    )
    _note(organisation, "key_created", now=now, actor=actor, key=key.public_id, name=key.name)
    return key, f"{KEY_PREFIX}_{key.public_id.removeprefix('key_')}_{secret}"


@transaction.atomic
def revoke_key(*, key: ApiKey, now: datetime, actor: str) -> None:
    """The key stops working at once. Safe to repeat: the first time counts."""
    if ApiKey.objects.filter(pk=key.pk, revoked_at=None).update(revoked_at=now):
        key.revoked_at = now
        _note(key.organisation, "key_revoked", now=now, actor=actor, key=key.public_id, name=key.name)


def set_language(*, user: User, language: str) -> None:
    """Remember in which language a person reads, for the next machine."""
    User.objects.filter(pk=user.pk).update(language=language)
    user.language = language
