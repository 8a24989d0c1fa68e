"""Where programs call models."""

from __future__ import annotations

from django.conf import settings


def gateway_url() -> str:
    """The base URL of an OpenAI client, without a slash at its end."""
    return str(getattr(settings, "GATEWAY_URL", "") or f"{settings.SITE_URL}/v1").rstrip("/")
