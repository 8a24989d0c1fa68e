"""A repeated write is answered and not done again."""

import threading
from datetime import timedelta

import pytest
from django.db import connection

from portal.api import idempotency
from portal.api.models import IdempotencyRecord
from portal.history.models import Step

BODY = {"name": "bread", "price_uy": "79000000"}


def test_a_write_needs_a_key(client, doors, headers, effects):
    response = client.post(doors, BODY, content_type="application/json", headers=headers)
    assert response.status_code == 400
    assert response.json()["error"]["code"] == "idempotency_key_required"
    assert effects() == 0


@pytest.mark.parametrize("key", ["a" * 201, "two words", "schlüssel"])
def test_a_key_is_visible_and_not_too_long(post, effects, key):
    assert post(BODY, key=key).json()["error"]["code"] == "idempotency_key_required"
    assert effects() == 0


def test_the_first_answer_is_given_again(post, effects):
    first, second = post(BODY), post(BODY)
    assert first.status_code == second.status_code == 201
    assert first.json() == second.json() == {"done": "bread", "price_uy": "79000000"}
    assert "Idempotent-Replayed" not in first
    assert second["Idempotent-Replayed"] == "true"
    assert effects() == 1


def test_the_order_of_fields_does_not_matter(post, effects):
    post(BODY)
    assert post(dict(reversed(BODY.items()))).status_code == 201
    assert effects() == 1


def test_another_body_is_a_409_and_changes_nothing(post, effects):
    post(BODY)
    response = post({**BODY, "price_uy": "1"})
    assert response.status_code == 409
    assert response.json()["error"]["type"] == "idempotency"
    assert response.json()["error"]["code"] == "idempotency_key_reused"
    assert effects() == 1
    assert post(BODY).status_code == 201


def test_another_key_does_it_again(post, effects):
    post(BODY)
    post(BODY, key="k2")
    assert effects() == 2


def test_another_method_has_keys_of_its_own(post, client, doors, headers):
    post(BODY)
    response = client.delete(doors, headers={**headers, "Idempotency-Key": "k1"})
    assert response.status_code == 204
    again = client.delete(doors, headers={**headers, "Idempotency-Key": "k1"})
    assert (again.status_code, again.content) == (204, b"")
    assert Step.objects.filter(after="gone").count() == 1


def test_another_company_has_keys_of_its_own(post, client, doors, zhao, effects):
    post(BODY)
    client.force_login(zhao)
    response = client.post(doors, BODY, content_type="application/json", headers={"Idempotency-Key": "k1"})
    assert response.status_code == 201
    assert "Idempotent-Replayed" not in response
    assert effects() == 2


@pytest.mark.parametrize(("name", "status"), [("poor", 402), ("much too long", 400)])
def test_an_answer_that_would_come_again_is_kept(post, effects, name, status):
    first = post({"name": name, "price_uy": "1"})
    second = post({"name": name, "price_uy": "1"})
    assert first.status_code == second.status_code == status
    assert first.json() == second.json()
    assert second["Idempotent-Replayed"] == "true"
    assert effects() == 0


@pytest.mark.parametrize(
    ("name", "status"), [("stale", 409), ("tired", 429), ("broken", 500), ("returned", 409)]
)
def test_an_answer_that_may_change_is_not_kept(post, effects, name, status):
    assert post({"name": name, "price_uy": "1"}).status_code == status
    assert IdempotencyRecord.objects.count() == 0
    assert "Idempotent-Replayed" not in post({"name": name, "price_uy": "1"})
    assert effects() == 0


def test_401_and_403_are_not_kept(client, doors, mei):
    extra = {"content_type": "application/json", "headers": {"Idempotency-Key": "k"}}
    assert client.post(doors, BODY, **extra).status_code == 401
    client.force_login(mei)
    assert client.post(doors, BODY, **extra).status_code == 403
    assert IdempotencyRecord.objects.count() == 0


def test_after_a_day_the_key_is_new(post, effects):
    post(BODY)
    past = IdempotencyRecord.objects.get()
    IdempotencyRecord.objects.update(expires_at=past.expires_at - timedelta(hours=25))
    assert "Idempotent-Replayed" not in post({**BODY, "name": "rolls"})
    assert effects() == 2
    assert IdempotencyRecord.objects.count() == 1


def test_the_sweep_forgets_only_what_is_a_day_old(post, now):
    post(BODY)
    record = IdempotencyRecord.objects.get()
    assert idempotency.sweep(now=record.expires_at - timedelta(seconds=1)) == 0
    assert idempotency.sweep(now=record.expires_at) == 1
    assert not IdempotencyRecord.objects.exists()


