"""One thing of every kind beside the demonstration's, so that every page of the site has something to show.

Runs inside the started site (`manage.py shell`), through the same actions that people use, and prints as JSON
what the tests must know to find the pages.
"""

from __future__ import annotations

import io
import json
import time
from datetime import timedelta

from bank.deposits import demo as deposits
from bank.deposits.models import Deposit, SlotClose
from bank.ledger import actions as ledger
from bank.ledger.chart import Kind
from bank.ledger.models import Account, Journal
from bank.lending import actions as lending
from bank.lending.models import Application, Offer
from marketplace import recipes
from marketplace.billing import actions as billing
from marketplace.billing import bookings, corrections, months, withdrawals
from marketplace.catalogue import actions as catalogue
from marketplace.catalogue.models import Package, ResourceClass
from marketplace.dispatch import listings
from marketplace.dispatch.models import Site
from marketplace.gateway import booking, key_actions, leases, listing
from marketplace.gateway.door.event import Event
from marketplace.gateway.models import AiModel
from marketplace.gateway.tariff import Line, rates_of
from marketplace.orders import actions as orders
from marketplace.orders import samples, uploads
from marketplace.orders.models import Order
from marketplace.orders.queries import offering_for
from portal.accounts import actions as accounts
from portal.accounts import uscc
from portal.accounts.models import Organisation, User
from portal.core import clock
from portal.core.ids import public_id
from portal.core.words import local

YUAN = 1_000_000
HOUR = 3_600_000
ACTOR = "system:stage"


def main() -> None:
    _wait_for_a_run()
    now = clock.now()
    ledger.close_day(now=now)
    jiangnan, yongli, harbour = (Organisation.objects.get(slug=s) for s in ("jiangnan", "yongli", "harbour"))
    print(
        json.dumps(
            {**_company(jiangnan, now), **_orders(jiangnan, now), **_factory(yongli, now), **_models(yongli, now)}
            | _calls(jiangnan, now)
            | _loans(yongli, harbour, now)
            | _strangers(now)
        )
    )


def _wait_for_a_run() -> None:
    """The first of the demonstration's runs; then the close of the nights that lie behind it."""
    until = time.monotonic() + 110
    while time.monotonic() < until:
        if Order.objects.filter(organisation__slug="jiangnan", state="delivered").exists():
            deposits.close_past(now=clock.now())
            assert SlotClose.objects.exists()
            return
        time.sleep(0.5)
    raise AssertionError("the demonstration's first run did not come to its end")


def _bookings(jiangnan: Organisation, buyer: User, now) -> dict[str, str]:
    """A payment that is booked, and one that waits for a second person to correct it."""
    clerk = User.objects.get(email="staff@suanli.test")
    booked = []
    for number in ("STAGE-1", "STAGE-2"):
        amount = 20_000 * YUAN
        topup = billing.request_topup(organisation=jiangnan, amount_uy=amount, user=buyer, now=now, actor=ACTOR)
        billing.book_payment(topup=topup, amount_uy=amount, bank_reference=number, now=now, actor=ACTOR)
        booked.append(topup)
    booking = corrections.booking_of(booked[1])
    asked = corrections.correct(
        topup=booked[1], booking=booking, to_uy=2_000 * YUAN, reason="A nought too many", user=clerk, now=now
    )
    large = billing.request_topup(organisation=jiangnan, amount_uy=600 * YUAN, user=buyer, now=now, actor=ACTOR)
    waits = bookings.book(
        topup=large, amount_uy=60_000 * YUAN, bank_reference="STAGE-3", reason="All at once", user=clerk, now=now
    )
    limit = lending.propose_limit(
        organisation=jiangnan, limit_uy=60_000 * YUAN, reason="Regular customer", user=clerk, now=now
    )
    return {
        "booked_pk": str(booked[0].pk), "correction_pk": str(asked.pk), "booking_pk": str(waits.pk),
        "proposal_pk": str(limit.pk),
    }  # fmt: skip


def _withdrawals(jiangnan: Organisation, buyer: User, now) -> dict[str, str]:
    """One that waits, one that is being paid, one that was paid and one that was refused."""
    clerk = User.objects.get(email="staff@suanli.test")
    asked, paying, paid, refused = (
        withdrawals.ask(
            organisation=jiangnan, amount_uy=amount * YUAN, bank_name="ICBC Hangzhou",
            account_number="6222021102003344", key=f"stage-{amount}", user=buyer, now=now, actor=ACTOR,
        )
        for amount in (11, 12, 13, 14)
    )  # fmt: skip
    for row in (paying, paid):
        withdrawals.begin(withdrawal=row, user=clerk, now=now)
    withdrawals.pay(
        withdrawal=paid, bank_reference="STAGE-OUT", paid_on=local(now).date(), user=clerk, now=now
    )
    withdrawals.refuse(withdrawal=refused, reason="The account is closed", user=clerk, now=now)
    return {
        "withdrawal": asked.public_id,
        "withdrawal_paid": paid.public_id,
        "withdrawal_refused": refused.public_id,
        "withdrawal_pk": str(asked.pk),
        "withdrawal_paying_pk": str(paying.pk),
        "withdrawal_paid_pk": str(paid.pk),
    }


