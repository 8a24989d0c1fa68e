"""Registering a company: the action and its page."""

import re
from datetime import datetime

import pytest
from django.urls import reverse

from portal.accounts import actions, hooks, uscc
from portal.accounts.models import Industry, Membership, Organisation
from portal.accounts.sizing import MEASURES, classify, measures_of
from portal.accounts.views import TRADE
from portal.core.errors import Refused
from portal.history.models import Step

CODE = "91330100799655058B"


@pytest.fixture
def register(ren, now):
    def run(**changed):
        values = {
            "user": ren,
            "name": "Suchun Noodles 苏春面馆",
            "uscc": CODE,
            "industry": "catering",
            "employees": 35,
            "revenue_wan": 900,
            "assets_wan": 200,
            "is_provider": False,
            "now": now,
            **changed,
        }
        return actions.register_company(**values)

    return run


def test_it_makes_a_company_with_its_owner_and_a_step(register, ren, now):
    company = register()
    assert (company.slug, company.state, company.size_class) == ("suchun-noodles", "registered", "small")
    assert (company.uscc, company.created_at, company.is_provider) == (CODE, now, False)
    assert Membership.objects.get(organisation=company).role == "owner"
    step = Step.objects.get(subject=f"organisation:{company.public_id}", reason="registered")
    assert (step.before, step.after, step.actor, step.at) == ("", "registered", f"user:{ren.pk}", now)


def test_a_name_without_latin_letters_gets_a_short_id(register):
    company = register(name="苏春面馆")
    assert company.slug.startswith("c-")
    assert len(company.slug) == 8


def test_a_slug_that_is_taken_gets_an_ending(register, jiangnan):
    company = register(name="Jiangnan")
    assert company.slug.startswith("jiangnan-")
    assert company.slug != jiangnan.slug


def test_it_refuses_a_company_that_is_registered(register, jiangnan):
    with pytest.raises(Refused) as caught:
        register(uscc=jiangnan.uscc.lower())
    assert (caught.value.code, caught.value.params) == ("company_known", {"uscc": jiangnan.uscc})
    assert Organisation.objects.count() == 1


def test_it_refuses_a_wrong_code_and_changes_nothing(register):
    with pytest.raises(Refused, match="9 to 16"):
        register(uscc="91330100799655068B")
    assert not Organisation.objects.exists()
    assert not Step.objects.exists()


def test_higher_rooms_are_told_in_the_same_transaction(register, monkeypatch, now):
    told: list[tuple[str, datetime]] = []
    monkeypatch.setattr(hooks, "after_registration", [lambda company, at: told.append((company.slug, at))])
    register()
    assert told == [("suchun-noodles", now)]


def test_when_a_higher_room_fails_nothing_is_registered(register, monkeypatch):
    def fails(company, at):
        raise Refused("stale")

    monkeypatch.setattr(hooks, "after_registration", [fails])
    with pytest.raises(Refused):
        register()
    assert not Organisation.objects.exists()
    assert not Membership.objects.exists()


def test_the_page_needs_a_person(client, db):
    response = client.get(reverse("accounts:register"))
    assert response.status_code == 302
    assert response.url.startswith("/accounts/login/")


def test_the_page_registers_and_goes_where_the_person_wanted(as_, ren, form):
    response = as_(ren).post("/register/", {**form, "next": "/p/cat-fc/?file=upl_1"})
    assert response.status_code == 302
    assert response.url == "/p/cat-fc/?file=upl_1"
    company = Organisation.objects.get()
    assert company.uscc == CODE
    assert company.memberships.get().user == ren


def test_without_a_wish_it_goes_to_the_desk(as_, ren, form):
    assert as_(ren).post("/register/", form).url == "/dashboard/"


@pytest.mark.parametrize("wish", ["https://evil.example/x", "//evil.example", "javascript:alert(1)"])
def test_it_never_leaves_the_site(as_, ren, form, wish):
    assert as_(ren).post("/register/", {**form, "next": wish}).url == "/dashboard/"


def test_it_names_the_field_and_keeps_what_was_typed(as_, ren, form):
    response = as_(ren).post("/register/", {**form, "uscc": "91330100799655068B", "employees": "-1"})
    assert response.status_code == 422
    errors = response.context["form"].errors
    assert set(errors) == {"uscc", "employees"}
    assert "Position 17 (“8”)" in errors["uscc"][0] and "Position 18 (“B”)" in errors["uscc"][1]
    assert "whole number" in errors["employees"][0]
    assert "Suchun Noodles" in response.content.decode()
    assert not Organisation.objects.exists()


def test_every_missing_answer_says_what_to_do(as_, ren):
    errors = as_(ren).post("/register/", {}).context["form"].errors
    assert set(errors) == {"name", "uscc", "industry"}
    errors = as_(ren).post("/register/", {"industry": "construction"}).context["form"].errors
    assert set(errors) == {"name", "uscc", "revenue_wan", "assets_wan"}
    assert not any("required" in text for texts in errors.values() for text in texts)