def test_files_are_part_of_what_is_asked(client, doors, headers, rf):
    from django.core.files.uploadedfile import SimpleUploadedFile
    from rest_framework.parsers import MultiPartParser
    from rest_framework.request import Request

    def print_of(content, name="a.csv"):
        request = rf.post("/x", {"units": "3", "file": SimpleUploadedFile(name, content)})
        return idempotency.fingerprint(Request(request, parsers=[MultiPartParser()]))

    assert print_of(b"1,2") == print_of(b"1,2")
    assert len({print_of(b"1,2"), print_of(b"1,3"), print_of(b"1,2", "b.csv")}) == 3


def test_a_repeated_write_takes_few_queries(post, django_assert_num_queries):
    post(BODY)
    with django_assert_num_queries(6):  # who asks, how long to wait, insert, read; savepoint and release
        post(BODY)


@pytest.fixture
def shop(own_database, settings):
    """Jiangnan with a key, in a database of this test's own. Returns headers."""
    from portal.accounts import actions
    from portal.accounts.models import Organisation, User
    from portal.core import clock

    now = clock.now()
    lin = User.objects.create_user("lin@jiangnan.test", "correct horse battery")
    company = Organisation.objects.create(
        slug="jiangnan",
        name="Jiangnan",
        uscc="91330106MA2CFK7X2P",
        industry="catering",
        employees=1,
        revenue_wan=1,
        assets_wan=1,
        size_class="micro",
        created_at=now,
    )
    _key, secret = actions.create_key(
        organisation=company, user=lin, name="till", scopes=["order"], now=now, actor="test"
    )
    return {"Authorization": f"Bearer {secret}", "Idempotency-Key": "once"}


def at_once(number, work):
    """Run `work(i)` in that many threads, started together; their results."""
    barrier, results = threading.Barrier(number), [None] * number

    def run(i):
        barrier.wait()
        try:
            results[i] = work(i)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(i,)) for i in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def test_twenty_at_once_are_done_once(doors, shop):
    from django.test import Client

    def ask(_i):
        return Client(raise_request_exception=False).post(
            doors, BODY, content_type="application/json", headers=shop
        )

    answers = at_once(20, ask)
    assert [a.status_code for a in answers] == [201] * 20
    assert len({a.content for a in answers}) == 1
    assert sum("Idempotent-Replayed" not in a for a in answers) == 1
    assert Step.objects.filter(after="thing").count() == 1
    assert IdempotencyRecord.objects.count() == 1


def test_when_the_first_of_many_fails_another_does_the_work(doors, shop, monkeypatch):
    from django.test import Client

    from portal.core.errors import Stale
    from portal.history import actions as history

    first = threading.Lock()
    real = history.record

    def fails_once(obj, **kwargs):
        if kwargs.get("after") == "thing" and first.acquire(blocking=False):
            raise Stale("thing")
        return real(obj, **kwargs)

    monkeypatch.setitem(Step_door_globals(), "record", fails_once)

    def ask(_i):
        return Client(raise_request_exception=False).post(
            doors, BODY, content_type="application/json", headers=shop
        )

    answers = at_once(8, ask)
    assert sorted(a.status_code for a in answers) == [201] * 7 + [409]
    assert Step.objects.filter(after="thing").count() == 1


def Step_door_globals():
    from django.urls import resolve

    return resolve("/api/v1/things").func.view_class.post.__wrapped__.__globals__


def test_who_waits_too_long_hears_that_it_is_in_progress(doors, shop, monkeypatch):
    from django.test import Client

    monkeypatch.setattr(idempotency, "WAIT_MS", 200)
    entered, leave = threading.Event(), threading.Event()
    globals_ = Step_door_globals()
    real = globals_["record"]

    def slow(obj, **kwargs):
        entered.set()
        leave.wait(20)
        return real(obj, **kwargs)

    monkeypatch.setitem(globals_, "record", slow)

    def ask(i):
        if i == 0:
            return Client().post(doors, BODY, content_type="application/json", headers=shop)
        entered.wait(20)
        try:
            return Client().post(doors, BODY, content_type="application/json", headers=shop)
        finally:
            leave.set()

    first, second = at_once(2, ask)
    assert first.status_code == 201
    assert second.status_code == 409
    assert second.json()["error"]["code"] == "idempotency_in_progress"
    assert Step.objects.filter(after="thing").count() == 1
