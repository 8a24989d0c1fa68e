from datetime import date

import pytest
from django.db import IntegrityError, transaction

from marketplace.catalogue import actions
from marketplace.catalogue.models import IndexPrice, Interest, Offering, Plan, ResourceClass
from portal.core.errors import Refused, Stale
from portal.history.models import Step
from tests.marketplace.catalogue.goods import CNY, make_package

pytestmark = pytest.mark.django_db
PRICE = {"base_uy": 10 * CNY, "core_limit_cms": 3_600_000}


def steps():
    return list(Step.objects.values_list("before", "after", "reason"))


def test_it_goes_from_draft_to_the_shelf_and_to_the_archive(draft, now):
    actions.set_price(offering=draft, actor="user:1", now=now, **PRICE)
    actions.submit(offering=draft, actor="user:1", now=now)
    actions.publish(offering=draft, actor="user:2", now=now)
    assert (draft.submitted_at, draft.published_at) == (now, now)
    actions.pause(offering=draft, actor="user:1", now=now)
    actions.resume(offering=draft, actor="user:1", now=now)
    actions.archive(offering=draft, actor="user:1", now=now)
    assert steps() == [
        ("", "draft", ""),
        ("", "registered", ""),  # the site it runs at
        ("draft", "draft", "listed"),
        ("draft", "draft", "price_set"),
        ("draft", "submitted", ""),
        ("submitted", "published", ""),
        ("published", "paused", ""),
        ("paused", "published", ""),
        ("published", "archived", ""),
    ]


def test_it_does_not_list_for_a_company_that_is_no_provider(jiangnan, package, region, cpu, now):
    with pytest.raises(Refused, match="not registered as a provider"):
        actions.create_offering(
            provider=jiangnan, package=package, resource_class=cpu, region=region, actor="user:1", now=now
        )
    assert not Offering.objects.exists()


def test_it_does_not_list_what_cannot_run(yongli, region, cpu, now):
    dream = make_package("agr-rs", is_runnable=False, recipe="")
    with pytest.raises(Refused) as refused:
        actions.create_offering(
            provider=yongli, package=dream, resource_class=cpu, region=region, actor="user:1", now=now
        )
    assert refused.value.code == "package_not_runnable"


def test_it_does_not_list_on_a_class_that_no_engine_has(yongli, package, region, now):
    card = ResourceClass.objects.create(
        key="h800_80g", asset="CH:H800_80G", kind="gpu", name_en="H800", unit_en="h"
    )
    with pytest.raises(Refused) as refused:
        actions.create_offering(
            provider=yongli, package=package, resource_class=card, region=region, actor="user:1", now=now
        )
    assert refused.value.code == "class_not_sellable"


def test_it_changes_a_draft(draft, now):
    actions.update_draft(
        offering=draft, actor="user:1", now=now, name="  Night kitchen ", notes="Answers by six."
    )
    draft.refresh_from_db()
    assert (draft.name, draft.notes) == ("Night kitchen", "Answers by six.")
    assert Step.objects.last().params == {"fields": ["name", "notes"]}


def test_it_writes_no_step_when_nothing_changes(draft, now):
    before = steps()
    actions.update_draft(offering=draft, actor="user:1", now=now, name="")
    assert steps() == before


def test_it_does_not_change_what_was_submitted(draft, now):
    actions.set_price(offering=draft, actor="user:1", now=now, **PRICE)
    stale = Offering.objects.get(pk=draft.pk)
    actions.submit(offering=draft, actor="user:1", now=now)
    with pytest.raises(Refused) as refused:
        actions.update_draft(offering=draft, actor="user:1", now=now, name="Other")
    assert refused.value.code == "offering_not_draft"
    with pytest.raises(Stale):
        actions.update_draft(offering=stale, actor="user:1", now=now, name="Other")
    draft.refresh_from_db()
    assert draft.name == ""


