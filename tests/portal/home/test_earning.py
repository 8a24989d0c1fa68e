"""The page for whoever has idle machines: an example from the platform's own figures, and the way in."""

import pytest

from marketplace.catalogue.models import IndexPrice
from portal.home import earning

pytestmark = pytest.mark.django_db


@pytest.fixture
def priced(cpu, now):
    return IndexPrice.objects.create(resource_class=cpu, date=now.date(), price_uy=90_000, source="test")


def test_the_example_is_a_week_of_nights_at_the_published_price(priced, now):
    example = earning.example(now=now)
    assert example.quantity_cms == 70 * 8 * 3_600_000
    gross = 560 * 90_000 * example.weight_ppm // 1_000_000
    assert abs(example.all_uy - gross * 92 // 100) <= 1_000  # to a tenth of a fen: rounding is against the depositor
    assert example.all_uy <= gross * 92 // 100
    assert 0 < example.ready_uy < example.all_uy
    assert example.record is None


def test_without_a_price_there_is_no_example_but_a_page(client, db):
    assert client.get("/earn/").status_code == 200


def test_a_stranger_who_asks_for_the_bank_is_told_how_it_works(client, priced):
    assert 'href="/earn/"' in client.get("/").content.decode()
    page = client.get("/earn/").content.decode()
    assert "/accounts/signup/" in page and "If every hour is sold" in page


def test_a_company_is_led_to_its_machine(client, priced, jiangnan, bo, django_assert_num_queries):
    client.force_login(bo)
    client.get("/earn/")
    with django_assert_num_queries(7):
        assert "/c/jiangnan/sites/new/" in client.get("/earn/").content.decode()


def test_the_desk_of_a_provider_without_a_machine_says_what_is_next(client, priced, jiangnan, bo):
    client.force_login(bo)
    assert "Register a machine" not in client.get("/dashboard/").content.decode()
    jiangnan.is_provider = True
    jiangnan.save()
    assert "Register a machine" in client.get("/dashboard/").content.decode()
