"""Where this room's pages are. portal.urls mounts the list."""

from django.urls import path

from . import views

public = [
    path("", views.front, name="front"),
    path("dashboard/", views.dashboard, name="dashboard"),
    path("earn/", views.earn, name="earn"),
    path("earn/begin/", views.begin, name="begin"),
    path("help/", views.help_page, name="help"),
    path("figures/", views.figures, name="figures"),
]
