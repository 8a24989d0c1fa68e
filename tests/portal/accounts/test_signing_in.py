"""Signing up, in and out: allauth in our look, with limits."""

import pytest
from django.core import mail
from django.urls import reverse

from portal.accounts.models import User
from tests.conftest import join

GOOD = {"email": "New@Suchun.test", "password1": "correct horse battery"}


@pytest.fixture
def signed_up(client, db):
    def run(**more):
        return client.post("/accounts/signup/", {**GOOD, **more})

    return run


def test_signing_up_takes_an_address_and_a_password(client, signed_up):
    assert set(client.get("/accounts/signup/").context["form"].fields) == {"email", "password1"}
    response = signed_up()
    assert response.status_code == 302
    assert User.objects.get().email == "new@suchun.test"


def test_after_signing_up_comes_the_company(signed_up):
    assert signed_up().url == "/register/?next=%2Fdashboard%2F"


def test_the_page_wanted_survives_signing_up_and_registering(client, signed_up, form):
    wanted = "/p/cat-fc/?file=upl_1#price"
    page = client.get("/accounts/signup/", {"next": wanted})
    assert 'name="next" value="/p/cat-fc/?file=upl_1#price"' in page.content.decode()
    response = signed_up(next=wanted)
    assert response.url.startswith("/register/?next=")
    page = client.get(response.url)
    assert 'name="next" value="/p/cat-fc/?file=upl_1#price"' in page.content.decode()
    assert client.post("/register/", {**form, "next": wanted}).url == wanted


def test_signing_in_from_sign_up_keeps_the_page_wanted(client, db):
    page = client.get("/accounts/signup/", {"next": "/p/x/"}).content.decode()
    assert 'href="/accounts/login/?next=%2Fp%2Fx%2F"' in page


def test_somebody_without_a_company_is_sent_to_register_when_signing_in(client, ren):
    response = client.post(
        "/accounts/login/", {"login": ren.email, "password": "correct horse battery", "next": "/p/x/"}
    )
    assert response.url == "/register/?next=%2Fp%2Fx%2F"


def test_a_member_goes_where_they_wanted(client, lin):
    body = {"login": lin.email, "password": "correct horse battery"}
    assert client.post("/accounts/login/", {**body, "next": "/p/x/"}).url == "/p/x/"


def test_a_member_goes_to_the_desk(client, lin):
    assert (
        client.post("/accounts/login/", {"login": lin.email, "password": "correct horse battery"}).url
        == "/dashboard/"
    )


def test_staff_need_no_company(client, chen):
    body = {"login": chen.email, "password": "correct horse battery", "next": "/admin/"}
    assert client.post("/accounts/login/", body).url == "/admin/"


def test_staff_who_work_for_no_customer_land_on_their_desk(client, chen, jiangnan):
    body = {"login": chen.email, "password": "correct horse battery"}
    assert client.post("/accounts/login/", body).url == "/admin/"
    assert client.get("/dashboard/").url == "/admin/"
    client.logout()
    join(chen, jiangnan, "buyer")
    assert client.post("/accounts/login/", body).url == "/dashboard/"


def test_the_masthead_leads_staff_to_their_desk_outside_the_menu(client, chen, lin):
    client.force_login(chen)
    before_the_menu = client.get("/").content.decode().partition('<details class="menu">')[0]
    assert '<a href="/admin/">Staff desk</a>' in before_the_menu
    client.force_login(lin)
    assert "Staff desk" not in client.get("/").content.decode()


def test_an_invited_person_is_not_asked_for_a_company(client, signed_up):
    assert signed_up(next="/join/inv_1/secret/").url == "/join/inv_1/secret/"


def test_the_address_is_known_in_any_case(client, lin):
    body = {"login": "LIN@Jiangnan.TEST", "password": "correct horse battery"}
    assert client.post("/accounts/login/", body).status_code == 302


@pytest.mark.parametrize("password", ["short", "password", "12345678", "new@suchun.test"])
def test_a_weak_password_is_refused(signed_up, password):
    response = signed_up(password1=password)
    assert response.status_code == 200
    (fault,) = response.context["form"].errors["password1"]
    assert "Make it" in fault or "Choose another" in fault
    assert not User.objects.exists()


def test_passwords_are_kept_with_argon2(settings, django_user_model, db):
    from importlib import import_module

    settings.PASSWORD_HASHERS = import_module("portal.settings").PASSWORD_HASHERS
    assert settings.PASSWORD_HASHERS[0].endswith("Argon2PasswordHasher")
    user = django_user_model.objects.create_user("a@b.test", "correct horse battery")
    assert user.password.startswith("argon2$argon2id$")
    assert user.check_password("correct horse battery")


def test_after_five_wrong_passwords_the_right_one_waits_too(client, lin):
    for _i in range(5):
        response = client.post("/accounts/login/", {"login": lin.email, "password": "wrong"})
        assert response.status_code == 200
    response = client.post("/accounts/login/", {"login": lin.email, "password": "correct horse battery"})
    assert response.status_code == 200
    assert "Too many failed login attempts" in response.content.decode()
    assert "_auth_user_id" not in client.session


