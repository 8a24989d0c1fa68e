"""The words of this room's refusals."""

from typing import Any

from django.utils.translation import gettext_lazy as _

REFUSALS: dict[str, Any] = {
    "role_needed": (
        _(
            "Your role in this company does not allow this; it needs: {roles}. An owner can change roles. "
            "Nothing was changed."
        ),
        403,
    ),
    "last_owner": _(
        "A company keeps at least one owner. Make somebody else an owner first. Nothing was changed."
    ),
    "no_such_member": (_("{email} does not belong to this company. Nothing was changed."), 404),
    "member_already": _(
        "{email} belongs to this company already. Change the role instead. Nothing was changed."
    ),
    "invitation_over": (
        _(
            "This invitation was used, withdrawn, or is older than seven days. Ask an owner of the "
            "company for a new "
            "one. Nothing was changed."
        ),
        410,
    ),
    "invitation_other_person": (
        _(
            "This invitation is for {email}. Sign out, then sign in or register with that address. "
            "Nothing was changed."
        ),
        403,
    ),
    "company_known": _(
        "A company with the code {uscc} is registered already. Ask its owner for an invitation. "
        "Nothing was registered."
    ),
    "uscc_length": (
        _("The code has 18 characters; this has {length}. Copy it from the business licence."),
        400,
    ),
    "uscc_letter": (
        _(
            "“{character}” at position {position} cannot be in the code: it has digits and capital letters, "
            "but never I, O, Z, S or V. Often 0 is read as O, 1 as I, 2 as Z, 5 as S."
        ),
        400,
    ),
    "uscc_region": (
        _("“{character}” at position {position} must be a digit: positions 3 to 8 are the region’s number."),
        400,
    ),
    "uscc_organisation": (
        _(
            "Position 17 (“{check}”) does not fit positions 9 to 16 ({part}): together they are the organisation "
            "code, which has a check character of its own. Compare these nine with the business licence."
        ),
        400,
    ),
    "uscc_check": (
        _(
            "Position 18 (“{last}”), the last one, does not fit the seventeen before it. Positions 9 to 17 are "
            "right, so compare positions 1 to 8 ({part}) and the last one with the business licence."
        ),
        400,
    ),
    "uscc_check_too": (
        _("Position 18 (“{last}”), the last one, does not fit the seventeen before it either."),
        400,
    ),
    "staff_right_needed": (
        _("Your staff account may look at companies but not decide about them. Nothing was changed."),
        403,
    ),
    "own_company": (
        _("You belong to {company}, so somebody else on the desk decides about it. Nothing was changed."),
        403,
    ),
    "decided_already": _("This company is “{state}”; the decision does not fit. Nothing was changed."),
    "question_needed": (_("Write what is missing: the company reads it. Nothing was changed."), 400),
    "not_waiting": _("This company does not wait for approval. Nothing was changed."),
    "not_suspended": _("This company is not suspended. Nothing was changed."),
    "suspension_reason_needed": (_("Write a reason: the company reads it. Nothing was changed."), 400),
    "no_scope": (_("Choose at least one thing that the key may do. No key was made."), 400),
    "too_many_keys": _("This company has {most} working keys. Revoke one first. No key was made."),
    "bad_key_life": (_("A key’s last day must lie ahead. No key was made."), 400),
}
