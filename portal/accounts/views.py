"""Pages of this room: registering a company, its page, its people, its keys, and the person's own page."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.mail import send_mail
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST
from django.views.i18n import set_language

from portal import policy
from portal.core import clock
from portal.core.errors import Refused
from portal.core.fragments import render
from portal.core.templatetags.suanli import cny

from . import actions, queries
from .access import OWNER, company_view
from .forms import SIZE_FIELDS, CompanyForm, InvitationForm, KeyForm, RegistrationForm, SizeForm, made_up_code
from .models import ApiKey, Invitation, Membership, Organisation
from .sizing import SizeResult, classify

TRADE = "trade"  # session key: the industry whose package somebody without a company dropped a file on
APPROVAL_READ = "approval_read"  # session key: companies whose notice of approval was read


def actor_of(request: HttpRequest) -> str:
    return f"user:{request.user.pk}"


def where_next(request: HttpRequest) -> str:
    """The page a person was on the way to, if it is one of ours."""
    wanted = request.POST.get("next") or request.GET.get("next") or ""
    safe = url_has_allowed_host_and_scheme(wanted, {request.get_host()}, require_https=request.is_secure())
    return wanted if safe else ""


def asked_alone(request: HttpRequest) -> str:
    """The part of the form that htmx asks for: another trade asks for other figures; a figure changes the class."""
    htmx = request.htmx  # type: ignore[attr-defined]
    return "accounts/_measures" if htmx and htmx.target == "measures" else "accounts/_size_line"


def typed_of(request: HttpRequest) -> dict[str, str]:
    """The size fields that stand in the address: what has been typed so far."""
    return {name: request.GET[name] for name in SIZE_FIELDS if name in request.GET}


def size_of(data: Any) -> SizeResult | None:
    """The size class of what has been typed so far; None while an answer is missing or wrong."""
    form = SizeForm(data)
    return classify(**form.cleaned_data) if form.is_valid() else None


@login_required
@require_http_methods(["GET", "POST"])
def register(request: HttpRequest) -> HttpResponse:
    """One page between a new person and the first order; htmx asks it for the size class while one types."""
    has_machines = request.GET.get("provider") == "1"
    form = RegistrationForm(
        request.POST if request.method == "POST" else None, initial=_known_already(request, has_machines)
    )
    onward = where_next(request)
    if request.method == "POST" and form.is_valid():
        try:
            organisation = actions.register_company(
                user=request.user,  # type: ignore[arg-type]
                now=clock.now(),
                **form.cleaned_data,
            )
        except Refused as refused:
            form.add_error("uscc" if refused.code == "company_known" else None, str(refused))
        else:
            request.session["company"] = organisation.slug
            said = _("%(name)s is registered.") % {"name": organisation.name}
            if policy.WELCOME_CREDIT_UY:
                credit = cny(policy.WELCOME_CREDIT_UY, "short")
                said = f"{said} {_('We put %(credit)s of welcome credit into your wallet.') % {'credit': credit}}"
            messages.success(request, said)
            return redirect(onward or settings.LOGIN_REDIRECT_URL)
    context = {
        "form": form,
        "next": onward,
        "has_machines": has_machines,
        "size": size_of(request.POST or request.GET),
        "welcome_uy": policy.WELCOME_CREDIT_UY,
        "limit_uy": policy.UNAPPROVED_ORDER_LIMIT_UY,
        "made_up": (request.GET.get("code") or made_up_code()) if settings.DEMO else "",
    }
    status = 422 if form.errors else 200
    return render(request, "accounts/register", context, fragment=asked_alone(request), status=status)


def _known_already(request: HttpRequest, has_machines: bool) -> dict[str, Any]:
    """What the form begins with: the trade of the file that was dropped in, and what a link without script chose."""
    trade = {"industry": request.session.get(TRADE, "")}
    code = request.GET.get("code", "") if settings.DEMO else ""  # a visitor has no business licence at hand
    return {"is_provider": has_machines, "uscc": code, **trade, **typed_of(request)}


@require_GET
@company_view()
def company(request: HttpRequest, organisation: Organisation) -> HttpResponse:
    """Who the company is, its size class by the rule, and what its state means."""
    return render(
        request,
        "accounts/company",
        {
            "company": organisation,
            "membership": request.membership,  # type: ignore[attr-defined]
            "size": classify(**{name: getattr(organisation, name) for name in SIZE_FIELDS}),
            "words": queries.words_of_decision(organisation),
            "members": list(queries.members_of(organisation)),
            "limit_uy": policy.UNAPPROVED_ORDER_LIMIT_UY,
        },
    )


@require_http_methods(["GET", "POST"])
@company_view(OWNER)
def edit(request: HttpRequest, organisation: Organisation) -> HttpResponse:
    """Change what the company says of itself."""
    form = CompanyForm(request.POST) if request.method == "POST" else CompanyForm.of(organisation, typed_of(request))
    if form.is_bound and form.is_valid():
        actions.update_company(
            organisation=organisation, now=clock.now(), actor=actor_of(request), **form.cleaned_data
        )
        messages.success(request, _("Saved."))
        return redirect("accounts:company", organisation.slug)
    typed = request.POST or request.GET
    size = size_of(typed if typed else {name: getattr(organisation, name) for name in SIZE_FIELDS})
    context = {"form": form, "company": organisation, "size": size}
    status = 422 if form.errors else 200
    return render(request, "accounts/edit", context, fragment=asked_alone(request), status=status)


@require_http_methods(["GET", "POST"])
@company_view()
def people(request: HttpRequest, organisation: Organisation) -> HttpResponse:
    """Who may do what; an owner invites here."""
    mine: Membership = request.membership  # type: ignore[attr-defined]
    now = clock.now()
    form = InvitationForm(request.POST if request.method == "POST" else None)
    context: dict[str, Any] = {
        "company": organisation,
        "mine": mine,
        "form": form,
        "roles": Membership.Role.choices,
    }
    status = 200
    if request.method == "POST":
        _owner_only(mine)
        if form.is_valid():
            try:
                invitation, secret = actions.invite_member(
                    organisation=organisation,
                    user=request.user,  # type: ignore[arg-type]
                    now=now,
                    **form.cleaned_data,
                )
            except Refused as refused:
                form.add_error("email", str(refused))
            else:
                link = request.build_absolute_uri(
                    reverse("accounts:join", args=[invitation.public_id, secret])
                )
                context |= {"invitation": invitation, "link": link, "sent": _send(invitation, link)}
                context["form"] = InvitationForm()
        status = 422 if form.errors else 201
    context["members"] = list(queries.members_of(organisation))
    context["invitations"] = list(queries.open_invitations(organisation, now))
    response = render(request, "accounts/people", context, status=status)
    response["Cache-Control"] = "no-store"
    return response


def _owner_only(membership: Membership) -> None:
    if membership.role != OWNER:
        raise Refused("role_needed", roles=str(Membership.ROLE_NAMES[OWNER]))


def _send(invitation: Invitation, link: str) -> bool:
    """Mail the link, in the language of the one who invites. False when no mail could be sent."""
    about = {"invitation": invitation, "link": link}
    try:
        return bool(
            send_mail(
                _("%(company)s invites you to Suanli") % {"company": invitation.organisation.name},
                render_to_string("accounts/invitation.txt", about),
                None,
                [invitation.email],
            )
        )
    except OSError:  # the mail server is away; the page shows the link anyway
        return False


@require_POST
@company_view(OWNER)
def change_role(request: HttpRequest, organisation: Organisation) -> HttpResponse:
    role = request.POST.get("role", "")
    if role not in Membership.Role.values:
        raise Http404
    membership = actions.change_role(
        organisation=organisation,
        email=request.POST.get("email", ""),
        role=role,
        now=clock.now(),
        actor=actor_of(request),
    )
    messages.success(
        request,
        _("%(email)s is now: %(role)s.") % {"email": membership.user.email, "role": membership.role_name},
    )
    return redirect("accounts:people", organisation.slug)


@require_POST
@company_view()
def remove_member(request: HttpRequest, organisation: Organisation) -> HttpResponse:
    """Asks once more, then ends a membership. An owner removes anybody, everybody removes themselves."""
    mine: Membership = request.membership  # type: ignore[attr-defined]
    email = request.POST.get("email", "")
    is_me = email.lower() == request.user.email.lower()  # type: ignore[union-attr]
    if not is_me:
        _owner_only(mine)
    if not request.POST.get("sure"):
        return render(request, "accounts/remove", {"company": organisation, "email": email, "is_me": is_me})
    actions.remove_member(organisation=organisation, email=email, now=clock.now(), actor=actor_of(request))
    if is_me:
        request.session.pop("company", None)
        messages.success(request, _("You no longer belong to %(name)s.") % {"name": organisation.name})
        return redirect("accounts:you")
    messages.success(request, _("%(email)s no longer belongs to the company.") % {"email": email})
    return redirect("accounts:people", organisation.slug)


@require_POST
@company_view(OWNER)
def withdraw_invitation(request: HttpRequest, organisation: Organisation, public_id: str) -> HttpResponse:
    invitation = queries.invitation_for(organisation, public_id)
    if invitation is None:
        raise Http404
    actions.withdraw_invitation(invitation=invitation, now=clock.now(), actor=actor_of(request))
    messages.success(request, _("The invitation of %(email)s was withdrawn.") % {"email": invitation.email})
    return redirect("accounts:people", organisation.slug)


@login_required
@require_http_methods(["GET", "POST"])
def join(request: HttpRequest, public_id: str, secret: str) -> HttpResponse:
    """Where an invitation's link leads: one button, so that a scanner of mail accepts nothing."""
    if request.method == "POST":
        membership = actions.accept_invitation(
            public_id=public_id,
            secret=secret,
            user=request.user,  # type: ignore[arg-type]
            now=clock.now(),
        )
        request.session["company"] = membership.organisation.slug
        messages.success(request, _("You now work for %(name)s.") % {"name": membership.organisation.name})
        return redirect(settings.LOGIN_REDIRECT_URL)
    invitation = queries.invitation_by_link(public_id, secret, clock.now())
    return render(request, "accounts/join", {"invitation": invitation}, status=200 if invitation else 410)


