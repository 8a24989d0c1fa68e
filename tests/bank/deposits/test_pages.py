"""The depositor's pages, as a person clicks them; and the doors for programs and staff."""

from datetime import UTC, date, datetime

import pytest
from django.urls import reverse

from bank.deposits import nights
from bank.deposits.models import Deposit, SlotClose
from marketplace.dispatch.models import Site, Slot
from marketplace.orders.models import Order
from portal.core import clock
from portal.core.words import banked as as_banked

pytestmark = pytest.mark.django_db


@pytest.fixture
def zhao_client(client, zhao, monkeypatch, now):
    from portal.core import clock

    monkeypatch.setattr(clock, "now", lambda: now)
    client.force_login(zhao)
    return client


def page(name: str, *args) -> str:
    return reverse(f"deposits:{name}", args=["yongli", *args])


def form(factory, **fields) -> dict:
    return {"site": factory.site.public_id, "cards": 2, "from_date": "2026-11-23", "to_date": "2026-12-20",
            "notice_h": 12, "payout": "cash", "mode": "consignment", "hour": ["22", "23"], **fields}


def test_without_a_site_the_bank_shows_the_first_step(zhao_client):
    answer = zhao_client.get(page("bank"))
    assert answer.status_code == 200
    assert page("site_new") in answer.content.decode()


def test_registering_a_site_starts_its_benchmark(zhao_client, factory):
    from marketplace.catalogue.models import Region

    answer = zhao_client.post(page("site_new"), {"name": "Hall 2", "region": Region.objects.get().pk, "cards": 1})
    site = Site.objects.get(name="Hall 2")
    assert answer.url == page("site", site.public_id)
    assert site.state == Site.State.VERIFYING and site.verify_due_at is not None
    assert 'hx-trigger="every 1s"' in zhao_client.get(answer.url).content.decode()
    Site.objects.filter(pk=site.pk).update(state=Site.State.FAILED, verify_due_at=None)
    assert "Try again" in zhao_client.get(answer.url).content.decode()
    zhao_client.post(answer.url)
    site.refresh_from_db()
    assert (site.state, site.verify_attempts) == (Site.State.VERIFYING, 2)


def test_a_name_that_is_taken_is_said_at_the_field(zhao_client, factory):
    from marketplace.catalogue.models import Region

    answer = zhao_client.post(page("site_new"), {"name": "Night shop", "region": Region.objects.get().pk, "cards": 1})
    assert answer.status_code == 422
    assert "already have a site" in answer.content.decode()


def test_htmx_gets_the_estimate_alone(zhao_client, factory):
    answer = zhao_client.get(page("bank"), form(factory, hour=["24", "25"]), headers={"HX-Request": "true"})
    text = answer.content.decode()
    assert "<html" not in text and "For work, about, each week" in text
    assert "0.04" in text  # 0.22 × 17 % − 8 %


def test_painted_hours_are_deposited_and_stand_on_the_page(zhao_client, factory):
    answer = zhao_client.post(page("bank"), form(factory), follow=True)
    assert Slot.objects.count() == 2
    assert "2 hours of the coming week are in the pool" in answer.content.decode()
    assert "22:00–24:00" in answer.content.decode()


def test_an_overlap_is_said_and_the_painting_kept(zhao_client, factory):
    zhao_client.post(page("bank"), form(factory))
    answer = zhao_client.post(page("bank"), form(factory, hour=["23", "30"]))
    text = answer.content.decode()
    assert answer.status_code == 409
    assert "An hour has one owner" in text and "Monday 23:00" in text
    assert Deposit.objects.count() == 1


def test_taking_back_says_what_it_costs_first(zhao_client, factory):
    made = factory.deposit(notice_h=24)
    day = {"date": "2026-11-23"}
    text = zhao_client.get(page("take_back", made.public_id), day).content.decode()
    assert "Take them back" in text and "0.2" in text
    assert Slot.objects.filter(recalled_cms__gt=0).count() == 0
    zhao_client.post(page("take_back", made.public_id), day)
    assert Slot.objects.filter(recalled_cms__gt=0).count() == 14  # 10:00 to 24:00
    zhao_client.post(page("take_back", made.public_id))
    made.refresh_from_db()
    assert made.state == Deposit.State.ENDED


