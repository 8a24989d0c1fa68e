"""The description of the doors: for machines, and for people."""

import json

import pytest
from drf_spectacular.drainage import GENERATOR_STATS
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.validation import validate_schema

from portal.api.docs import groups


@pytest.fixture
def document(doors, db):
    groups.cache_clear()
    GENERATOR_STATS.reset()
    yield SchemaGenerator().get_schema(request=None, public=True)
    groups.cache_clear()


def test_it_is_valid_openapi_without_a_warning(document):
    validate_schema(document)
    assert not GENERATOR_STATS._error_cache
    assert not list(GENERATOR_STATS._warn_cache)


def test_machines_read_it_without_a_key(client, doors, db):
    response = client.get("/api/v1/schema/", {"format": "json"})
    assert response.status_code == 200
    paths = json.loads(response.content)["paths"]
    assert "/api/v1/company" in paths
    assert "/api/v1/keys" in paths


def test_every_write_asks_for_an_idempotency_key(document):
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            if method in ("post", "put", "patch", "delete"):
                names = [
                    p["name"]
                    for p in operation.get("parameters", [])
                    if p["in"] == "header" and p.get("required")
                ]
                assert "Idempotency-Key" in names, (method, path)


def test_every_operation_says_what_an_error_looks_like(document):
    answer = document["paths"]["/api/v1/company"]["get"]["responses"]["default"]
    assert answer["content"]["application/json"]["schema"]["$ref"].endswith("/Error")


def test_amounts_are_strings(document):
    shape = document["components"]["schemas"]["CompanyShape"]["properties"]["most_per_order_uy"]
    assert shape["type"] == "string"


def test_people_read_it_without_foreign_assets(client, document):
    response = client.get("/api/v1/docs/")
    text = response.content.decode()
    assert response.status_code == 200
    for part in ("GET /api/v1/company", "POST /api/v1/keys", "Idempotency-Key", "what_happened_to_the_money"):
        assert part in text
    assert "https://" not in text.replace("https://suanli", "")
    assert " style=" not in text
    assert "<script>" not in text
    assert "script-src 'self'" in response["Content-Security-Policy"]


def test_the_page_is_made_once(client, document):
    client.get("/api/v1/docs/")
    before = groups.cache_info().misses
    client.get("/api/v1/docs/")
    assert groups.cache_info().misses == before
