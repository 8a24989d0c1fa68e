"""Where this room's pages are. portal.urls mounts the lists."""

from __future__ import annotations

from django.urls import URLPattern, path

from . import key_views, use_api, use_views

public: list[URLPattern] = []
company = [
    path("model-keys/", key_views.keys, name="keys"),
    path("model-keys/new/", key_views.new_key, name="new_key"),
    path("model-keys/<str:public_id>/", key_views.key, name="key"),
    path("model-keys/<str:public_id>/limits/", key_views.key_limits, name="key_limits"),
    path("model-keys/<str:public_id>/revoke/", key_views.revoke_key, name="revoke_key"),
    path("model-use/", use_views.use, name="use"),
    path("model-use/sums.csv", use_views.sums_csv, name="sums_csv"),
    path("model-use/calls.csv", use_views.calls_csv, name="calls_csv"),
    path("model-use/calls/", use_views.calls, name="calls"),
    path("model-use/<str:request_id>/", use_views.call, name="call"),
]
api = [
    path("model-use/", use_api.UseDoor.as_view(), name="use"),
    path("model-calls/", use_api.CallsDoor.as_view(), name="calls"),
]
