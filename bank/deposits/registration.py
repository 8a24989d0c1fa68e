"""Registering a site of the machine that the local engine drives; its benchmark starts at once."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from marketplace import engines
from marketplace.catalogue.models import Region, ResourceClass
from marketplace.dispatch import actions as dispatch
from marketplace.dispatch.models import Site
from marketplace.provisioning import verification
from portal.accounts.models import Organisation
from portal.core.errors import Refused

CPU = "cpu"
ENGINE = "local"


def cores_here() -> int | None:
    """How many cores the machine of the engine has; None where the engine does not know."""
    return engines.get(ENGINE).machine_cores()


@transaction.atomic
def register(
    *, organisation: Organisation, name: str, region: Region, cards: int, now: datetime, actor: str
) -> Site:
    """A new site and its benchmark. Refused: more_cores_than_machine, site_name_taken."""
    there = cores_here()
    if there is not None and cards > there:
        raise Refused("more_cores_than_machine", cores=there, asked=cards)
    site = dispatch.register_site(
        organisation=organisation,
        name=name,
        region=region,
        resource_class=ResourceClass.objects.get(key=CPU),
        cards=cards,
        engine=ENGINE,
        now=now,
        actor=actor,
    )
    verification.start(site=site, now=now, actor=actor)
    return site
