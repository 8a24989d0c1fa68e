"""Everything that goes wrong has the same shape and says what happened to the money."""

import pytest

FIELDS = {"type", "code", "message", "param", "params", "what_happened_to_the_money"}


def fault(response, status):
    assert response.status_code == status, response.content
    assert response["Content-Type"] == "application/json"
    body = response.json()
    assert set(body) == {"error"}
    assert set(body["error"]) == FIELDS
    return body["error"]


def test_a_wrong_field_is_named(post, effects):
    error = fault(post({"name": "much too long a name", "price_uy": "1.5"}), 400)
    assert error["type"] == "invalid_request"
    assert error["param"] == "name"
    assert set(error["params"]["fields"]) == {"name", "price_uy"}
    assert "No money moved" in error["what_happened_to_the_money"]
    assert effects() == 0


def test_broken_json_is_a_400(post):
    assert fault(post("{"), 400)["code"] == "parse_error"


def test_without_a_key_it_is_a_401(client, doors, db):
    response = client.get(doors)
    assert fault(response, 401)["type"] == "authentication"
    assert response["WWW-Authenticate"].startswith("Bearer")


def test_a_refusal_keeps_its_status_code_and_parameters(post, effects):
    error = fault(post({"name": "poor", "price_uy": "1"}), 402)
    assert (error["type"], error["code"]) == ("refused", "insufficient_funds")
    assert error["params"] == {"needed_uy": "5", "available_uy": "3", "missing_uy": "2"}
    assert "new key" in error["what_happened_to_the_money"]
    assert effects() == 0


def test_a_throttle_is_a_429_that_says_when(post, effects):
    response = post({"name": "tired", "price_uy": "1"})
    assert fault(response, 429)["type"] == "rate_limit"
    assert response["Retry-After"] == "7"
    assert effects() == 0


def test_a_surprise_is_a_500_in_the_same_shape_and_undone(post, effects, caplog):
    error = fault(post({"name": "broken", "price_uy": "1"}), 500)
    assert (error["type"], error["code"]) == ("server", "server_error")
    assert "surprise" not in error["message"]
    assert "undone" in error["what_happened_to_the_money"]
    assert "a surprise" in caplog.text
    assert effects() == 0


def test_an_unknown_address_is_a_404_in_the_same_shape(client, doors):
    assert fault(client.get("/api/v1/nowhere"), 404)["type"] == "not_found"


def test_a_method_that_does_not_exist_is_a_405(client, doors, headers):
    assert fault(client.put(doors, headers=headers), 405)["code"] == "method_not_allowed"


def test_messages_are_in_the_language_asked_for(client, doors, settings):
    settings.LOCALE_PATHS = []
    assert fault(client.get("/api/v1/nowhere", headers={"Accept-Language": "zh-CN"}), 404)["message"]


def test_a_public_door_needs_nobody(client, doors):
    assert client.get("/api/v1/open").json() == {"at": None}


def test_a_person_of_another_company_gets_a_404(client, doors, zhao, jiangnan):
    client.force_login(zhao)
    assert fault(client.get(doors, headers={"Suanli-Company": "jiangnan"}), 404)["type"] == "not_found"
    assert fault(client.get(doors, headers={"Suanli-Company": "no-such"}), 404)["type"] == "not_found"


def test_a_person_of_one_company_need_not_name_it(client, doors, zhao):
    client.force_login(zhao)
    assert client.get(doors).status_code == 200


def test_a_person_of_two_companies_must_name_one(client, doors, zhao, jiangnan):
    from portal.accounts.models import Membership

    Membership.objects.create(user=zhao, organisation=jiangnan, role="buyer", created_at=jiangnan.created_at)
    client.force_login(zhao)
    assert fault(client.get(doors), 400)["code"] == "company_needed"
    assert client.get(doors, headers={"Suanli-Company": "jiangnan"}).status_code == 200


def test_a_role_without_the_right_is_a_403_and_nothing_changes(client, doors, mei, effects):
    client.force_login(mei)
    body = {"name": "x", "price_uy": "1"}
    response = client.post(doors, body, content_type="application/json", headers={"Idempotency-Key": "m"})
    error = fault(response, 403)
    assert (error["type"], error["code"]) == ("permission", "scope_needed")
    assert effects() == 0


def test_a_browser_needs_its_csrf_token(doors, bo):
    from django.test import Client

    browser = Client(enforce_csrf_checks=True)
    browser.force_login(bo)
    response = browser.post(
        doors,
        {"name": "x", "price_uy": "1"},
        content_type="application/json",
        headers={"Idempotency-Key": "c"},
    )
    assert fault(response, 403)["type"] == "permission"


def test_a_door_must_say_which_right_a_write_needs():
    from portal.api.views import Door

    with pytest.raises(TypeError, match="does not say which right POST needs"):

        class Forgetful(Door):
            def post(self, request):
                return None