def test_somebody_elses_things_are_not_there(client, lin, factory):
    made = factory.deposit()
    client.force_login(lin)
    assert client.get(page("bank")).status_code == 404
    for address in (reverse("deposits:site", args=["jiangnan", factory.site.public_id]),
                    reverse("deposits:take_back", args=["jiangnan", made.public_id])):
        assert client.get(address).status_code == 404
        assert client.post(address).status_code == 404
    made.refresh_from_db()
    assert made.state == Deposit.State.OPEN


def test_finance_looks_but_does_not_deposit(client, mei, jiangnan, factory):
    Site.objects.update(organisation=jiangnan)
    client.force_login(mei)
    address = reverse("deposits:bank", args=["jiangnan"])
    assert client.get(address).status_code == 200
    assert client.post(address, form(factory)).status_code == 403
    assert not Deposit.objects.exists()


def test_closed_hours_and_banked_hours_stand_on_the_page(zhao_client, factory, buyer, yongli):
    from datetime import timedelta

    factory.deposit(payout="hours")
    slot = factory.slot()
    order = factory.order(buyer, at=slot.hour + timedelta(minutes=1))
    factory.run(order, used_cms=3_600_00, at=slot.hour + timedelta(minutes=2))
    factory.close(slot)
    Slot.objects.update(is_simulated=True)
    SlotClose.objects.update(is_simulated=True)
    text = zhao_client.get(page("bank")).content.decode()
    assert "What became of every hour" in text and "Simulated time" in text
    assert "0.10" in text  # hours banked
    text = zhao_client.get(page("earnings")).content.decode()
    assert order.number in text and "closed and paid" in text and "Jiangnan" not in text


