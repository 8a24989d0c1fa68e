"""The staff's desk."""

import re
from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission

from portal.accounts import actions, queries
from portal.accounts.models import Organisation, User
from portal.core import clock
from tests.conftest import join

LIST = "/admin/accounts/organisation/"


@pytest.fixture
def desk(client, chen):
    client.force_login(chen)
    return client


@pytest.fixture
def waiting(lin, jiangnan, now):
    Organisation.objects.filter(pk=jiangnan.pk).update(
        state="registered", created_at=clock.now() - timedelta(days=3)
    )
    jiangnan.refresh_from_db()
    return jiangnan


def test_who_waits_stands_on_top_with_age_and_owner(desk, zhao, waiting):
    text = desk.get(LIST).content.decode()
    names = re.findall(r'/admin/accounts/organisation/\d+/change/">([^<]+)', text)
    assert names == [waiting.name, "Yongli Mould 永利模具"]
    assert "3\xa0days" in text
    assert "lin@jiangnan.test" in text
    assert "1 company waits for approval." in text


@pytest.mark.parametrize("query", ["江南", "91330106MA2CFK7X2P", "lin@jiangnan.test", "jiangnan"])
def test_companies_are_found(desk, waiting, zhao, query):
    text = desk.get(LIST, {"q": query}).content.decode()
    assert waiting.name in text
    assert "Yongli" not in text


def test_approving_asks_first_and_keeps_who_and_why(desk, chen, waiting):
    body = {"action": "approve", "_selected_action": [waiting.pk]}
    question = desk.post(LIST, body)
    assert question.status_code == 200
    assert waiting.name in question.content.decode()
    waiting.refresh_from_db()
    assert waiting.state == "registered"
    response = desk.post(LIST, {**body, "sure": "1", "text": "Licence seen"}, follow=True)
    assert "is approved." in response.content.decode()
    waiting.refresh_from_db()
    assert waiting.state == "approved"
    page = desk.get(f"{LIST}{waiting.pk}/change/").content.decode()
    assert "Licence seen" in page
    assert chen.email in page


def test_suspending_needs_a_reason(desk, jiangnan):
    body = {"action": "suspend", "_selected_action": [jiangnan.pk], "sure": "1"}
    response = desk.post(LIST, body)
    assert "Write a reason" in response.content.decode()
    jiangnan.refresh_from_db()
    assert jiangnan.state == "approved"
    desk.post(LIST, {**body, "text": "Licence ran out"})
    jiangnan.refresh_from_db()
    assert jiangnan.state == "suspended"


def test_what_cannot_be_done_is_said_for_each_company(desk, jiangnan, waiting, yongli):
    body = {"action": "approve", "_selected_action": [waiting.pk, yongli.pk], "sure": "1"}
    text = desk.post(LIST, body, follow=True).content.decode()
    assert "Jiangnan Kitchen 江南小厨 is approved." in text
    assert "Yongli Mould 永利模具: This company is “approved”; the decision does not fit." in text


def test_a_decision_is_also_on_the_companys_page(desk, waiting):
    page = desk.get(f"{LIST}{waiting.pk}/change/").content.decode()
    url = f"{LIST}{waiting.pk}/approve/decide/"
    assert url in page
    assert desk.get(url).status_code == 200
    desk.post(url, {"sure": "1"})
    waiting.refresh_from_db()
    assert waiting.state == "approved"
    assert (
        f"{LIST}{waiting.pk}/approve/decide/" not in desk.get(f"{LIST}{waiting.pk}/change/").content.decode()
    )


def test_nothing_is_typed_into_a_company(desk, jiangnan):
    desk.post(f"{LIST}{jiangnan.pk}/change/", {"name": "Other", "state": "suspended"})
    jiangnan.refresh_from_db()
    assert jiangnan.name == "Jiangnan Kitchen 江南小厨"
    assert desk.get(f"{LIST}add/").status_code == 403
    assert desk.post(f"{LIST}{jiangnan.pk}/delete/", {"post": "yes"}).status_code == 403
    assert Organisation.objects.filter(pk=jiangnan.pk).exists()