def test_a_known_company_is_said_at_its_code(as_, ren, form, jiangnan):
    response = as_(ren).post("/register/", {**form, "uscc": jiangnan.uscc})
    assert response.status_code == 422
    assert "Ask its owner" in response.context["form"].errors["uscc"][0]
    assert Organisation.objects.count() == 1


def test_htmx_gets_the_size_class_alone(as_, ren):
    typed = {"industry": "catering", "employees": "280", "revenue_wan": "900", "assets_wan": "0"}
    response = as_(ren).get("/register/", typed, headers={"HX-Request": "true"})
    text = response.content.decode()
    assert text.lstrip().startswith('<div id="size"')
    assert "small" in text
    assert "CNY 20,000,000 of revenue or more" in text
    assert "<html" not in text


def test_while_answers_are_missing_htmx_gets_no_class(as_, ren):
    response = as_(ren).get("/register/", {"industry": "catering"}, headers={"HX-Request": "true"})
    assert "appears here" in response.content.decode()


@pytest.mark.parametrize("industry", Industry.values)
def test_every_trade_is_asked_what_its_rule_counts_and_nothing_else(as_, ren, form, industry):
    asked = measures_of(industry)
    page = as_(ren).get("/register/", {"industry": industry}, headers={"HX-Request": "true", "HX-Target": "measures"})
    text = page.content.decode()
    assert tuple(measure for measure in MEASURES if f'name="{measure}"' in text) == asked
    told = {key: value for key, value in form.items() if key not in MEASURES}
    answers = {**told, "industry": industry}
    assert set(as_(ren).post("/register/", answers).context["form"].errors) == set(asked)
    assert not Organisation.objects.exists()
    assert as_(ren).post("/register/", {**answers, **dict.fromkeys(asked, "50")}).status_code == 302
    company = Organisation.objects.get()
    assert {measure: getattr(company, measure) for measure in MEASURES} == {
        measure: 50 if measure in asked else None for measure in MEASURES
    }
    assert company.size_class == classify(industry, **dict.fromkeys(asked, 50)).size_class


def test_a_figure_that_the_rule_does_not_count_is_not_even_looked_at(as_, ren, form):
    assert as_(ren).post("/register/", {**form, "assets_wan": "many"}).status_code == 302
    assert Organisation.objects.get().assets_wan is None


def test_another_trade_keeps_what_was_typed(as_, ren):
    typed = {"industry": "software_it", "employees": "12", "revenue_wan": ""}
    page = as_(ren).get("/register/", typed, headers={"HX-Request": "true", "HX-Target": "measures"})
    assert 'value="12"' in page.content.decode()


def test_the_trade_of_the_file_that_was_dropped_in_is_chosen_already(as_, ren):
    client = as_(ren)
    session = client.session
    session[TRADE] = "catering"
    session.save()
    text = client.get("/register/").content.decode()
    assert '<option value="catering" selected>' in text
    assert 'name="employees"' in text and 'name="assets_wan"' not in text


def test_a_demonstration_offers_a_code_that_is_right(as_, ren, settings, form):
    settings.DEMO = True
    text = as_(ren).get("/register/?next=/p/cat-fc/").content.decode()
    code = re.search(r'data-fill="id_uscc" data-value="(91330100MA[0-9A-Z]{8})"', text).group(1)
    assert uscc.parse(code) == code
    assert "belongs to no company" in text and 'id="id_uscc"' in text
    without_script = as_(ren).get(f"/register/?code={code}&next=%2Fp%2Fcat-fc%2F").content.decode()
    assert f'value="{code}"' in without_script and 'name="next" value="/p/cat-fc/"' in without_script


def test_where_companies_are_real_no_code_is_offered(as_, ren, settings):
    settings.DEMO = False
    text = as_(ren).get("/register/?code=91330100799655058B").content.decode()
    assert 'value="91330100' not in text and "fictitious" not in text


def test_two_at_once_register_one_company(own_database, now):
    import threading

    from django.db import connection

    from portal.accounts.models import User

    people = [User.objects.create_user(f"p{i}@x.test", "correct horse battery") for i in range(4)]
    results, barrier = [], threading.Barrier(4)

    def run(user):
        barrier.wait()
        try:
            actions.register_company(
                user=user,
                name="Suchun",
                uscc=CODE,
                industry="catering",
                employees=1,
                revenue_wan=1,
                assets_wan=1,
                is_provider=False,
                now=now,
            )
            results.append("registered")
        except Refused as refused:
            results.append(refused.code)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(user,)) for user in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == ["company_known"] * 3 + ["registered"]
    assert Organisation.objects.count() == Membership.objects.count() == 1
