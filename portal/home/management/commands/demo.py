"""manage.py demo [--runs]: the demonstration's data. Twice changes nothing."""

import os
from datetime import timedelta

from django.core.management.base import BaseCommand, CommandError

from bank.deposits import demo as deposits
from bank.lending import demo as lending
from marketplace.dispatch import actions as dispatch
from marketplace.orders import measures
from portal.core import clock
from portal.home import demo


class Command(BaseCommand):
    help = "Loads people, sites and offerings of the demonstration; with --runs also real runs on an earlier clock."

    def add_arguments(self, parser) -> None:
        parser.add_argument(
            "--runs", action="store_true", help="really run the demonstration's orders (minutes)"
        )

    def sign_ins(self) -> list[tuple[str, str, str]]:
        """Who can sign in: what they are, e-mail, password."""
        return [(what, email, demo.PASSWORD) for what, email in demo.SIGN_INS]

    def handle(self, *args, **options) -> None:
        from django.conf import settings

        if not settings.DEMO:
            raise CommandError("Demonstration data are loaded only with DEMO=1.")
        now = clock.now()
        early = now - timedelta(days=30)
        demo.people(now=early)
        site = demo.platform_site(now=early, cores=max(2, os.cpu_count() or 2))
        made = demo.offerings(now=early)
        lending.seed(now=early)
        dispatch.open_always(now=now)
        self.stdout.write(f"{made} offerings published")
        if options["runs"]:
            site = demo.verify(site, now=now, say=self.stdout.write)
            dispatch.open_always(now=now)
            deposits.seed(now=now, say=self.stdout.write)
            done = demo.runs(now=now, say=self.stdout.write)
            deposits.close_past(now=now)
            measures.measure(now=clock.now())
            self.stdout.write(f"{done} runs")
