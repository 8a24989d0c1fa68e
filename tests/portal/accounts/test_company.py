"""The company's own page, what it may change, and what staff decide."""

import pytest
from django.core.exceptions import ValidationError

from portal.accounts import actions
from portal.accounts.models import Membership, Organisation, User
from portal.core.errors import Refused, Stale
from portal.history.models import Step


def text_of(response):
    return " ".join(response.content.decode().split())


@pytest.fixture
def waiting(jiangnan):
    Organisation.objects.filter(pk=jiangnan.pk).update(state="registered")
    jiangnan.refresh_from_db()
    return jiangnan


def test_the_page_says_what_the_company_may_buy(as_, lin, waiting):
    text = text_of(as_(lin).get("/c/jiangnan/"))
    assert "You can buy up to CNY 100 an order now; dearer orders wait for approval" in text


def test_the_page_shows_code_industry_and_the_rule(as_, lin, jiangnan):
    text = text_of(as_(lin).get("/c/jiangnan/"))
    for part in (
        jiangnan.uscc,
        "Catering",
        "280",
        "small",
        "100 employees or more",
        "CNY 20,000,000 of revenue",
    ):
        assert part in text


def test_the_page_shows_what_staff_wrote(as_, lin, jiangnan, now):
    actions.suspend(organisation=jiangnan, text="Licence ran out", now=now, actor="user:1")
    text = text_of(as_(lin).get("/c/jiangnan/"))
    assert "Suspended." in text
    assert "Licence ran out" in text


def test_approval_and_suspension_are_steps(waiting, now):
    actions.approve(organisation=waiting, now=now, actor="user:1")
    actions.suspend(organisation=waiting, text="Licence ran out", now=now, actor="user:1")
    actions.approve(organisation=waiting, now=now, actor="user:1", text="Renewed")
    steps = Step.objects.filter(subject=f"organisation:{waiting.public_id}")
    assert [(s.before, s.after, s.params["text"]) for s in steps] == [
        ("registered", "approved", ""),
        ("approved", "suspended", "Licence ran out"),
        ("suspended", "approved", "Renewed"),
    ]


def test_a_suspension_needs_a_reason(jiangnan, now):
    with pytest.raises(Refused, match="reason"):
        actions.suspend(organisation=jiangnan, text="  ", now=now, actor="user:1")
    jiangnan.refresh_from_db()
    assert jiangnan.state == "approved"


def test_an_approved_company_is_not_approved_again(jiangnan, now):
    with pytest.raises(Refused) as caught:
        actions.approve(organisation=jiangnan, now=now, actor="user:1")
    assert caught.value.code == "bad_move"
    assert not Step.objects.exists()


def test_the_slower_of_two_decisions_is_stale(waiting, now):
    other = Organisation.objects.get(pk=waiting.pk)
    actions.approve(organisation=waiting, now=now, actor="user:1")
    with pytest.raises(Stale):
        actions.suspend(organisation=other, text="no", now=now, actor="user:2")
    other.refresh_from_db()
    assert other.state == "approved"


def test_a_change_recomputes_the_size_class_and_is_a_step(as_, lin, jiangnan):
    body = {
        "name": "Jiangnan Kitchens",
        "industry": "catering",
        "employees": "300",
        "revenue_wan": "10000",
        "assets_wan": "300",
        "is_provider": "on",
    }
    assert as_(lin).post("/c/jiangnan/edit/", body).status_code == 302
    jiangnan.refresh_from_db()
    assert (jiangnan.name, jiangnan.size_class, jiangnan.is_provider) == ("Jiangnan Kitchens", "large", True)
    assert (jiangnan.slug, jiangnan.state) == ("jiangnan", "approved")
    step = Step.objects.get(reason="updated")
    assert step.params["old"]["employees"] == 280
    assert step.params["new"]["size_class"] == "large"


def test_the_staffs_desk_asks_for_what_the_rule_counts(jiangnan):
    jiangnan.assets_wan = None
    jiangnan.clean()
    jiangnan.industry = "construction"
    with pytest.raises(ValidationError) as caught:
        jiangnan.clean()
    assert set(caught.value.message_dict) == {"assets_wan"}


def test_saving_what_is_there_is_no_step(as_, lin, jiangnan):
    body = {
        "name": jiangnan.name,
        "industry": "catering",
        "employees": "280",
        "revenue_wan": "900",
        "assets_wan": "300",
    }
    as_(lin).post("/c/jiangnan/edit/", body)
    assert not Step.objects.exists()


def test_the_edit_page_begins_with_what_is_there(as_, lin, jiangnan):
    form = as_(lin).get("/c/jiangnan/edit/").context["form"]
    assert form.initial["employees"] == 280
    assert "uscc" not in form.fields


def test_wrong_answers_change_nothing(as_, lin, jiangnan):
    response = as_(lin).post("/c/jiangnan/edit/", {"name": "x"})
    assert response.status_code == 422
    jiangnan.refresh_from_db()
    assert jiangnan.name == "Jiangnan Kitchen 江南小厨"


def test_a_person_switches_between_companies(as_, zhao, jiangnan, yongli, now):
    from portal.accounts.access import company_of

    Membership.objects.create(user=zhao, organisation=jiangnan, role="buyer", created_at=now)
    client = as_(zhao)
    text = text_of(client.get("/you/"))
    assert "/c/jiangnan/" in text
    assert "/c/yongli/" in text

    def working_for():
        request = client.get("/you/").wsgi_request
        request.organisation = None
        return company_of(request).slug

    assert working_for() == "yongli"
    client.get("/c/jiangnan/")
    assert working_for() == "jiangnan"


def test_a_person_without_a_company_is_shown_the_way(as_, ren):
    assert 'href="/register/"' in text_of(as_(ren).get("/you/"))


@pytest.mark.parametrize(("page", "own"), [("", 5), ("people/", 5), ("keys/", 4)])
def test_a_page_takes_the_same_queries_for_one_and_many(
    as_, lin, mei, jiangnan, now, page, own, django_assert_max_num_queries
):
    """Exact for the tables of this room; the masthead's other queries belong to the room home."""
    client = as_(lin)

    def asked():
        client.get(f"/c/jiangnan/{page}")
        with django_assert_max_num_queries(16) as seen:
            client.get(f"/c/jiangnan/{page}")
        mine = [
            q["sql"] for q in seen.captured_queries if '"accounts_' in q["sql"] or '"history_' in q["sql"]
        ]
        return len(seen.captured_queries), len(mine)

    few = asked()
    for i in range(6):
        user = User.objects.create_user(f"p{i}@x.test", "correct horse battery")
        Membership.objects.create(user=user, organisation=jiangnan, role="buyer", created_at=now)
        actions.create_key(organisation=jiangnan, user=user, name="k", scopes=["read"], now=now, actor="test")
        actions.invite_member(organisation=jiangnan, email=f"q{i}@x.test", role="buyer", user=lin, now=now)
    assert asked() == few
    assert few[1] == own  # two of them: the person, and the masthead's companies
