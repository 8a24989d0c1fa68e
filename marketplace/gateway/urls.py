"""`public` is mounted under /, `company` under /c/<slug>/, `api` under /api/v1/."""

from django.urls import path

from . import listing_views, ranking_api, ranking_views, shelf_views

public = [
    path("rankings/", ranking_views.page, name="rankings"),
    path("rankings/csv/", ranking_views.download, name="rankings_csv"),
    path("models/", shelf_views.models, name="models"),
    path("models/<path:name>/", shelf_views.model, name="model"),  # last: names of models have any form
]
company = [
    path("models/", listing_views.endpoints, name="endpoints"),
    path("models/new/", listing_views.create, name="endpoint_new"),
    path("models/<str:public_id>/", listing_views.endpoint, name="endpoint"),
    path("models/<str:public_id>/preview/", listing_views.preview, name="endpoint_preview"),
    path("models/<str:public_id>/prices/", listing_views.price, name="endpoint_price"),
    path("models/<str:public_id>/secret/", listing_views.secret, name="endpoint_secret"),
    path("models/<str:public_id>/test/", listing_views.test, name="endpoint_test"),
    path("models/<str:public_id>/<slug:step>/", listing_views.step, name="endpoint_step"),
]
api = [
    path("rankings/", ranking_api.Rankings.as_view(), name="rankings"),
]
