"""What this room mounts: the description of all doors, and an answer where no door is.

portal.urls mounts `fallback` under /api/v1/ after the doors of every room.
"""

from django.urls import path, re_path
from drf_spectacular.views import SpectacularAPIView

from .docs import docs
from .views import Nothing

public = [
    path(
        "api/v1/schema/",
        SpectacularAPIView.as_view(authentication_classes=[], permission_classes=[]),
        name="schema",
    ),
    path("api/v1/docs/", docs, name="docs"),
]
fallback = [re_path(r"^.*$", Nothing.as_view(), name="nothing")]
