"""The words of this room's refusals."""

from django.utils.translation import gettext_lazy as _

REFUSALS = {
    "role_needed": (_("Your role in this company does not allow this; it needs: {roles}. An owner can change roles. Nothing was changed."), 403),
    "last_owner": _("A company keeps at least one owner. Make somebody else an owner first. Nothing was changed."),
    "company_known": _("A company with the code {uscc} is registered already. Ask its owner to add you. Nothing was registered."),
    "bad_uscc": (_("{fault} Nothing was registered."), 400),
    "no_such_person": (_("Nobody has signed up with {email} yet. Ask them to sign up first, then add them. Nothing was changed."), 400),
    "member_already": _("{email} belongs to this company already. Change the role instead. Nothing was changed."),
    "reason_needed": (_("Write a reason: the company reads it. Nothing was changed."), 400),
    "no_scope": (_("Choose at least one thing that the key may do. No key was made."), 400),
    "too_many_keys": _("This company has {most} working keys. Revoke one first. No key was made."),
    "bad_key_life": (_("A key's last day must lie ahead. No key was made."), 400),
}