def _company(jiangnan: Organisation, now) -> dict[str, str]:
    buyer = User.objects.get(email="buyer@suanli.test")
    topup = billing.request_topup(organisation=jiangnan, amount_uy=79 * YUAN, user=buyer, now=now, actor=ACTOR)
    bill = months.close_month(organisation=jiangnan, month=now.date().replace(day=1), now=now + timedelta(days=40))
    key, _secret = accounts.create_key(
        organisation=jiangnan, user=buyer, name="Till", scopes=["read"], now=now, actor=ACTOR
    )
    invitation, secret = accounts.invite_member(
        organisation=jiangnan, email="staff@suanli.test", role="finance", user=buyer, now=now
    )
    wallet = Account.objects.get(owner=jiangnan, kind=Kind.WALLET, asset="CNY")
    journal = Journal.objects.filter(postings__account=wallet).first()
    return {
        "topup": topup.public_id,
        "topup_pk": str(topup.pk),
        **_bookings(jiangnan, buyer, now),
        **_withdrawals(jiangnan, buyer, now),
        "bill": bill.public_id,
        "key": key.public_id,
        "join": f"{invitation.public_id}/{secret}",
        "wallet": wallet.public_id,
        "journal": journal.public_id,
        "company_pk": str(jiangnan.pk),
    }


def _orders(jiangnan: Organisation, now) -> dict[str, str]:
    package = Package.objects.get(code="cat-fc")
    offering, _plan = offering_for(package, now)
    path = recipes.FOLDER / package.sample
    upload = uploads.accept(
        package=package,
        data=io.BytesIO(path.read_bytes()),
        filename=path.name,
        size_bytes=path.stat().st_size,
        organisation=jiangnan,
        now=now,
    )
    asked = {"organisation": jiangnan, "offering": offering, "upload": upload, "units": None, "actor": ACTOR}
    done = Order.objects.filter(organisation=jiangnan, state="delivered").first()
    return {
        "quote": orders.quote(now=now, **asked).public_id,
        "order": done.public_id,
        "order_pk": str(done.pk),
        "sample": samples.start(package=package, now=now).public_id,
    }


def _factory(yongli: Organisation, now) -> dict[str, str]:
    site = Site.objects.get(organisation=yongli, name="夜班车间 Night shop")
    place = {
        "provider": yongli,
        "resource_class": site.resource_class,
        "region": site.region,
        "actor": ACTOR,
        "now": now,
    }
    package = Package.objects.get(code="ind-spare")
    draft = catalogue.create_offering(package=package, name="Draft of the factory", **place)
    waiting = catalogue.create_offering(package=package, name="Spare parts of the factory", **place)
    for offering in (draft, waiting):
        catalogue.set_price(
            offering=offering, base_uy=9 * YUAN, core_limit_cms=HOUR, rate_uy_per_hour=100_000, now=now, actor=ACTOR
        )
    listings.list_offering(offering=waiting, hours={site: []}, now=now, actor=ACTOR)
    catalogue.submit(offering=waiting, now=now, actor=ACTOR)
    return {
        "draft": draft.public_id,
        "offering": waiting.public_id,
        "offering_pk": str(waiting.pk),
        "site": site.public_id,
        "deposit": Deposit.objects.filter(organisation=yongli).first().public_id,
    }


def _models(yongli: Organisation, now) -> dict[str, str]:
    """A model that is served, priced by hours and lengths and dearer from tomorrow on; one that waits; a draft."""
    model, _made = AiModel.objects.get_or_create(
        slug="stage-chat",
        defaults={"name": "Stage Chat", "maker": "Stage", "country": "CN", "context_tokens": 128_000},
    )
    usual, more = {"input": 2 * YUAN, "output": 8 * YUAN}, {"input": 4 * YUAN, "cached": YUAN, "output": 9 * YUAN}
    night, long = Line(window=(1320, 480), prices={"output": YUAN}), Line(32_000, None, {"input": 3 * YUAN})
    lines = [Line(prices=usual), night, long]
    made = []
    for _n in range(3):
        endpoint = listing.create_endpoint(
            provider=yongli, model=model, base_url="https://models.yongli.example/v1", upstream_model="stage",
            region=Site.objects.filter(organisation=yongli)[0].region, output_tokens=8192, secret="sk-stage",
            actor=ACTOR, now=now,
        )  # fmt: skip
        listing.set_prices(endpoint=endpoint, rates=rates_of(lines), actor=ACTOR, now=now)
        made.append(endpoint)
    draft, waiting, served = made
    for endpoint in (waiting, served):
        listing.submit(endpoint=endpoint, actor=ACTOR, now=now)
    listing.approve(endpoint=served, actor=ACTOR, now=now)
    dearer = {"endpoint": served, "rates": rates_of([Line(prices=more)]), "starts_at": now + timedelta(days=1)}
    listing.set_prices(**dearer, actor=ACTOR, now=now)
    return {"model_draft": draft.public_id, "model": served.public_id, "model_pk": str(waiting.pk)}