def test_it_does_not_submit_without_a_price(draft, now):
    with pytest.raises(Refused) as refused:
        actions.submit(offering=draft, actor="user:1", now=now)
    assert refused.value.code == "price_needed"
    draft.refresh_from_db()
    assert draft.state == "draft"


def test_it_does_not_submit_for_a_company_that_waits_for_approval(draft, yongli, now):
    actions.set_price(offering=draft, actor="user:1", now=now, **PRICE)
    yongli.state = "registered"
    yongli.save()
    draft.refresh_from_db()
    with pytest.raises(Refused) as refused:
        actions.submit(offering=draft, actor="user:1", now=now)
    assert refused.value.code == "company_not_approved"


def test_it_is_returned_with_a_sentence_and_submitted_again(draft, now):
    actions.set_price(offering=draft, actor="user:1", now=now, **PRICE)
    actions.submit(offering=draft, actor="user:1", now=now)
    actions.return_to_draft(
        offering=draft, reason="Say in the notes when results arrive.", actor="user:2", now=now
    )
    draft.refresh_from_db()
    assert (draft.state, draft.returned_reason) == ("draft", "Say in the notes when results arrive.")
    actions.submit(offering=draft, actor="user:1", now=now)
    assert draft.returned_reason == ""


def test_it_is_not_returned_without_a_reason(draft, now):
    actions.set_price(offering=draft, actor="user:1", now=now, **PRICE)
    actions.submit(offering=draft, actor="user:1", now=now)
    with pytest.raises(Refused) as refused:
        actions.return_to_draft(offering=draft, reason="  ", actor="user:2", now=now)
    assert refused.value.code == "reason_needed"
    draft.refresh_from_db()
    assert draft.state == "submitted"


def test_it_does_not_publish_a_draft_or_a_paused_one(draft, offering, now):
    with pytest.raises(Refused):
        actions.publish(offering=draft, actor="user:2", now=now)
    actions.pause(offering=offering, actor="user:1", now=now)
    with pytest.raises(Refused):
        actions.publish(offering=offering, actor="user:2", now=now)
    offering.refresh_from_db()
    assert offering.state == "paused"


def test_it_does_not_publish_twice(draft, now):
    actions.set_price(offering=draft, actor="user:1", now=now, **PRICE)
    actions.submit(offering=draft, actor="user:1", now=now)
    rival = Offering.objects.get(pk=draft.pk)
    actions.publish(offering=draft, actor="user:2", now=now)
    with pytest.raises(Stale):
        actions.publish(offering=rival, actor="user:3", now=now)


def test_a_new_price_ends_the_old_one_at_the_same_instant(offering, now, later):
    old = offering.plans.get()
    new = actions.set_price(offering=offering, actor="user:1", now=later(hours=1), **PRICE)
    old.refresh_from_db()
    assert (old.effective_from, old.effective_to) == (now, later(hours=1))
    assert (new.effective_from, new.effective_to) == (later(hours=1), None)
    assert list(offering.plans.at(later(minutes=59))) == [old]
    assert list(offering.plans.at(later(hours=1))) == [new]


def test_the_same_price_again_changes_nothing(offering, later):
    plan = offering.plans.get()
    same = {
        k: getattr(plan, k) for k in ("base_uy", "per_unit_uy", "rate_uy_per_hour", "core_limit_cms", "cores")
    }
    assert actions.set_price(offering=offering, actor="user:1", now=later(hours=1), **same) == plan
    assert Plan.objects.count() == 1


def test_two_ways_to_pay_stand_beside_each_other(offering, later):
    actions.set_price(offering=offering, billing_mode="reserved", actor="user:1", now=later(hours=1), **PRICE)
    assert offering.plans.at(later(hours=2)).count() == 2
    actions.end_price(offering=offering, billing_mode="reserved", actor="user:1", now=later(hours=3))
    assert offering.plans.at(later(hours=4)).get().billing_mode == "on_demand"