@require_http_methods(["GET", "POST"])
@company_view(OWNER)
def keys(request: HttpRequest, organisation: Organisation) -> HttpResponse:
    """The company's API keys; a new one is shown once, in the answer that makes it."""
    now = clock.now()
    form = KeyForm(request.POST if request.method == "POST" else None)
    context: dict[str, Any] = {"company": organisation, "form": form, "now": now}
    status = 200
    if request.method == "POST":
        if form.is_valid():
            try:
                key, secret = actions.create_key(
                    organisation=organisation,
                    user=request.user,  # type: ignore[arg-type]
                    name=form.cleaned_data["name"],
                    scopes=form.cleaned_data["scopes"],
                    expires_at=form.expires_at(now),
                    now=now,
                    actor=actor_of(request),
                )
            except Refused as refused:
                form.add_error(None, str(refused))
            else:
                context |= {"made": key, "secret": secret, "form": KeyForm()}
                context["site"] = request.build_absolute_uri("/").rstrip("/")
        status = 422 if form.errors else 201
    context["keys"] = list(queries.keys_of(organisation))
    response = render(request, "accounts/keys", context, status=status)
    response["Cache-Control"] = "no-store"
    return response


@require_POST
@company_view(OWNER)
def revoke_key(request: HttpRequest, organisation: Organisation, public_id: str) -> HttpResponse:
    """Asks once more, then the key stops working."""
    key: ApiKey | None = queries.key_for(organisation, public_id)
    if key is None:
        raise Http404
    if not request.POST.get("sure"):
        return render(request, "accounts/revoke", {"company": organisation, "key": key})
    actions.revoke_key(key=key, now=clock.now(), actor=actor_of(request))
    messages.success(request, _("The key “%(name)s” no longer works.") % {"name": key.name})
    return redirect("accounts:keys", organisation.slug)


@require_GET
@login_required
def you(request: HttpRequest) -> HttpResponse:
    """The person's own page: companies, language, password."""
    memberships = list(queries.companies_of(request.user))  # type: ignore[arg-type]
    return render(request, "accounts/you", {"memberships": memberships, "languages": settings.LANGUAGES})


@require_POST
def language(request: HttpRequest) -> HttpResponse:
    """Django's own change of language, remembered for the person."""
    response = set_language(request)
    chosen = request.POST.get("language", "")
    if request.user.is_authenticated and chosen in dict(settings.LANGUAGES):
        actions.set_language(user=request.user, language=chosen)
    return response


@require_POST
@company_view()
def approval_read(request: HttpRequest, organisation: Organisation) -> HttpResponse:
    """The notice that the company was approved does not come again in this session."""
    read = set(request.session.get(APPROVAL_READ, []))
    request.session[APPROVAL_READ] = sorted({*read, organisation.slug})
    return redirect(settings.LOGIN_REDIRECT_URL)