def test_staff_who_may_only_look_decide_nothing(client, db, waiting):
    clerk = User.objects.create_user("clerk@suanli.test", "correct horse battery", is_staff=True)
    clerk.user_permissions.add(Permission.objects.get(codename="view_organisation"))
    client.force_login(clerk)
    assert client.get(LIST).status_code == 200
    client.post(LIST, {"action": "approve", "_selected_action": [waiting.pk], "sure": "1"})
    assert client.post(f"{LIST}{waiting.pk}/approve/decide/", {"sure": "1"}).status_code == 403
    waiting.refresh_from_db()
    assert waiting.state == "registered"


def test_one_company_is_named_and_several_are_counted(desk, waiting, yongli):
    assert f"Approve {waiting.name}?" in desk.get(f"{LIST}{waiting.pk}/approve/decide/").content.decode()
    both = {"action": "suspend", "_selected_action": [waiting.pk, yongli.pk]}
    assert "Suspend 2 companies?" in desk.post(LIST, both).content.decode()


def test_restoring_is_lifting_the_suspension_and_the_company_reads_the_word(desk, client, waiting, lin, chen, now):
    actions.suspend(organisation=waiting, text="Two unpaid bills.", now=now, actor=f"user:{chen.pk}")
    page = desk.get(f"{LIST}{waiting.pk}/change/").content.decode()
    assert "Lift the suspension …" in page
    assert "Approve …" not in page.partition('class="object-tools"')[2].partition("</ul>")[0]
    url = f"{LIST}{waiting.pk}/lift/decide/"
    question = desk.get(url).content.decode()
    assert f"Lift the suspension of {waiting.name}?" in question
    said = desk.post(url, {"sure": "1", "text": "Paid, thank you."}, follow=True).content.decode()
    assert f"{waiting.name} may order again." in said
    waiting.refresh_from_db()
    assert waiting.state == "approved"
    client.force_login(lin)
    assert "Paid, thank you." in client.get(f"/c/{waiting.slug}/").content.decode()


def test_the_word_of_an_approval_reaches_the_company(desk, client, waiting, lin):
    desk.post(f"{LIST}{waiting.pk}/approve/decide/", {"sure": "1", "text": "Welcome to the city's portal."})
    client.force_login(lin)
    assert "Welcome to the city&#x27;s portal." in client.get(f"/c/{waiting.slug}/").content.decode()


def test_what_is_not_suspended_is_not_lifted(desk, waiting):
    desk.post(f"{LIST}{waiting.pk}/lift/decide/", {"sure": "1"})
    waiting.refresh_from_db()
    assert waiting.state == "registered"


def test_after_a_decision_staff_land_on_the_list_they_came_from(desk, waiting):
    came = "?_changelist_filters=state__exact%3Dregistered%26industry%3Dcatering"
    url = f"{LIST}{waiting.pk}/approve/decide/"
    assert f"{url}{came}" in desk.get(f"{LIST}{waiting.pk}/change/{came}").content.decode().replace("&amp;", "&")
    assert desk.post(url + came, {"sure": "1"}).url == f"{LIST}?state__exact=registered&industry=catering"
    assert desk.post(f"{LIST}?state__exact=approved", {"action": "suspend", "_selected_action": [waiting.pk],
                     "sure": "1", "text": "No licence."}).url == f"{LIST}?state__exact=approved"  # fmt: skip


def test_the_history_is_in_words(desk, waiting, chen, now):
    actions.approve(organisation=waiting, now=now, actor=f"user:{chen.pk}", text="Licence seen")
    page = desk.get(f"{LIST}{waiting.pk}/change/").content.decode()
    assert "registered → approved: decided by the staff" in page
    assert "user:" not in page


