"""Where this room's pages are. portal.urls mounts the list."""

from django.urls import path

from . import views

company = [
    path("books/", views.accounts, name="accounts"),
    path("books/journals/<str:public_id>/", views.journal, name="journal"),
    path("books/<str:public_id>/", views.statement, name="statement"),
    path("books/<str:public_id>/statement.csv", views.statement_csv, name="statement_csv"),
]
