"""From a site's row to the engine that drives it."""

from __future__ import annotations

from django.conf import settings

from marketplace import engines
from marketplace.dispatch.models import Site
from marketplace.engines.base import Engine, SiteRef
from marketplace.engines.local import runtime


def engine_of(site: Site) -> Engine:
    return engines.get(site.engine)


def site_ref(site: Site) -> SiteRef:
    """What the engine needs to know. The local engine's folders lie in our data folder, never in a row."""
    known = dict(site.settings)
    if site.engine == "local":
        root = settings.SUANLI_DATA / "engine"
        known = {
            "root": str(root / "sites" / site.public_id),
            "runtime": str(runtime.python(root)),
            "cores": site.cards,
            "memory_mb": site.memory_mb * site.cards,
            **known,
        }
    return SiteRef(key=site.public_id, engine=site.engine, settings={k: v for k, v in known.items() if v})