def test_another_persons_wrong_passwords_do_not_lock_me_out(client, lin, mei):
    for _i in range(5):
        client.post("/accounts/login/", {"login": mei.email, "password": "wrong"})
    body = {"login": lin.email, "password": "correct horse battery"}
    assert client.post("/accounts/login/", body).status_code == 302


def test_one_address_may_not_try_many_people(client, db):
    for i in range(10):
        client.post("/accounts/login/", {"login": f"p{i}@x.test", "password": "wrong"})
    response = client.post("/accounts/login/", {"login": "p11@x.test", "password": "wrong"})
    assert "Too many failed login attempts" in response.content.decode()


def test_the_staff_desk_signs_in_at_the_same_limited_door(client, db):
    response = client.get("/admin/login/", {"next": "/admin/"})
    assert response.status_code == 302
    assert response.url == "/accounts/login/?next=%2Fadmin%2F"


def test_signing_up_is_limited(client, db, settings):
    settings.ACCOUNT_RATE_LIMITS = {**settings.ACCOUNT_RATE_LIMITS, "signup": "2/m/ip"}
    for i in range(2):
        assert client.post("/accounts/signup/", {**GOOD, "email": f"p{i}@x.test"}).status_code == 302
        client.logout()
    assert client.post("/accounts/signup/", {**GOOD, "email": "p3@x.test"}).status_code == 429
    assert User.objects.count() == 2


def test_signing_out_needs_a_button(as_, lin):
    client = as_(lin)
    assert client.get("/accounts/logout/").status_code == 200
    assert "_auth_user_id" in client.session
    assert client.post("/accounts/logout/").status_code == 302
    assert "_auth_user_id" not in client.session


def test_a_new_password_comes_by_mail(client, lin):
    client.post("/accounts/password/reset/", {"email": lin.email})
    (message,) = mail.outbox
    assert message.to == [lin.email]
    (link,) = [word for word in message.body.split() if "/password/reset/key/" in word]
    response = client.get(link.removeprefix("http://testserver"), follow=True)
    target = response.redirect_chain[-1][0]
    words = {"password1": "another horse battery", "password2": "another horse battery"}
    assert client.post(target, words, follow=True).status_code == 200
    lin.refresh_from_db()
    assert lin.check_password("another horse battery")


def test_an_address_is_confirmed_by_mail(client, signed_up):
    signed_up()
    (message,) = mail.outbox
    (link,) = [word for word in message.body.split() if "/confirm-email/" in word]
    path = link.removeprefix("http://testserver")
    assert "Is new@suchun.test yours?" in client.get(path).content.decode()
    client.post(path)
    from allauth.account.models import EmailAddress

    assert EmailAddress.objects.get().verified


OPEN = [
    "account_login",
    "account_signup",
    "account_reset_password",
    "account_reset_password_done",
    "account_inactive",
    "account_email_verification_sent",
    "account_reset_password_from_key_done",
]
OWN = ["account_logout", "account_change_password", "account_email", "account_reauthenticate"]


@pytest.mark.parametrize("name", OPEN)
def test_every_open_page_is_ours(client, db, name):
    _looks_ours(client.get(reverse(name)))


@pytest.mark.parametrize("name", OWN)
def test_every_own_page_is_ours(as_, lin, name):
    _looks_ours(as_(lin).get(reverse(name)))


@pytest.mark.parametrize("path", ["/accounts/password/reset/key/x-y/", "/accounts/confirm-email/nonsense/"])
def test_a_link_that_is_over_says_so(client, db, path):
    response = client.get(path, follow=True)
    _looks_ours(response)
    assert "over" in response.content.decode()


def _looks_ours(response):
    text = response.content.decode()
    assert response.status_code == 200
    assert 'class="skip"' in text  # base.html
    assert "<h1>" in text
    assert "<script>" not in text
    assert " style=" not in text


def test_a_language_is_remembered_for_the_person(as_, lin):
    client = as_(lin)
    response = client.post("/language/", {"language": "zh-hans", "next": "/you/"})
    assert response.url == "/you/"
    lin.refresh_from_db()
    assert lin.language == "zh-hans"
    client.logout()
    client.post("/accounts/login/", {"login": lin.email, "password": "correct horse battery"})
    assert client.cookies["django_language"].value == "zh-hans"


def test_an_unknown_language_is_not_remembered(as_, lin):
    as_(lin).post("/language/", {"language": "xx"})
    lin.refresh_from_db()
    assert lin.language == ""


def test_a_stranger_chooses_a_language_too(client, db):
    assert client.post("/language/", {"language": "zh-hans"}).cookies["django_language"].value == "zh-hans"


def test_the_language_of_signing_up_is_kept(client, db):
    client.post("/accounts/signup/", GOOD, headers={"Accept-Language": "zh-CN"})
    assert User.objects.get().language == "zh-hans"