def test_customers_have_no_desk(as_, lin):
    assert as_(lin).get(LIST).status_code == 302
    assert as_(lin).post(LIST, {"action": "approve"}).status_code == 302


def test_the_queue_takes_the_same_queries_for_one_and_many(
    desk, waiting, zhao, song, django_assert_max_num_queries
):
    desk.get(LIST)
    with django_assert_max_num_queries(9) as seen:
        desk.get(LIST)
    few = len(seen)
    for i, code in enumerate(["91330100799655058B", "91440300708461136T", "91110108551385082Q"]):
        Organisation.objects.create(
            slug=f"more-{i}",
            name=f"More {i}",
            uscc=code,
            industry="other",
            employees=1,
            revenue_wan=1,
            assets_wan=1,
            size_class="micro",
            created_at=waiting.created_at,
        )
    with django_assert_max_num_queries(9) as seen:
        desk.get(LIST)
    assert len(seen) == few


@pytest.mark.parametrize("model", ["membership", "invitation", "apikey", "user"])
def test_every_list_opens(desk, lin, model):
    assert desk.get(f"/admin/accounts/{model}/").status_code == 200


def test_keys_are_read_only(desk, jiangnan, lin, now):
    key, _secret = actions.create_key(
        organisation=jiangnan, user=lin, name="till", scopes=["read"], now=now, actor="test"
    )
    page = desk.get(f"/admin/accounts/apikey/{key.pk}/change/").content.decode()
    assert key.public_id in page
    assert key.secret_hash not in page
    assert desk.post(f"/admin/accounts/apikey/{key.pk}/delete/", {"post": "yes"}).status_code == 403


def test_a_person_is_added_and_changed(desk, lin):
    words = {
        "email": "New@suanli.test",
        "usable_password": "true",
        "password1": "correct horse battery",
        "password2": "correct horse battery",
    }
    assert desk.post("/admin/accounts/user/add/", words).status_code == 302
    assert User.objects.filter(email__iexact="new@suanli.test").exists()
    assert desk.get(f"/admin/accounts/user/{lin.pk}/change/").status_code == 200


def test_the_command_line_makes_a_superuser(db):
    import os

    from django.core.management import call_command

    os.environ["DJANGO_SUPERUSER_PASSWORD"] = "correct horse battery"
    try:
        call_command("createsuperuser", "--noinput", "--email", "root@suanli.test", verbosity=0)
    finally:
        del os.environ["DJANGO_SUPERUSER_PASSWORD"]
    assert User.objects.get(email="root@suanli.test").is_superuser


def test_before_an_approval_stands_what_to_look_at(desk, waiting, lin, yongli):
    join(lin, yongli, "owner")
    page = desk.get(f"{LIST}{waiting.pk}/approve/decide/").content.decode()
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))
    for what in (
        "Unified social credit code both check characters fit", "Catering", "Yongli Mould",
        "not confirmed You may approve all the same: it only means that nobody has opened the link we sent there.",
    ):  # fmt: skip
        assert what in text, what


def test_staff_ask_for_more_and_the_company_reads_it(desk, client, waiting, lin, chen):
    url = f"{LIST}{waiting.pk}/ask/decide/"
    desk.post(url, {"sure": "1", "text": " "})
    assert queries.words_of_decision(waiting) == ""
    desk.post(url, {"sure": "1", "text": "Please send the licence."})
    waiting.refresh_from_db()
    assert waiting.state == "registered"
    step = queries.steps_of(waiting).first()
    assert (step.reason, step.actor) == ("asked_more", f"user:{chen.pk}")
    client.force_login(lin)
    assert "Please send the licence." in client.get("/dashboard/").content.decode()


def test_only_who_waits_is_asked_for_more(desk, jiangnan):
    desk.post(f"{LIST}{jiangnan.pk}/ask/decide/", {"sure": "1", "text": "Please send the licence."})
    assert not queries.steps_of(jiangnan).exists()
