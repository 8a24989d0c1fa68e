"""Who may do what for a company."""

import threading
from datetime import timedelta

import pytest
from django.core import mail
from django.db import connection
from django.urls import reverse

from portal.accounts import actions
from portal.accounts.models import Invitation, Membership, Organisation, User
from portal.core.errors import Refused
from portal.history.models import Step


def roles(organisation):
    return dict(Membership.objects.filter(organisation=organisation).values_list("user__email", "role"))


@pytest.fixture
def invite(jiangnan, lin, now):
    def run(email="ren@suchun.test", role="buyer", **more):
        return actions.invite_member(organisation=jiangnan, email=email, role=role, user=lin, now=now, **more)

    return run


def accept(invitation, secret, user, now):
    return actions.accept_invitation(public_id=invitation.public_id, secret=secret, user=user, now=now)


def test_an_invited_person_joins_with_the_role(invite, ren, jiangnan, now):
    invitation, secret = invite(role="finance")
    membership = accept(invitation, secret, ren, now)
    assert (membership.organisation, membership.role) == (jiangnan, "finance")
    invitation.refresh_from_db()
    assert invitation.state == "accepted"
    assert secret not in invitation.secret_hash
    reasons = Step.objects.filter(subject=f"organisation:{jiangnan.public_id}").values_list(
        "reason", flat=True
    )
    assert list(reasons) == ["invited", "joined"]


def test_an_invitation_works_once(invite, ren, jiangnan, now):
    invitation, secret = invite()
    accept(invitation, secret, ren, now)
    Membership.objects.filter(user=ren).delete()
    with pytest.raises(Refused) as caught:
        accept(invitation, secret, ren, now)
    assert caught.value.code == "invitation_over"
    assert ren.email not in roles(jiangnan)


def test_an_invitation_is_for_one_person(invite, zhao, jiangnan, now):
    invitation, secret = invite()
    with pytest.raises(Refused) as caught:
        accept(invitation, secret, zhao, now)
    assert caught.value.code == "invitation_other_person"
    assert zhao.email not in roles(jiangnan)


@pytest.mark.parametrize("days", [7, 30])
def test_an_invitation_ends_after_seven_days(invite, ren, jiangnan, now, days):
    invitation, secret = invite()
    with pytest.raises(Refused, match="seven days"):
        accept(invitation, secret, ren, now + timedelta(days=days))
    assert ren.email not in roles(jiangnan)


def test_an_invitation_needs_its_secret(invite, ren, jiangnan, now):
    invitation, _secret = invite()
    with pytest.raises(Refused) as caught:
        accept(invitation, "guess", ren, now)
    assert caught.value.code == "invitation_over"


def test_a_withdrawn_invitation_is_over(invite, ren, now):
    invitation, secret = invite()
    actions.withdraw_invitation(invitation=invitation, now=now, actor="user:1")
    with pytest.raises(Refused):
        accept(invitation, secret, ren, now)


def test_a_second_invitation_replaces_the_first(invite, ren, now):
    first, old = invite()
    second, new = invite(role="finance")
    with pytest.raises(Refused):
        accept(first, old, ren, now)
    assert accept(second, new, ren, now).role == "finance"


def test_a_member_is_not_invited_again(invite, mei):
    with pytest.raises(Refused) as caught:
        invite(email=mei.email.upper())
    assert caught.value.code == "member_already"
    assert not Invitation.objects.exists()


def test_a_role_is_changed(jiangnan, lin, mei, now):
    actions.change_role(organisation=jiangnan, email=mei.email, role="owner", now=now, actor="user:1")
    assert roles(jiangnan) == {lin.email: "owner", mei.email: "owner"}


def test_the_last_owner_stays(jiangnan, lin, mei, now):
    before = roles(jiangnan)
    with pytest.raises(Refused) as caught:
        actions.change_role(organisation=jiangnan, email=lin.email, role="buyer", now=now, actor="user:1")
    assert caught.value.code == "last_owner"
    with pytest.raises(Refused) as caught:
        actions.remove_member(organisation=jiangnan, email=lin.email, now=now, actor="user:1")
    assert caught.value.code == "last_owner"
    assert roles(jiangnan) == before
    assert not Step.objects.exists()


def test_a_member_of_another_company_cannot_be_changed(jiangnan, lin, zhao, yongli, now):
    with pytest.raises(Refused) as caught:
        actions.remove_member(organisation=jiangnan, email=zhao.email, now=now, actor="user:1")
    assert (caught.value.code, caught.value.status) == ("no_such_member", 404)
    assert roles(yongli) == {zhao.email: "owner"}


def test_two_owners_cannot_remove_each_other(own_database, now):
    company = Organisation.objects.create(
        slug="x",
        name="X",
        uscc="91330106MA2CFK7X2P",
        industry="catering",
        employees=1,
        revenue_wan=1,
        assets_wan=1,
        size_class="micro",
        created_at=now,
    )
    emails = ["a@x.test", "b@x.test"]
    for email in emails:
        user = User.objects.create_user(email, "correct horse battery")
        Membership.objects.create(user=user, organisation=company, role="owner", created_at=now)
    barrier, results = threading.Barrier(2), []

    def remove(email):
        barrier.wait()
        try:
            actions.remove_member(organisation=company, email=email, now=now, actor="user:1")
            results.append("removed")
        except Refused as refused:
            results.append(refused.code)
        finally:
            connection.close()

    threads = [threading.Thread(target=remove, args=(email,)) for email in emails]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == ["last_owner", "removed"]
    assert Membership.objects.filter(organisation=company, role="owner").count() == 1