def test_a_withdrawal_begins_with_a_quote_in_hours(zhao_client, factory, buyer, yongli):
    from io import BytesIO

    factory.deposit(payout="hours")
    script = BytesIO(b"print(1)\n")
    script.name = "job.py"
    address = page("withdraw")
    assert factory.offering.public_id in zhao_client.get(address).content.decode()
    zhao_client.post(address, {"offering": factory.offering.public_id, "units": 1, "file": script})
    from marketplace.orders.models import Quote

    assert not Quote.objects.exists()  # this hour is not deposited: no room, said on the page
    Slot.objects.filter(site=factory.site).delete()
    from marketplace.dispatch import actions as dispatch
    from portal.core.clock import hour_of

    dispatch.open_slots(site=factory.site, hours=[hour_of(factory.now)], source="deposit:x", now=factory.now)
    script.seek(0)
    answer = zhao_client.post(address, {"offering": factory.offering.public_id, "units": 1, "file": script})
    quote = Quote.objects.get()
    assert (quote.asset, quote.cap) == ("CH:CPU", 1_800_000 * 1_048 // 1000)
    text = zhao_client.get(answer.url).content.decode()
    assert "banked hours at most" in text and "banked hours are missing" in text and "CNY 1" not in text


def test_a_bad_file_is_refused_with_what_to_do(zhao_client, factory):
    from io import BytesIO

    script = BytesIO(b"print(\n")
    script.name = "job.py"
    answer = zhao_client.post(page("withdraw"), {"offering": factory.offering.public_id, "units": 1, "file": script})
    assert answer.status_code == 422
    assert "Nothing was reserved" in answer.content.decode()


def test_programs_register_deposit_and_read(zhao_client, factory):
    head = {"Idempotency-Key": "k1", "Suanli-Company": "yongli"}
    body = {"site": factory.site.public_id, "hours": [22, 23], "cards": 2, "from_date": "2026-11-23",
            "to_date": "2026-12-20", "payout": "cash"}
    first = zhao_client.post("/api/v1/deposits/", body, content_type="application/json", headers=head)
    again = zhao_client.post("/api/v1/deposits/", body, content_type="application/json", headers=head)
    assert first.status_code == again.status_code == 201, first.content
    assert first.json() == again.json()
    assert Deposit.objects.get().from_date == date(2026, 11, 23)
    slots = zhao_client.get("/api/v1/slots/", headers=head).json()["items"]
    assert [(s["quantity_cms"], s["close"]) for s in slots] == [("7200000", None)] * 2
    assert zhao_client.get("/api/v1/sites/", headers=head).json()["items"][0]["state"] == "verified"
    assert zhao_client.get("/api/v1/banked-hours/", headers=head).json() == {"items": []}
    taken = zhao_client.post("/api/v1/deposits/", body, content_type="application/json",
                             headers={**head, "Idempotency-Key": "k2"})
    assert (taken.status_code, taken.json()["error"]["code"]) == (409, "hours_taken")
    made = zhao_client.post("/api/v1/sites/", {"name": "Hall 9", "region": "zhejiang", "cards": 1},
                            content_type="application/json", headers={**head, "Idempotency-Key": "k3"})
    assert (made.status_code, made.json()["state"]) == (201, "verifying")


def test_staff_look_at_deposits_and_closes_and_change_nothing(client, chen, factory):
    factory.deposit()
    factory.close(factory.slot())
    client.force_login(chen)
    row = SlotClose.objects.get()
    for path in (
        "/admin/deposits/slotclose/", f"/admin/deposits/slotclose/{row.pk}/change/", "/admin/deposits/deposit/",
    ):
        assert client.get(path).status_code == 200
    assert client.post(f"/admin/deposits/slotclose/{row.pk}/change/", {"cash_uy": 5}).status_code == 403


def test_the_bank_page_asks_few_questions(zhao_client, factory, django_assert_max_num_queries):
    factory.deposit(payout="hours")
    for n in range(1, 5):
        factory.close(factory.slot(n))
    with django_assert_max_num_queries(40):
        zhao_client.get(page("bank"))


@pytest.mark.parametrize(
    ("state", "says"), [("verifying", "Watch the benchmark"), ("failed", "See why, and try again")]
)
def test_before_the_benchmark_has_passed_the_bank_says_the_next_step(zhao_client, factory, state, says):
    Site.objects.update(state=state)
    text = zhao_client.get(page("bank")).content.decode()
    assert says in text and page("site", factory.site.public_id) in text


def test_who_has_no_banked_hours_is_told_before_bringing_a_file(zhao_client, factory):
    assert "No banked hours yet" in zhao_client.get(page("withdraw")).content.decode()


def test_who_earns_hours_reads_hours_first(zhao_client, factory, buyer):
    from datetime import timedelta

    factory.deposit(payout="hours")
    slot = factory.slot()
    order = factory.order(buyer, at=slot.hour + timedelta(minutes=1))
    factory.run(order, used_cms=3_600_00, at=slot.hour + timedelta(minutes=2))
    factory.close(slot)
    first = zhao_client.get(page("earnings")).context["stats"][0]
    assert (first["label"], first["text"]) == ("Banked hours", "0.1013")
    text = zhao_client.get(page("bank")).content.decode()
    assert '<span class="num">0.1013</span>' in text and "all worth CNY 0.01 at the price of 1 Nov 2026" in text


def test_an_hours_price_stands_beside_what_a_run_takes(zhao_client, factory, buyer):
    from datetime import timedelta

    from bank.deposits import withdrawals

    factory.deposit(payout="hours")
    for used in (720, 3_600, 36_000):
        order = factory.order(buyer, at=factory.slot().hour + timedelta(minutes=1))
        factory.run(order, used_cms=used, at=factory.slot().hour + timedelta(minutes=2))
        Order.objects.filter(pk=order.pk).update(state="delivered")
    factory.close(factory.slot())
    (found,) = withdrawals.usual([factory.offering], factory.now)
    assert (found.runs, found.taken_cms, found.cash_uy) == (3, 3_600, order.quote.cap)
    text = " ".join(zhao_client.get(page("bank")).content.decode().split())
    assert "the middle one of its last 3 runs; reserved now 0.5240, in cash at most CNY 5" in text
    assert "0.0010 core-hours" in text
    assert "price of 1 Nov 2026" in text and "CNY 0.10" in text


def test_borrowing_is_offered_for_what_is_free(zhao_client, factory, buyer, yongli):
    from datetime import timedelta

    from bank.ledger import actions as ledger

    factory.deposit(payout="hours")
    order = factory.order(buyer, at=factory.slot().hour + timedelta(minutes=1))
    factory.run(order, used_cms=360_000, at=factory.slot().hour + timedelta(minutes=2))
    factory.close(factory.slot())
    assert "Borrow against my free hours" in zhao_client.get(page("bank")).content.decode()
    claims = ledger.open(owner=yongli, kind="claims", asset="CH:CPU")
    all_of_it = zhao_client.get(page("bank")).context["free_cms"]
    ledger.hold(key="hold:1", account=claims, amount=all_of_it, cause="test:1", now=factory.now)
    text = zhao_client.get(page("bank")).content.decode()
    assert "Borrow against my free hours" not in text and "Run something with my hours" not in text


def test_the_form_keeps_what_was_chosen_last(zhao_client, factory):
    from bank.deposits.forms import DepositForm

    def shown() -> dict:
        found: DepositForm = zhao_client.get(page("bank")).context["form"]
        return {name: found.initial[name] for name in ("cards", "to_date", "notice_h", "payout", "mode")}

    assert shown()["payout"] == "hours"
    zhao_client.post(page("bank"), form(factory, cards=1, notice_h=24, mode="firm"))
    assert shown() == {"cards": 1, "to_date": date(2026, 12, 20), "notice_h": 24, "payout": "cash", "mode": "firm"}


def estimate(client, factory, **fields) -> str:
    text = client.get(page("bank"), form(factory, **fields), headers={"HX-Request": "true"}).content.decode()
    return " ".join(text.split())


def test_without_a_record_the_estimate_says_that_it_is_an_assumption(zhao_client, factory):
    text = estimate(zhao_client, factory, hour=["24", "25"], mode="firm")
    assert "As we assume: nothing has been closed here yet" in text and "As the record goes" not in text
    assert "0.22 × 17 % found work" in text and "(4 × 100 % availability − 0.68) × 0.55 × 0.10 × 25 %" in text
    assert "Electricity and wear are yours" in text and "for standing ready" in text


def test_the_record_leads_as_soon_as_there_is_one_and_the_assumption_follows_as_such(zhao_client, factory):
    factory.deposit()
    factory.close(factory.slot())
    SlotClose.objects.update(quantity_cms=72_000_000, delivered_cms=3_600_000, idle_unverified_cms=68_400_000)
    text = estimate(zhao_client, factory, from_date="2027-06-01", to_date="2027-07-01")
    assert "In the last 30 days 1.00 of 20 core-hours deposited here found work: 1 hour closed since" in text
    said = [text.index(words) for words in ("As it went here so far", "As the record goes", "An assumption, not the")]
    assert said == sorted(said)
    assert "× 5 % found work" in text
    SlotClose.objects.update(is_simulated=True)
    text = estimate(zhao_client, factory, from_date="2027-06-01", to_date="2027-07-01")
    assert "All of that is simulated time." in text


def test_after_a_deposit_the_page_stands_at_its_top_with_the_message_and_nothing_painted(zhao_client, factory):
    answer = zhao_client.post(page("bank"), form(factory))
    assert answer.url == page("bank")
    text = zhao_client.get(answer.url).content.decode()
    assert "Deposited." in text and text.count('disabled aria-label="Monday 2') == 2 and "checked" not in grid(text)
    again = zhao_client.post(page("bank"), form(factory, hour=[]))  # a second press finds nothing painted
    assert again.status_code == 422 and Deposit.objects.count() == 1


def grid(text: str) -> str:
    return text[text.index('class="paint"') : text.index("</fieldset>")]


def test_hours_deposited_already_are_drawn_as_taken_for_the_days_they_are_taken(zhao_client, factory):
    zhao_client.post(page("bank"), form(factory, to_date="2026-11-30"))
    shown = zhao_client.get(page("bank"), form(factory, from_date="2026-11-25")).content.decode()
    assert grid(shown).count("disabled") == 2
    drawn = f"{factory.site.public_id} 2026-11-25 2026-12-20"
    later = form(factory, from_date="2026-12-01", drawn=drawn)
    part = zhao_client.get(page("bank"), later, headers={"HX-Request": "true"}).content.decode()
    assert 'hx-swap-oob="true"' in part and "disabled" not in grid(part)
    same = form(factory, from_date="2026-11-25", drawn=drawn)
    part = zhao_client.get(page("bank"), same, headers={"HX-Request": "true"}).content.decode()
    assert "hx-swap-oob" not in part


def test_the_button_stands_above_the_estimate_that_changes_under_it(zhao_client, factory):
    text = zhao_client.get(page("bank")).content.decode()
    assert text.index("Deposit these hours") < text.index('id="estimate"')


def test_the_chosen_package_says_at_once_what_it_needs(zhao_client, factory):
    from marketplace.catalogue.models import Package

    Package.objects.update(bring_en="A script in Python.", sample="script/sample.py")
    asked = {"offering": factory.offering.public_id, "units": "2"}
    text = zhao_client.get(page("withdraw"), asked, headers={"HX-Request": "true"}).content.decode()
    assert "<html" not in text and "A script in Python." in text
    assert reverse("catalogue:sample", args=[factory.offering.package.code]) in text and "Reserved at most" in text
    whole = zhao_client.get(page("withdraw"), asked).content.decode()
    assert "A script in Python." in whole and 'value="2"' in whole


def test_a_missing_file_is_said_with_what_to_do(zhao_client, factory):
    from marketplace.catalogue.models import Package

    Package.objects.update(bring_en="A script in Python.")
    answer = zhao_client.post(page("withdraw"), {"offering": factory.offering.public_id, "units": 1})
    text = answer.content.decode()
    assert answer.status_code == 422 and "No file was chosen." in text and "A script in Python." in text


def chosen(client, factory, **asked) -> str:
    asked = {"offering": factory.offering.public_id, **asked}
    answer = client.get(page("withdraw"), asked, headers={"HX-Request": "true"})
    return " ".join(answer.content.decode().split())


def test_a_withdrawal_shows_what_is_reserved_how_it_is_made_and_the_price_in_cash(zhao_client, factory):
    from bank.deposits import withdrawals
    from marketplace.orders.models import Quote

    cost = withdrawals.cost(factory.offering, 1, factory.now)
    assert (cost.most_cms, cost.weight_ppm, cost.now_cms) == (1_800_000, 1_048_000, 1_886_400)
    text = chosen(zhao_client, factory)
    assert text == chosen(zhao_client, factory, units="1")  # what stands in the field is what is worked out
    assert "1 core for 30 minutes" in text and "no run of this package lasts longer" in text
    assert "0.50" in text and "104.8 %" in text and "0.52" in text
    assert f"CNY {cost.cash_uy // 1_000_000}" in text and "The same run in cash, at most" in text
    from io import BytesIO

    from marketplace.dispatch import actions as dispatch
    from portal.core.clock import hour_of

    dispatch.open_slots(site=factory.site, hours=[hour_of(factory.now)], source="deposit:x", now=factory.now)
    script = BytesIO(b"print(1)\n")
    script.name = "job.py"
    zhao_client.post(page("withdraw"), {"offering": factory.offering.public_id, "units": 1, "file": script})
    assert Quote.objects.get().cap == cost.now_cms


def test_the_price_in_cash_is_what_a_quote_in_cash_would_cap(factory, buyer):
    from bank.deposits import withdrawals

    factory.deposit()
    quote = factory.order(buyer, at=factory.slot().hour).quote
    assert withdrawals.cost(factory.offering, 1, factory.now).cash_uy == quote.cap


def test_a_heading_of_the_grid_says_what_it_paints(zhao_client, factory):
    text = zhao_client.get(page("bank")).content.decode()
    assert text.count("data-line=") == 24 + 7
    assert 'data-line="h22" data-says="22: on every day"' in text
    assert 'data-line="d0" data-says="Mon: the whole day"' in text


def test_hours_that_are_taken_have_a_sign_of_their_own(zhao_client, factory):
    factory.deposit(hours=[22, 23])
    text = zhao_client.get(page("bank"), form(factory)).content.decode()
    assert '<i class="cell t"></i>2 hours deposited already' in text and 'class="cell r"' not in text


def test_every_night_is_painted_first_as_the_page_for_idle_machines_reckons(zhao_client, factory):
    shown = zhao_client.get(page("bank"))
    assert shown.context["painted"] == nights.EVERY_NIGHT and len(nights.EVERY_NIGHT) == 70
    assert {5 * 24 + 23, 6 * 24, 6 * 24 + 22, 0} <= set(nights.EVERY_NIGHT)  # Friday's night, and the weekend's
    text = shown.content.decode()
    assert 'data-preset="every">Every night</button>' in text


def test_only_tonight_is_tonight_with_its_days_and_no_other_night(zhao_client, factory, monkeypatch):
    monkeypatch.setattr(clock, "now", lambda: datetime(2026, 11, 28, 10, tzinfo=UTC))  # Saturday, 18:00 there
    shown = zhao_client.get(page("bank"))
    tonight, saturday = shown.context["tonight"], 5 * 24
    assert tonight.hours == [saturday + 22, saturday + 23, *(6 * 24 + hour for hour in range(8))]
    text = shown.content.decode()
    assert 'data-from="2026-11-28" data-until="2026-11-29">Only tonight</button>' in text
    one_night = form(factory, hour=tonight.hours, from_date="2026-11-28", to_date="2026-11-29")
    zhao_client.post(page("bank"), one_night)
    slots = list(Slot.objects.order_by("hour").values_list("hour", flat=True))
    assert len(slots) == 10 and slots[0] == datetime(2026, 11, 28, 14, tzinfo=UTC)
    assert "Expected for work in all, about:" in zhao_client.get(page("bank")).content.decode()


def test_what_is_left_of_a_night_that_runs_lies_on_its_morning():
    found = nights.tonight(datetime(2026, 11, 28, 19, 30, tzinfo=UTC))  # Sunday, 03:30 there
    assert (found.hours[0], found.hours[-1], len(found.hours)) == (6 * 24 + 3, 6 * 24 + 7, 5)
    assert (found.from_date, found.to_date) == (date(2026, 11, 29), date(2026, 11, 29))


def test_an_open_deposit_says_what_was_estimated_while_it_was_painted(zhao_client, factory):
    painted = [h for h in nights.EVERY_NIGHT if h < 48]
    found = zhao_client.get(page("bank"), form(factory, hour=painted, payout="hours")).context["estimate"]
    zhao_client.post(page("bank"), form(factory, hour=painted, payout="hours"))
    answer = zhao_client.get(page("bank"))
    (view,) = answer.context["deposits"]
    assert view.expected == found and found.lead.work_cms > 0
    text = " ".join(answer.content.decode().split())
    assert f"Expected for work each week, about:</b> {as_banked(found.lead.work_cms)} banked hours" in text
    assert "An estimate, no promise" in text
    Deposit.objects.update(state=Deposit.State.ENDED)
    assert "Expected for work" not in zhao_client.get(page("bank")).content.decode()


def test_the_table_of_a_withdrawal_follows_what_is_typed_and_works_without_javascript(zhao_client, factory):
    text = zhao_client.get(page("withdraw")).content.decode()
    assert "input delay:400ms from:#id_units" in text and '<noscript><button class="btn" formmethod="get">' in text
    for typed in (1, 3):
        asked = {"offering": factory.offering.public_id, "units": typed}
        by_htmx = zhao_client.get(page("withdraw"), asked, headers={"HX-Request": "true"})
        plain = zhao_client.get(page("withdraw"), asked)
        submitted = zhao_client.post(page("withdraw"), asked)  # no file yet
        costs = [answer.context["cost"] for answer in (by_htmx, plain, submitted)]
        assert costs[0] == costs[1] == costs[2] and costs[0].units == typed


def test_when_cash_comes_is_told_in_one_sentence_with_its_dates(zhao_client, factory, monkeypatch):
    """An hour of Saturday night: nine tenths on the Monday after it, the tenth held back a week later."""
    monkeypatch.setattr(clock, "now", lambda: datetime(2026, 11, 28, 15, tzinfo=UTC))
    for name in ("bank", "earnings"):
        text = " ".join(zhao_client.get(page(name)).content.decode().split())
        assert "but for the 10 % of it held back for disputes, which is yours 72 hours after" in text
        assert "the one part on Monday, 30 Nov 2026, the other on Monday, 7 Dec 2026." in text


def test_the_dates_told_are_those_on_which_the_money_comes(factory, buyer, yongli):
    from datetime import timedelta

    from bank.deposits import payouts, queries

    factory.deposit(payout="cash")
    slot = factory.slot()
    order = factory.order(buyer, at=slot.hour + timedelta(minutes=1))
    factory.run(order, used_cms=360_000, at=slot.hour + timedelta(minutes=2))
    row = factory.close(slot)
    told = payouts.when_paid(slot.hour + timedelta(hours=1))
    assert told.next_date == told.rest_date == date(2026, 11, 30)  # closed on a Monday, released on the Thursday
    start = queries.start_of_day(told.rest_date)
    payouts.release_holdbacks(now=start - timedelta(minutes=1))
    payouts.pay_out_due(now=start + timedelta(minutes=1))
    assert sum(p.amount_uy for p in queries.payouts_of(yongli)) == (row.due_uy + row.held_uy) // 10_000 * 10_000 > 0