def test_it_does_not_end_the_last_price_of_what_is_sold(offering, later):
    with pytest.raises(Refused) as refused:
        actions.end_price(offering=offering, billing_mode="on_demand", actor="user:1", now=later(hours=1))
    assert refused.value.code == "price_needed"
    assert offering.plans.get().effective_to is None


@pytest.mark.parametrize(
    ("price", "code"),
    [
        ({"base_uy": -1, "core_limit_cms": 1}, "price_negative"),
        ({"core_limit_cms": 1}, "price_is_zero"),
        ({"base_uy": 1, "core_limit_cms": 0}, "limit_needed"),
        ({"base_uy": 1, "core_limit_cms": 1, "cores": 0}, "cores_needed"),
    ],
)
def test_it_refuses_a_price_that_is_none(draft, now, price, code):
    with pytest.raises(Refused) as refused:
        actions.set_price(offering=draft, actor="user:1", now=now, **price)
    assert refused.value.code == code
    assert not Plan.objects.exists()


@pytest.mark.parametrize("verb", ["set", "end"])
def test_the_price_stands_while_the_staff_look_at_it(draft, now, later, verb):
    plan = actions.set_price(offering=draft, actor="user:1", now=now, **PRICE)
    actions.submit(offering=draft, actor="user:1", now=now)
    by = {"offering": draft, "actor": "user:1", "now": later(hours=1)}
    with pytest.raises(Refused) as refused:
        if verb == "set":
            actions.set_price(**by, **{**PRICE, "base_uy": 999})
        else:
            actions.end_price(**by, billing_mode="on_demand")
    assert refused.value.code == "waits_for_approval"
    assert "Take it back first" in str(refused.value)
    plan.refresh_from_db()
    assert (Plan.objects.count(), plan.effective_to) == (1, None)


def test_it_does_not_price_what_is_archived(offering, later):
    actions.archive(offering=offering, actor="user:1", now=later(hours=1))
    with pytest.raises(Refused):
        actions.set_price(offering=offering, actor="user:1", now=later(hours=2), **PRICE)
    assert Plan.objects.count() == 1


def test_postgresql_refuses_two_prices_at_one_time(offering, later):
    with pytest.raises(IntegrityError, match="plan_one_on_demand_price_at_a_time"), transaction.atomic():
        Plan.objects.create(offering=offering, effective_from=later(days=1), **PRICE)


def test_postgresql_refuses_to_edit_a_price(offering, later):
    plan = offering.plans.get()
    with pytest.raises(IntegrityError, match="never edited"), transaction.atomic():
        Plan.objects.filter(pk=plan.pk).update(base_uy=1)
    Plan.objects.filter(pk=plan.pk).update(effective_to=later(hours=1))
    with pytest.raises(IntegrityError, match="never edited"), transaction.atomic():
        Plan.objects.filter(pk=plan.pk).update(effective_to=None)


def test_who_asks_twice_asks_once(package, lin, now):
    first = actions.tell_me_when(package=package, email=" Lin@Jiangnan.test", user=lin, now=now)
    again = actions.tell_me_when(package=package, email="lin@jiangnan.test", now=now)
    assert first == again
    actions.forget_interest(interest_id=first.pk)
    actions.forget_interest(interest_id=first.pk)
    assert not Interest.objects.exists()


def test_a_dated_index_price_stands(cpu):
    first = actions.record_index_price(
        resource_class=cpu, date=date(2026, 11, 1), price_uy=90_000, source="quotes"
    )
    same = actions.record_index_price(
        resource_class=cpu, date=date(2026, 11, 1), price_uy=90_000, source="quotes"
    )
    assert first == same
    with pytest.raises(Refused) as refused:
        actions.record_index_price(
            resource_class=cpu, date=date(2026, 11, 1), price_uy=80_000, source="quotes"
        )
    assert refused.value.code == "index_price_stands"
    assert IndexPrice.objects.get().price_uy == 90_000
