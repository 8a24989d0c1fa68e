"""The page for whoever has idle machines: an example from the platform's own figures, and the way in."""

import pytest

from marketplace.catalogue.models import IndexPrice
from portal.home import earning

pytestmark = pytest.mark.django_db


@pytest.fixture
def priced(cpu, now):
    return IndexPrice.objects.create(resource_class=cpu, date=now.date(), price_uy=90_000, source="test")


def test_the_example_is_a_week_of_nights_at_the_published_price(priced, now):
    example = earning.example(cores=8, now=now)
    assert (example.painted_cms, example.weight_text) == (560 * 3_600_000, "0.57")
    assert example.full_uy == 28_730_000  # 560 × 0.57 × 0.09 = 28.728
    assert (example.lead, example.assumed.work_text) == (example.assumed, "19.34")
    assert (example.assumed.gross_uy, example.assumed.fee_uy) == (5_560_000, 440_000)
    assert example.none.idle_uy == 6_100_000  # 560 × 85 % × 0.57 × 0.09 × 25 % = 6.1047
    assert (example.record, example.none.ready_uy, example.none.most_uy) == (None, 0, 0)  # there is no reserve


def test_without_a_price_there_is_no_example_but_a_page(client, db):
    assert client.get("/earn/").status_code == 200


@pytest.mark.parametrize(("cores", "says", "full"), [
    (2, "nights of this machine, 2 cores", "7.18"), (None, "a machine of 8 cores, for instance", "28.73"),
])
def test_a_stranger_who_asks_for_the_bank_is_told_how_it_works(client, priced, monkeypatch, cores, says, full):
    monkeypatch.setattr("marketplace.engines.local.engine.LocalEngine.machine_cores", lambda _engine: cores)
    assert 'href="/earn/"' in client.get("/").content.decode()
    page = client.get("/earn/").content.decode()
    assert "/accounts/signup/?next=/earn/begin/" in page and full in page and says in page
    assert "What can be connected today" in page and "Banked hours as a pledge count for" in page


def test_a_company_is_led_to_its_machine(client, priced, jiangnan, bo, django_assert_num_queries):
    client.force_login(bo)
    client.get("/earn/")
    with django_assert_num_queries(12):
        assert "/c/jiangnan/sites/new/" in client.get("/earn/").content.decode()


def test_the_desk_of_a_provider_without_a_machine_says_what_is_next(client, priced, jiangnan, bo):
    client.force_login(bo)
    assert "Register a machine" not in client.get("/dashboard/").content.decode()
    jiangnan.is_provider = True
    jiangnan.save()
    assert "Register a machine" in client.get("/dashboard/").content.decode()


def test_the_way_in_asks_for_a_company_with_its_box_ticked_and_leads_to_its_first_machine(client, cpu):
    from django.contrib.auth import get_user_model

    from portal.accounts.models import Organisation
    from portal.accounts.uscc import complete

    assert client.get("/earn/begin/").url == "/accounts/login/?next=/earn/begin/"
    signed = client.post("/accounts/signup/", {"email": "ops@mould.test", "password1": "a-long-pass-word",
                                               "next": "/earn/begin/"})
    assert signed.url == "/earn/begin/" and get_user_model().objects.get(email="ops@mould.test")
    asked = client.get(signed.url).url
    assert asked == "/register/?provider=1&next=%2Fearn%2Fbegin%2F"
    text = client.get(asked).content.decode()
    assert 'name="is_provider" id="id_is_provider" checked' in " ".join(text.split())
    assert "before you register a machine" in text and "Back to where you were" not in text
    answer = client.post(asked, {
        "name": "Mould Works", "uscc": complete("91330100MA123456"), "industry": "industry", "employees": 9,
        "revenue_wan": 100, "assets_wan": 50, "is_provider": "on", "next": "/earn/begin/",
    })
    company = Organisation.objects.get(name="Mould Works")
    assert company.is_provider and answer.url == "/earn/begin/"
    assert client.get(answer.url).url == f"/c/{company.slug}/sites/new/"


def test_who_comes_to_buy_is_not_asked_about_machines(client, django_user_model):
    client.force_login(django_user_model.objects.create_user("new@shop.test", "x"))
    text = " ".join(client.get("/register/").content.decode().split())
    assert 'name="name"' in text and "is_provider" not in text
