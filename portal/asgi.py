"""The ASGI door."""

import os

from portal import embedded

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
embedded.ensure()

from django.core.asgi import get_asgi_application  # noqa: E402

application = get_asgi_application()
