"""Keys of programs: made, shown once, used, revoked; on pages and over REST."""

from datetime import timedelta

import pytest

from portal.accounts import actions
from portal.accounts.models import ApiKey
from portal.api.models import IdempotencyRecord
from portal.core import clock
from portal.core.errors import Refused
from portal.history.models import Step


@pytest.fixture
def make(jiangnan, lin):
    def run(**changed):
        values = {
            "organisation": jiangnan,
            "user": lin,
            "name": "till",
            "scopes": ["read", "order"],
            "now": clock.now(),
            "actor": "user:1",
            **changed,
        }
        return actions.create_key(**values)

    return run


def ask(client, secret, path="/api/v1/company"):
    return client.get(path, headers={"Authorization": f"Bearer {secret}"})


def test_a_key_is_shown_once_and_kept_as_a_hash(make):
    key, secret = make()
    prefix, tail, hidden = secret.split("_", 2)
    assert (prefix, f"key_{tail}") == ("sk", key.public_id)
    assert len(hidden) == 43
    assert len(key.secret_hash) == 64
    assert hidden not in str(vars(key))
    assert Step.objects.get().params == {"key": key.public_id, "name": "till"}


@pytest.mark.parametrize("scopes", [[], ["everything"], ["read", "everything"]])
def test_it_refuses_rights_that_do_not_exist(make, scopes):
    with pytest.raises(Refused) as caught:
        make(scopes=scopes)
    assert caught.value.code == "no_scope"
    assert not ApiKey.objects.exists()


def test_it_refuses_a_last_day_in_the_past(make):
    with pytest.raises(Refused) as caught:
        make(expires_at=clock.now() - timedelta(seconds=1))
    assert caught.value.code == "bad_key_life"


def test_a_company_has_at_most_twenty_working_keys(make, jiangnan, now):
    for _i in range(20):
        key, _secret = make()
    with pytest.raises(Refused) as caught:
        make()
    assert caught.value.code == "too_many_keys"
    actions.revoke_key(key=key, now=now, actor="user:1")
    make()


def test_a_key_opens_the_door_of_its_company(client, make, jiangnan):
    _key, secret = make()
    body = ask(client, secret).json()
    assert body["id"] == jiangnan.public_id
    assert body["short_name"] == "jiangnan"
    assert (body["size_class"], body["is_sme"], body["state"]) == ("small", True, "approved")
    assert body["most_per_order_uy"] is None
    assert body["created_at"] == "2026-11-23T01:12:00Z"


def test_a_company_that_waits_reads_its_limit(client, make, jiangnan):
    type(jiangnan).objects.filter(pk=jiangnan.pk).update(state="registered")
    _key, secret = make()
    assert ask(client, secret).json()["most_per_order_uy"] == "100000000"


def test_a_key_never_opens_another_company(client, make, yongli):
    _key, secret = make()
    response = client.get(
        "/api/v1/company", headers={"Authorization": f"Bearer {secret}", "Suanli-Company": "yongli"}
    )
    assert response.json()["short_name"] == "jiangnan"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "sk_",
        "sk_a_b",
        "sk__",
        "sk_é_b",
        "key_a_b",
        "sk_{tail}_wrong",
        "sk_{tail}",
        "sk_{tail}_",
        "{tail}",
    ],
)
def test_a_key_that_is_not_right_is_a_401(client, make, text):
    key, _secret = make()
    response = ask(client, text.format(tail=key.public_id[4:]))
    assert response.status_code == 401
    assert response.json()["error"]["type"] == "authentication"
    assert "Bearer" in response["WWW-Authenticate"]


def test_a_revoked_key_is_a_401(client, make, now):
    key, secret = make()
    assert ask(client, secret).status_code == 200
    actions.revoke_key(key=key, now=now, actor="user:1")
    assert ask(client, secret).status_code == 401


def test_revoking_twice_counts_once(make, now):
    key, _secret = make()
    actions.revoke_key(key=key, now=now, actor="user:1")
    actions.revoke_key(key=key, now=now + timedelta(days=1), actor="user:1")
    key.refresh_from_db()
    assert key.revoked_at == now
    assert Step.objects.filter(reason="key_revoked").count() == 1


def test_an_expired_key_is_a_401(client, make, monkeypatch):
    key, secret = make(expires_at=clock.now() + timedelta(hours=1))
    assert ask(client, secret).status_code == 200
    monkeypatch.setattr(clock, "now", lambda: key.expires_at)
    assert ask(client, secret).status_code == 401


def test_the_last_use_is_written_at_most_once_a_minute(client, make, monkeypatch, now):
    key, secret = make()

    def used_at(moment):
        monkeypatch.setattr(clock, "now", lambda: moment)
        ask(client, secret)
        key.refresh_from_db()
        return key.last_used_at

    assert used_at(now) == now
    assert used_at(now + timedelta(seconds=59)) == now
    assert used_at(now + timedelta(seconds=60)) == now + timedelta(seconds=60)


def test_a_key_takes_one_query(client, make, django_assert_num_queries):
    _key, secret = make()
    ask(client, secret)
    with django_assert_num_queries(1):
        ask(client, secret)


def test_a_key_without_the_right_is_a_403(client, make):
    _key, secret = make(scopes=["order"])
    error = ask(client, secret).json()["error"]
    assert (error["code"], error["params"]) == ("scope_needed", {"scope": "read"})


def test_roles_have_the_rights_of_their_work(jiangnan, lin, mei, bo):
    def rights(user):
        membership = user.memberships.get()
        return {s for s in ("read", "order", "provide", "finance", "owner") if membership.grants(s)}

    assert rights(lin) == {"read", "order", "provide", "finance", "owner"}
    assert rights(bo) == {"read", "order", "provide"}
    assert rights(mei) == {"read", "finance"}


