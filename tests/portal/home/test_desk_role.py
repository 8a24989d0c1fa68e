"""The desk's clerks: every page of the desk opens to them, and none makes them a second person."""

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group, Permission

from marketplace.billing import actions as billing
from portal.accounts.models import User
from portal.core import clock
from portal.history.models import Step
from portal.home import demo, roles
from tests.portal.home.test_staff import text_of

pytestmark = pytest.mark.django_db
PEOPLE = "/admin/accounts/user/"


@pytest.fixture
def clerk(client, wang):
    client.force_login(wang)
    return client


def sign_ins() -> list:
    return [
        (*row, Group.objects.filter(user=row[0]).count(), Permission.objects.filter(user=row[0]).count())
        for row in User.objects.order_by("pk").values_list("pk", "email", "password", "is_staff", "is_superuser")
    ]


def test_every_table_of_the_desk_opens_to_a_clerk(clerk, market, funded):
    topup = billing.request_topup(organisation=funded, amount_uy=1_000_000, user=None, now=clock.now(), actor="user:1")
    billing.book_payment(topup=topup, amount_uy=1_000_000, bank_reference="B", now=clock.now(), actor="user:1")
    market.place(funded)
    opened = 0
    for model in admin.site._registry:
        app, name = model._meta.app_label, model._meta.model_name
        if app not in roles.SEES:
            continue
        assert clerk.get(f"/admin/{app}/{name}/").status_code == 200, name
        thing = model._default_manager.first()
        if thing is not None:
            assert clerk.get(f"/admin/{app}/{name}/{thing.pk}/change/").status_code == 200, name
            opened += 1
    assert opened > 12


def test_every_other_page_of_the_desk_opens_to_a_clerk(clerk, market, funded, yongli):
    order, company = market.place(funded), funded.pk
    topup = billing.request_topup(organisation=funded, amount_uy=1_000_000, user=None, now=clock.now(), actor="user:1")
    for path in ("", "find/?q=jiangnan", "find/?q=nothing", f"company/{company}/money/",
                 f"accounts/organisation/{company}/suspend/decide/", f"billing/topup/{topup.pk}/book/",
                 f"orders/order/{order.pk}/stop/ask/", f"orders/order/{order.pk}/advance/ask/",
                 f"catalogue/offering/{market.offering.pk}/do/take-off/", "ledger/account/trial-balance/",
                 "ledger/hold/by-age/", "lending/creditlimit/add/", "lending/lenderpayment/add/"):  # fmt: skip
        page = clerk.get(f"/admin/{path}", follow=True)
        assert page.status_code == 200, path


def test_nothing_of_signing_in_is_the_desks(clerk, wang, lin, chen):
    before, steps = sign_ins(), Step.objects.count()
    made = {"email": "me-too@suanli.test", "usable_password": "true", "password1": "correct horse battery",
            "password2": "correct horse battery"}  # fmt: skip
    promoted = {"email": wang.email, "is_staff": "on", "is_active": "on", "is_superuser": "on"}
    desk = Group.objects.get(name="desk").pk
    for path, sent in (
        (f"{PEOPLE}add/", made),
        (f"{PEOPLE}{wang.pk}/change/", promoted),
        (f"{PEOPLE}{lin.pk}/change/", {**promoted, "email": lin.email}),
        (f"{PEOPLE}{lin.pk}/password/", {"password1": "another horse battery", "password2": "another horse battery"}),
        (f"{PEOPLE}{lin.pk}/delete/", {"post": "yes"}),
        ("/admin/auth/group/add/", {"name": "mine"}),
        (f"/admin/auth/group/{desk}/change/", {"name": "desk", "permissions": []}),
        ("/admin/account/emailaddress/add/", {"user": chen.pk, "email": "x@y.test", "verified": "on"}),
    ):
        assert clerk.get(path).status_code in (200, 403), path
        assert clerk.post(path, sent).status_code == 403, path
    assert (sign_ins(), Step.objects.count()) == (before, steps)


def test_a_person_is_only_read_at_the_desk(clerk, lin):
    page = clerk.get(f"{PEOPLE}{lin.pk}/change/")
    text = page.content.decode()
    assert "Jiangnan Kitchen" in text
    for what in ("password", "is_superuser", "/delete/", 'name="_save"'):
        assert what not in text, what


def test_the_rights_are_the_files_after_every_migrate(db):
    group = Group.objects.get(name="desk")
    group.permissions.add(Permission.objects.get(codename="add_user"))
    roles.after_migrate(using="default")
    assert set(group.permissions.all()) == set(roles.rights())
    codes = set(group.permissions.values_list("content_type__app_label", "codename"))
    changes = {f"{app}.{code}" for app, code in codes if not code.startswith("view_")}
    assert changes <= set(roles.DOES)
    assert not any(app in ("auth", "account", "sessions", "admin") for app, _code in codes)


def test_what_a_superuser_does_to_sign_ins_stays_in_the_history(client, chen, wang):
    client.force_login(chen)
    made = {"email": "new@suanli.test", "usable_password": "true", "password1": "correct horse battery",
            "password2": "correct horse battery"}  # fmt: skip
    client.post(f"{PEOPLE}add/", made)
    fresh = User.objects.get(email="new@suanli.test")
    desk = Group.objects.get(name="desk").pk
    sent = {"email": fresh.email, "language": "", "is_active": "on", "is_staff": "on", "groups": [desk]}
    assert client.post(f"{PEOPLE}{fresh.pk}/change/", sent).status_code == 302
    again = {"usable_password": "true", "password1": "another horse battery", "password2": "another horse battery"}
    assert client.post(f"{PEOPLE}{fresh.pk}/password/", again).status_code == 302
    steps = list(Step.objects.filter(subject=f"user:{fresh.pk}").order_by("id"))
    assert [(s.reason, s.actor) for s in steps] == [
        (reason, f"user:{chen.pk}") for reason in ("person_created", "person_changed", "password_set")
    ]
    assert steps[1].params == {
        "old": {"is_staff": False, "groups": ""}, "new": {"is_staff": True, "groups": "desk"},
    }  # fmt: skip
    assert "rights changed" in text_of(client.get(f"{PEOPLE}{fresh.pk}/change/"))


def test_the_demonstrations_staff_are_clerks_also_where_they_were_more(now):
    User.objects.create_user("staff@suanli.test", demo.PASSWORD, is_staff=True, is_superuser=True)
    demo.people(now=now)
    staff = User.objects.filter(is_staff=True)
    assert {(u.email, u.is_superuser, u.groups.get().name) for u in staff} == {
        ("staff@suanli.test", False, "desk"), ("staff2@suanli.test", False, "desk"),
    }  # fmt: skip


def test_a_clerk_has_no_right_that_the_file_does_not_name(wang):
    assert not wang.has_perm("accounts.add_user")
    assert not wang.has_perm("accounts.change_user")
    assert wang.has_perm("billing.change_topup")
