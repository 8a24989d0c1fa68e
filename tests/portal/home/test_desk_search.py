"""The desk's search finds people and whole words first, and one Chinese character; the board counts what is mine."""

from datetime import timedelta

import pytest
from django.utils import translation

from marketplace.billing import actions as billing
from marketplace.billing import bookings
from portal.accounts.models import Organisation
from portal.core import clock
from portal.home import finding, staff
from tests.conftest import join, make_user

pytestmark = pytest.mark.django_db


def names(text: str) -> list[str]:
    return [one.name for one in finding.find(text, may=lambda _permission: True)]


def test_a_person_comes_before_a_company_that_has_the_letters_inside_a_word(client, chen, jiangnan):
    assert names("chen") == ["chen@suanli.test", jiangnan.name]
    client.force_login(chen)
    page = client.get("/admin/find/", {"q": "chen"})
    assert page.status_code == 200  # not led to one of them


def test_letters_inside_a_word_alone_do_not_lead_to_a_page(client, wang, jiangnan):
    client.force_login(wang)
    assert client.get("/admin/find/", {"q": "tchen"}).status_code == 200
    assert client.get("/admin/find/", {"q": "kitch"}).status_code == 302


def test_whole_words_of_companies_come_before_parts_of_people(jiangnan):
    join(make_user("eviltchen@jiangnan.test"), jiangnan, "buyer")
    Organisation.objects.filter(pk=jiangnan.pk).update(name="Tchen Trading")
    assert names("tchen") == ["Tchen Trading", "eviltchen@jiangnan.test"]


def test_one_chinese_character_is_searched_for_and_one_letter_is_not(jiangnan):
    assert names("厨") == [jiangnan.name]
    assert names("J") == []


def test_the_name_of_a_package_finds_its_orders_before_the_products(market, funded):
    order = market.place(funded)
    package = order.quote.offering.package
    found = finding.find(package.name_zh, may=lambda _permission: True)
    kinds = [one.kind for one in found]
    assert order.number in [one.name for one in found]
    assert kinds.index("Order") < kinds.index("Offering")


def test_what_i_asked_for_waits_for_somebody_else_and_not_for_me(client, jiangnan, wang, fang):
    bookings.unannounced(
        organisation=jiangnan, amount_uy=500_000_000, bank_reference="B-1", reason="Their name is on it.", user=wang,
        now=clock.now() - timedelta(hours=5),
    )  # fmt: skip
    counts = {}
    for user in (wang, fang):
        queue = {q.key: q for q in staff.queues(now=clock.now(), user=user)}["booking"]
        counts[user.email] = (queue.count, queue.own, queue.oldest_at is not None)
    assert counts == {"wang@suanli.test": (0, 1, False), "fang@suanli.test": (1, 0, True)}
    client.force_login(wang)
    assert "1 that you asked for waits for somebody else" in client.get("/admin/").content.decode()
    assert billing.wallet_of(jiangnan).posted == 0


def test_what_is_found_by_a_name_that_is_not_shown_comes_last(chen, market, funded):
    order = market.place(funded)
    package = order.quote.offering.package
    type(package).objects.filter(pk=package.pk).update(name_en="Central kitchen plan")
    with translation.override("zh-hans"):
        found = finding.find("chen", may=lambda _permission: True)
    assert found[0].name == "chen@suanli.test"
    assert {one.name for one in found if not one.is_inside} == {"chen@suanli.test"}
