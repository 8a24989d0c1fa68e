"""`public` is mounted under /, `company` under /c/<slug>/, `api` under /api/v1/."""

from django.urls import path

from . import key_views, listing_views, ranking_api, ranking_views, shelf_views, use_api, use_views

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
    path("model-keys/", key_views.keys, name="keys"),
    path("model-keys/new/", key_views.new_key, name="new_key"),
    path("model-keys/<str:public_id>/", key_views.key, name="key"),
    path("model-keys/<str:public_id>/limits/", key_views.key_limits, name="key_limits"),
    path("model-keys/<str:public_id>/revoke/", key_views.revoke_key, name="revoke_key"),
    path("model-use/", use_views.use, name="use"),
    path("model-use/sums.csv", use_views.sums_csv, name="sums_csv"),
    path("model-use/calls.csv", use_views.calls_csv, name="calls_csv"),
    path("model-use/calls/", use_views.calls, name="calls"),
    path("model-use/lease/<str:public_id>/", use_views.lease, name="lease"),
    path("model-use/booked/<str:batch>/", use_views.booked, name="booked"),
    path("model-use/<str:request_id>/", use_views.call, name="call"),
]
api = [
    path("rankings/", ranking_api.Rankings.as_view(), name="rankings"),
    path("model-use/", use_api.UseDoor.as_view(), name="use"),
    path("model-calls/", use_api.CallsDoor.as_view(), name="calls"),
]
