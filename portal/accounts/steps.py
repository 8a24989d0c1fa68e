"""The words of this room's steps."""

from django.utils.translation import gettext_lazy as _

REASONS = {
    "registered": _("registered"),
    "updated": _("details changed"),
    "approved": _("decided by the staff"),
    "asked_more": _("the staff asked for more"),
    "suspended": _("decided by the staff"),
    "lifted": _("suspension lifted by the staff"),
    "invited": _("invited: {email}"),
    "replaced": _("replaced by a newer invitation"),
    "withdrawn": _("invitation withdrawn"),
    "accepted": _("invitation accepted"),
    "joined": _("joined: {email}"),
    "role_changed": _("role changed: {email}"),
    "left": _("left: {email}"),
    "key_created": _("key made: {name}"),
    "key_revoked": _("key revoked: {name}"),
    "superuser_created": _("superuser made on the command line"),
    "person_created": _("sign-in made"),
    "person_changed": _("rights changed"),
    "person_deleted": _("sign-in deleted"),
    "password_set": _("password set by a superuser"),
}