def test_scope_required_guards_a_view_that_is_no_door(make, rf, bo, mei):
    from types import SimpleNamespace

    from portal.accounts.authentication import scope_required

    permission = scope_required("order")()
    reader, _secret = make(scopes=["read"])
    orderer, _secret = make(scopes=["order"])
    assert not permission.has_permission(SimpleNamespace(auth=reader), None)
    assert permission.has_permission(SimpleNamespace(auth=orderer), None)
    assert permission.has_permission(SimpleNamespace(auth=None, user=bo, headers={}), None)
    assert not permission.has_permission(SimpleNamespace(auth=None, user=mei, headers={}), None)


# over REST, by an owner's browser


def write(client, method, path, body=None, key="k1"):
    return getattr(client, method)(
        path, body or "", content_type="application/json", headers={"Idempotency-Key": key}
    )


def test_an_owner_makes_lists_and_revokes_keys(as_, client, lin):
    as_(lin)
    made = write(client, "post", "/api/v1/keys", {"name": "till", "scopes": ["read"]})
    assert made.status_code == 201
    secret = made.json()["secret"]
    listed = client.get("/api/v1/keys").json()["items"]
    assert [row["name"] for row in listed] == ["till"]
    assert "secret" not in listed[0]
    path = f"/api/v1/keys/{made.json()['id']}"
    assert write(client, "delete", path).status_code == 204
    client.logout()
    assert ask(client, secret).status_code == 401


def test_the_secret_is_not_kept_for_the_repeated_request(as_, client, lin):
    as_(lin)
    body = {"name": "till", "scopes": ["read"]}
    secret = write(client, "post", "/api/v1/keys", body).json()["secret"]
    again = write(client, "post", "/api/v1/keys", body)
    assert again.status_code == 201
    assert again.json()["secret"] is None
    assert ApiKey.objects.count() == 1
    assert secret not in IdempotencyRecord.objects.get().body


def test_no_key_makes_keys(client, make):
    _key, secret = make(scopes=["read", "order", "provide", "finance"])
    headers = {"Authorization": f"Bearer {secret}", "Idempotency-Key": "k"}
    body = {"name": "x", "scopes": ["read"]}
    assert client.get("/api/v1/keys", headers=headers).status_code == 403
    assert (
        client.post("/api/v1/keys", body, content_type="application/json", headers=headers).status_code == 403
    )
    assert ApiKey.objects.count() == 1


@pytest.mark.parametrize("who", ["mei", "bo"])
def test_only_an_owner_has_the_doors_of_keys(as_, client, request, who):
    as_(request.getfixturevalue(who))
    assert client.get("/api/v1/keys").status_code == 403
    assert write(client, "post", "/api/v1/keys", {"name": "x", "scopes": ["read"]}).status_code == 403
    assert not ApiKey.objects.exists()


def test_somebody_elses_key_is_a_404(as_, client, make, zhao):
    key, _secret = make()
    as_(zhao)
    assert client.get("/api/v1/keys").json()["items"] == []
    response = write(client, "delete", f"/api/v1/keys/{key.public_id}")
    assert response.status_code == 404
    assert response.json()["error"]["type"] == "not_found"
    key.refresh_from_db()
    assert key.revoked_at is None


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"name": "x", "scopes": []},
        {"name": "x", "scopes": ["all"]},
        {"name": "x" * 61, "scopes": ["read"]},
        {"name": "x", "scopes": ["read"], "expires_at": "soon"},
    ],
)
def test_a_wrong_wish_is_a_400_and_makes_nothing(as_, client, lin, body):
    as_(lin)
    assert write(client, "post", "/api/v1/keys", body).status_code == 400
    assert not ApiKey.objects.exists()


def test_the_list_of_keys_takes_the_same_queries_for_one_and_many(
    as_, client, lin, make, django_assert_num_queries
):
    as_(lin)
    for _i in range(3):
        make()
    with django_assert_num_queries(3):  # person, membership, keys (the session is in the cache)
        client.get("/api/v1/keys")


# on pages


def test_the_page_shows_a_new_key_once(as_, lin):
    client = as_(lin)
    response = client.post("/c/jiangnan/keys/", {"name": "till", "scopes": ["read"], "life": "90"})
    assert response.status_code == 201
    assert response["Cache-Control"] == "no-store"
    secret = response.context["secret"]
    assert secret in response.content.decode()
    assert secret not in client.get("/c/jiangnan/keys/").content.decode()
    key = ApiKey.objects.get()
    assert key.expires_at - key.created_at == timedelta(days=90)
    client.logout()
    assert ask(client, secret).status_code == 200


def test_the_page_asks_before_it_revokes(as_, lin, make):
    key, _secret = make()
    client = as_(lin)
    url = f"/c/jiangnan/keys/{key.public_id}/revoke/"
    assert client.get(url).status_code == 405
    assert "cannot be undone" in client.post(url).content.decode()
    key.refresh_from_db()
    assert key.revoked_at is None
    assert client.post(url, {"sure": "1"}).status_code == 302
    key.refresh_from_db()
    assert key.revoked_at is not None


def test_the_page_of_another_company_does_not_know_the_key(as_, zhao, make):
    key, _secret = make()
    assert as_(zhao).post(f"/c/yongli/keys/{key.public_id}/revoke/", {"sure": "1"}).status_code == 404
    key.refresh_from_db()
    assert key.revoked_at is None


def test_a_wrong_wish_on_the_page_makes_nothing(as_, lin):
    response = as_(lin).post("/c/jiangnan/keys/", {"name": "", "scopes": [], "life": "90"})
    assert response.status_code == 422
    assert set(response.context["form"].errors) == {"name", "scopes"}
    assert not ApiKey.objects.exists()
