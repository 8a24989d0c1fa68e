"""`public` is mounted under /, `company` under /c/<slug>/, `api` under /api/v1/."""

from django.urls import URLPattern, path

from . import ranking_api, ranking_views

public = [
    path("rankings/", ranking_views.page, name="rankings"),
    path("rankings/csv/", ranking_views.download, name="rankings_csv"),
]
company: list[URLPattern] = []
api = [
    path("rankings/", ranking_api.Rankings.as_view(), name="rankings"),
]
