"""Registering a site of the machine that the local engine drives; its benchmark starts at once.

All sites of this engine stand on one machine, so together they cannot give more cores than it has, nor stand in
two regions. A demonstration is the exception (docs/decisions/0017): there the rule holds within each company, so that
several companies can be played on one machine, and the pages say so.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db import transaction
from django.db.models import Count, Q, Sum

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


@dataclass(frozen=True)
class Machine:
    """The one machine that can be connected, and who has registered what of it.

    is_shared: a demonstration's, where each company counts only its own; given is then the reader's.
    """

    cores: int | None
    given: int
    sites: int
    companies: int
    is_shared: bool

    @property
    def left(self) -> int | None:
        """Cores the reader can still register; None where nobody knows how many there are."""
        return None if self.cores is None else max(0, self.cores - self.given)


def machine(organisation: Organisation | None = None) -> Machine:
    """As a company sees it, or somebody who has none yet. One query; a site that failed its benchmark gives nothing."""
    mine = Q(organisation=organisation) if settings.DEMO else Q()
    seen = Site.objects.filter(engine=ENGINE).exclude(state=Site.State.FAILED).aggregate(
        sites=Count("pk"), companies=Count("organisation", distinct=True), given=Sum("cards", filter=mine)
    )
    return Machine(cores_here(), seen["given"] or 0, seen["sites"], seen["companies"], settings.DEMO)


@transaction.atomic
def register(
    *, organisation: Organisation, name: str, region: Region, cards: int, now: datetime, actor: str
) -> Site:
    """A new site and its benchmark. Refused: more_cores_than_machine, machine_registered, cores_registered,
    machine_elsewhere, site_name_taken."""
    kind = _one_at_a_time()
    _refuse_unless_there(organisation, region, cards)
    site = dispatch.register_site(
        organisation=organisation,
        name=name,
        region=region,
        resource_class=kind,
        cards=cards,
        engine=ENGINE,
        now=now,
        actor=actor,
    )
    verification.start(site=site, now=now, actor=actor)
    return site


@transaction.atomic
def try_again(*, site: Site, now: datetime, actor: str) -> None:
    """The benchmark once more. A failed site gave its cores up and must find them free. Refused as register."""
    _one_at_a_time()
    if site.engine == ENGINE and site.state == Site.State.FAILED:
        _refuse_unless_there(site.organisation, site.region, site.cards)
    verification.start(site=site, now=now, actor=actor)


def _one_at_a_time() -> ResourceClass:
    """Registrations wait for each other, so that two cannot take the same core."""
    return ResourceClass.objects.select_for_update(no_key=True).get(key=CPU)


def _refuse_unless_there(organisation: Organisation, region: Region, cards: int) -> None:
    seen = machine(organisation)
    if seen.cores is not None and cards > seen.cores:
        raise Refused("more_cores_than_machine", cores=seen.cores, asked=cards)
    if seen.left is not None and cards > seen.left:
        code = "cores_registered" if seen.left else "machine_registered"
        raise Refused(code, cores=seen.cores, given=seen.given, left=seen.left)
    beside = Site.objects.filter(engine=ENGINE).exclude(state=Site.State.FAILED).exclude(region=region)
    if settings.DEMO:
        beside = beside.filter(organisation=organisation)
    other = beside.select_related("region").order_by("pk").first()
    if other is not None:
        raise Refused("machine_elsewhere", region=other.region.name)