def _calls(jiangnan: Organisation, now) -> dict[str, str]:
    """A key with every limit, and two calls of the model above: one answered by the second provider, one broken off."""
    buyer, model = User.objects.get(email="buyer@suanli.test"), AiModel.objects.get(slug="stage-chat")
    endpoint = model.endpoints.get(state="published")
    key, _text = key_actions.make_key(
        organisation=jiangnan, user=buyer, created_by=buyer, name="till", allowed=["stage-chat"], cap_uy=5 * YUAN,
        calls_per_minute=60, tokens_per_minute=100_000, addresses=["192.0.2.0/24"], now=now)
    leases.borrow(company=jiangnan.pk, need_uy=YUAN, pack="", epoch="stage", now=now)
    tried = [{"endpoint": endpoint.public_id, "status": 503, "ms": 20, "why": "status"},
             {"endpoint": endpoint.public_id, "status": 200, "ms": 900, "why": ""}]  # fmt: skip
    calls = [
        Event(id=public_id("gen"), organisation=jiangnan.pk, key=key.pk, model=model.pk, endpoint=endpoint.pk,
              door="chat", stream=True, received_ms=int(now.timestamp() * 1000), epoch="stage", first_ms=80,
              total_ms=900,
              status=200, reserved_uy=40_000, prices={"input": 2 * YUAN, "output": 8 * YUAN}, attempts=tried, **more)
        for more in ({"end": "stop", "counts": [900, 100, 0, 1_200, 0], "charge_uy": 11_600},
                     {"end": "upstream", "counts": [0, 0, 0, 0, 0], "charge_uy": 0})]  # fmt: skip
    booking.book([call.line().decode() for call in calls], now=now)
    return {"model_key": key.public_id, "model_call": calls[0].id}


def _loans(yongli: Organisation, harbour: Organisation, now) -> dict[str, str]:
    """Hours granted to the factory; a loan, an application with an offer, and one that nobody has answered."""
    cpu = ResourceClass.objects.get(key="cpu")
    lot = ledger.LotSpec(now + timedelta(days=300), "slot:stage")
    backing = ledger.open(owner=None, kind=Kind.CLAIMS_BACKING, asset=cpu.asset)
    claims = ledger.open(owner=yongli, kind=Kind.CLAIMS, asset=cpu.asset)
    legs = [ledger.Leg(backing, -3000 * HOUR), ledger.Leg(claims, 3000 * HOUR, lot)]
    ledger.post(key="stage", reason="claim_earned", cause="slot:stage", legs=legs, now=now)

    def ask(purpose: str) -> Application:
        return lending.apply(
            organisation=yongli, resource_class=cpu, pledge_cms=900 * HOUR, amount_uy=20 * YUAN, months=6,
            purpose=purpose, now=now, actor=ACTOR,
        )  # fmt: skip

    def offer(application: Application) -> Offer:
        return lending.add_offer(
            application=application, lender=harbour, amount_uy=20 * YUAN, rate_ppm=60_000, months=6, now=now,
            actor=ACTOR,
        )  # fmt: skip

    loan = lending.accept(offer=offer(ask("A second mould")), now=now, actor=ACTOR)
    answered, waiting = ask("A new press"), ask("A new roof")
    return {
        "loan": loan.public_id,
        "answered": answered.public_id,
        "offer": offer(answered).public_id,
        "waiting": waiting.public_id,
    }


def _strangers(now) -> dict[str, str]:
    """A company that waits for its approval, and somebody without a company."""
    User.objects.create_user("nobody@suanli.test", "suanli-demo")
    person = User.objects.create_user("new@suanli.test", "suanli-demo")
    made = accounts.register_company(
        user=person, name="Stage Bakery", uscc=uscc.complete("91330100MA9JQ001"), industry="catering", employees=9,
        revenue_wan=90, assets_wan=30, is_provider=False, now=now,
    )  # fmt: skip
    return {"registered_pk": str(made.pk)}
