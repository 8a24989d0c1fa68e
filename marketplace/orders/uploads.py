"""A customer's file: taken, checked by its recipe and kept clean before any money is touched; and what it tells."""

from __future__ import annotations

import hashlib
from datetime import date, datetime, timedelta
from typing import Any, BinaryIO

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import transaction

from marketplace import recipes
from marketplace.catalogue.models import Package
from marketplace.recipes.base import Note
from portal import policy
from portal.accounts.models import Organisation
from portal.core.errors import Refused
from portal.core.words import local

from .models import Upload

YEAR_DAYS = 365
DAYS_AHEAD = 14  # what the forecast of a file of days reaches where its package counts in months


def accept(
    *,
    package: Package,
    data: BinaryIO,
    filename: str,
    size_bytes: int,
    organisation: Organisation | None,
    params: dict[str, Any] | None = None,
    now: datetime,
) -> Upload:
    """Check a file and keep what the program will read. Raises InputRefused: nothing was kept then.

    Refused("not_available") for a package that no recipe runs.
    """
    if not package.is_runnable:
        raise Refused("not_available")
    recipe = recipes.get(package.recipe)
    checked = recipe.check(data, filename, asked_for(package, params or {}))
    with transaction.atomic():
        upload = Upload.objects.create(
            organisation=organisation,
            package=package,
            filename=filename[-200:],
            size_bytes=size_bytes,
            sha256=hashlib.sha256(checked.clean).hexdigest(),
            size=checked.size,
            notes=[[n.code, dict(n.params)] for n in checked.notes],
            preview=[list(r) for r in checked.preview],
            created_at=now,
        )
        default_storage.save(upload.storage_key, ContentFile(checked.clean))
    return upload


def asked_for(package: Package, params: dict[str, Any]) -> dict[str, Any]:
    """The package's params with what its buyer may set over them; everything else he sends is left out."""
    open_to_buyers = {asked["key"] for asked in package.params.get("ask", [])} | {"language", package.unit_key}
    return {**package.params, **{key: value for key, value in params.items() if key in open_to_buyers}}


def claim(*, upload: Upload, organisation: Organisation) -> Upload:
    """The company takes a file that was dropped in before anybody signed in. Refused("not_yours" | "file_deleted")."""
    if upload.deleted_at is not None:
        raise Refused("file_deleted")
    if upload.organisation_id is None:
        Upload.objects.filter(pk=upload.pk, organisation=None).update(organisation=organisation)
        upload.refresh_from_db()
    if upload.organisation_id != organisation.pk:
        raise Refused("not_yours")
    return upload


def units_of(upload: Upload) -> int | None:
    """The size the file itself tells, in the unit its package is sized in; None when it does not."""
    value = upload.size.get(upload.package.unit_key)
    return int(value) if value else None


def ends_on(upload: Upload) -> date | None:
    """The last day in a file of days."""
    last = upload.size.get("last_ordinal")
    return date.fromordinal(last) if last else None


def tomorrow(now: datetime) -> date:
    """The day a plan is for, where its file reaches that far."""
    return local(now).date() + timedelta(days=1)


def plan_day(upload: Upload, now: datetime) -> date | None:
    """The day that a file of days would be planned for if it ran now: tomorrow, or the first after the file."""
    last = ends_on(upload)
    if last is None:
        return None
    first = last + timedelta(days=1)
    return first if is_old(upload, now) else max(first, tomorrow(now))


def is_short(upload: Upload) -> bool:
    """A file of days that has not seen a whole year: what a season or a public holiday does is not in it."""
    return ends_on(upload) is not None and upload.size.get("periods", YEAR_DAYS) < YEAR_DAYS


def column_read(upload: Upload) -> str:
    """The column that counts in its own word instead of the package's; empty when there is none."""
    return next((str(params["column"]) for code, params in upload.notes if code == "column_read"), "")


def is_old(upload: Upload, now: datetime) -> bool:
    """A forecast begins the day after the file ends; tomorrow lies beyond its last day."""
    last, params = ends_on(upload), upload.package.params
    ahead = params.get("horizon", 0) if params.get("period") == "day" else 0
    return last is not None and last + timedelta(days=ahead or DAYS_AHEAD) < tomorrow(now)


def notes_of(upload: Upload) -> list[Note]:
    """What was assumed about the file, then what was repaired in it."""
    notes = [Note(code=code, params=params) for code, params in upload.notes]
    return sorted(notes, key=lambda note: not note.is_assumed)


def forget_old(*, now: datetime, limit: int = 500) -> int:
    """Delete customers' files past their time, kept rows say when; returns how many. Safe to repeat.

    A file that a run still needs stays: no run lasts as long as a file is kept.
    """
    old = Upload.objects.filter(deleted_at=None, created_at__lte=now - timedelta(days=policy.FILE_LIFE_DAYS))
    count = 0
    for upload in old.order_by("pk")[:limit]:
        default_storage.delete(upload.storage_key)
        Upload.objects.filter(pk=upload.pk).update(deleted_at=now)
        count += 1
    return count
