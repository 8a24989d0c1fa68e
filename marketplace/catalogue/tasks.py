"""Celery's door to this room: tell people what they wanted to be told."""

from __future__ import annotations

import logging

from celery import shared_task
from django.conf import settings
from django.core.mail import send_mail
from django.utils.translation import gettext as _
from django.utils.translation import override

from portal.core import clock

from . import actions, queries
from .models import Interest

log = logging.getLogger(__name__)


@shared_task(name="catalogue.tell_interested", ignore_result=True)
def tell_interested(**kwargs) -> int:
    """One message to everybody who waits for a package that can be bought now; returns how many went out.

    Safe to run twice at once: whoever claims a row sends its message, and gives it back if that fails.
    """
    now = clock.now()
    sent = 0
    for interest in queries.interests_to_tell(now=now):
        if not actions.claim_telling(interest=interest, now=now):
            continue
        try:
            _send(interest)
        except OSError:
            log.warning("could not write to interest %s; the next sweep tries again", interest.pk)
            actions.give_back_telling(interest=interest)
            continue
        sent += 1
    return sent


def _send(interest: Interest) -> None:
    with override(interest.language or settings.LANGUAGE_CODE):
        name = interest.package.name
        lines = [
            _("You asked to be told: “%(name)s” can be bought now.") % {"name": name},
            f"{settings.SITE_URL}{interest.package.get_absolute_url()}",
            _("This is the only message about it."),
        ]
        send_mail(
            subject=_("Now available: %(name)s") % {"name": name},
            message="\n\n".join(lines),
            from_email=None,
            recipient_list=[interest.email],
        )