# pages


def test_an_owner_invites_on_the_page(as_, lin, jiangnan):
    response = as_(lin).post("/c/jiangnan/people/", {"email": "Ren@suchun.test", "role": "buyer"})
    assert response.status_code == 201
    link = response.context["link"]
    assert link in response.content.decode()
    assert response["Cache-Control"] == "no-store"
    (message,) = mail.outbox
    assert message.to == ["ren@suchun.test"]
    assert link in message.body


def test_the_invited_person_joins_with_one_button(as_, client, invite, ren, jiangnan, now, monkeypatch):
    from portal.core import clock

    monkeypatch.setattr(clock, "now", lambda: now)
    invitation, secret = invite()
    link = reverse("accounts:join", args=[invitation.public_id, secret])
    assert client.get(link).status_code == 302  # to sign in first
    client = as_(ren)
    assert "Work for Jiangnan" in client.get(link).content.decode()
    assert ren.email not in roles(jiangnan)
    assert client.post(link).status_code == 302
    assert roles(jiangnan)[ren.email] == "buyer"
    assert client.get(link).status_code == 410
    assert client.get("/c/jiangnan/").status_code == 200


def test_a_bad_link_is_over(as_, ren):
    assert as_(ren).get("/join/inv_x/y/").status_code == 410
    assert as_(ren).post("/join/inv_x/y/").status_code == 410


@pytest.mark.parametrize("who", ["mei", "bo"])
def test_only_an_owner_invites_and_changes(as_, request, who, jiangnan, lin):
    client = as_(request.getfixturevalue(who))
    before = roles(jiangnan)
    assert client.post("/c/jiangnan/people/", {"email": "x@y.test", "role": "buyer"}).status_code == 403
    body = {"email": request.getfixturevalue(who).email, "role": "owner"}
    assert client.post("/c/jiangnan/people/role/", body).status_code == 403
    assert client.post("/c/jiangnan/people/remove/", {"email": lin.email, "sure": "1"}).status_code == 403
    assert client.get("/c/jiangnan/edit/").status_code == 403
    assert client.get("/c/jiangnan/keys/").status_code == 403
    assert client.get("/c/jiangnan/people/").status_code == 200
    assert roles(jiangnan) == before
    assert not Invitation.objects.exists()


def test_removing_asks_first(as_, lin, mei, jiangnan):
    client = as_(lin)
    response = client.post("/c/jiangnan/people/remove/", {"email": mei.email})
    assert response.status_code == 200
    assert mei.email in roles(jiangnan)
    assert client.post("/c/jiangnan/people/remove/", {"email": mei.email, "sure": "1"}).status_code == 302
    assert mei.email not in roles(jiangnan)


def test_anybody_may_leave(as_, bo, lin, jiangnan):
    response = as_(bo).post("/c/jiangnan/people/remove/", {"email": bo.email, "sure": "1"})
    assert response.url == "/you/"
    assert bo.email not in roles(jiangnan)


def test_the_last_owner_is_told_why_not(as_, lin, jiangnan):
    response = as_(lin).post("/c/jiangnan/people/remove/", {"email": lin.email, "sure": "1"})
    assert response.status_code == 409
    assert "at least one owner" in response.content.decode()
    assert roles(jiangnan) == {lin.email: "owner"}


def test_an_invitation_is_withdrawn_on_the_page(as_, lin, invite, jiangnan):
    invitation, _secret = invite()
    url = reverse("accounts:withdraw_invitation", args=["jiangnan", invitation.public_id])
    assert as_(lin).post(url).status_code == 302
    invitation.refresh_from_db()
    assert invitation.state == "withdrawn"


def test_somebody_elses_invitation_is_a_404(as_, zhao, invite, jiangnan):
    invitation, _secret = invite()
    url = reverse("accounts:withdraw_invitation", args=["yongli", invitation.public_id])
    assert as_(zhao).post(url).status_code == 404
    invitation.refresh_from_db()
    assert invitation.state == "open"


PAGES = ["", "edit/", "people/", "keys/"]
POSTS = [
    "edit/",
    "people/",
    "people/role/",
    "people/remove/",
    "people/invitations/inv_x/withdraw/",
    "keys/",
    "keys/key_x/revoke/",
]


@pytest.mark.parametrize("page", PAGES)
def test_a_stranger_gets_a_404_everywhere(as_, zhao, jiangnan, page):
    assert as_(zhao).get(f"/c/jiangnan/{page}").status_code == 404
    assert as_(zhao).get(f"/c/no-such/{page}").status_code == 404


@pytest.mark.parametrize("page", POSTS)
def test_a_stranger_changes_nothing(as_, zhao, jiangnan, lin, page):
    before = roles(jiangnan), Step.objects.count()
    assert as_(zhao).post(f"/c/jiangnan/{page}", {"email": lin.email, "role": "owner"}).status_code == 404
    assert (roles(jiangnan), Step.objects.count()) == before


@pytest.mark.parametrize("page", PAGES)
def test_nobody_is_asked_to_sign_in_first(client, jiangnan, page):
    assert client.get(f"/c/jiangnan/{page}").status_code == 302
