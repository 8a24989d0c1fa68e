"""django-hordak's own transfers by several clients at once; stand-alone, run by the peers' Python.

stdin: {"clients", "accounts", "seconds", "database": {NAME, USER, PASSWORD, HOST, PORT}};
stdout: {"transfers": per second over all accounts, "hot": per second into one}. Its own schema and triggers, as
its migrations leave them; `Account.transfer_to` in one transaction, as its documentation shows.
"""

import json
import multiprocessing
import random
import sys
import time

import django
from django.conf import settings

TOLD = json.load(sys.stdin)
settings.configure(
    DATABASES={"default": {"ENGINE": "django.db.backends.postgresql", **TOLD["database"]}},
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "mptt", "hordak"],
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField", USE_TZ=True,
    HORDAK_CURRENCIES=["CNY"], HORDAK_INTERNAL_CURRENCY="CNY", DEFAULT_CURRENCY="CNY")
django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import connections, transaction  # noqa: E402
from hordak.models import Account, AccountType  # noqa: E402
from moneyed import Money  # noqa: E402


def client(n, sources, targets, begin, results):
    chance, count = random.Random(n), 0
    begin.wait(timeout=60)
    until = time.monotonic() + TOLD["seconds"]
    while time.monotonic() < until:
        with transaction.atomic():
            chance.choice(sources).transfer_to(chance.choice(targets), Money(chance.randint(1, 1000), "CNY"))
        count += 1
    results.put(count)


def per_s(sources, targets):
    connections.close_all()
    begin = multiprocessing.Barrier(TOLD["clients"])
    results: multiprocessing.Queue = multiprocessing.Queue()
    workers = [multiprocessing.Process(target=client, args=(n, sources, targets, begin, results))
               for n in range(TOLD["clients"])]
    for worker in workers:
        worker.start()
    total = sum(results.get(timeout=TOLD["seconds"] + 60) for _ in workers)
    for worker in workers:
        worker.join()
    return round(total / TOLD["seconds"])


if __name__ == "__main__":
    multiprocessing.set_start_method("fork")
    call_command("migrate", verbosity=0)
    made = [Account.objects.create(name=f"a{n}", code=f"{n:04d}", type=AccountType.asset, currencies=["CNY"])
            for n in range(TOLD["accounts"])]
    half = len(made) // 2
    found = {"transfers": per_s(made[:half], made[half:]), "hot": per_s(made[:half], made[half : half + 1])}
    json.dump(found, sys.stdout)
