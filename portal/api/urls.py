"""What this room mounts under /api/v1/: `api` with the rooms' own, `fallback` after all of them."""

from django.urls import path, re_path
from drf_spectacular.views import SpectacularAPIView

from .views import Nothing

api = [
    path(
        "schema/", SpectacularAPIView.as_view(authentication_classes=[], permission_classes=[]), name="schema"
    ),
]
fallback = [re_path(r"^.*$", Nothing.as_view(), name="nothing")]
