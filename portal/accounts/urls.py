"""Where this room's pages and doors are. portal.urls mounts the lists."""

from django.urls import path

from . import api as doors
from . import views

public = [
    path("register/", views.register, name="register"),
    path("join/<str:public_id>/<str:secret>/", views.join, name="join"),
    path("you/", views.you, name="you"),
    path("language/", views.language, name="language"),
]
company = [
    path("", views.company, name="company"),
    path("edit/", views.edit, name="edit"),
    path("approval-read/", views.approval_read, name="approval_read"),
    path("people/", views.people, name="people"),
    path("people/role/", views.change_role, name="change_role"),
    path("people/remove/", views.remove_member, name="remove_member"),
    path(
        "people/invitations/<str:public_id>/withdraw/", views.withdraw_invitation, name="withdraw_invitation"
    ),
    path("keys/", views.keys, name="keys"),
    path("keys/<str:public_id>/revoke/", views.revoke_key, name="revoke_key"),
]
api = [
    path("company", doors.CompanyDoor.as_view(), name="company"),
    path("keys", doors.KeysDoor.as_view(), name="keys"),
    path("keys/<str:public_id>", doors.KeyDoor.as_view(), name="key"),
]
