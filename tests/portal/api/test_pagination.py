"""Pages by a sealed key."""

import pytest
from rest_framework.exceptions import ValidationError

from portal.api.pagination import seal, unseal
from portal.history.models import Step


@pytest.fixture
def many(jiangnan, now):
    Step.objects.bulk_create(
        Step(subject=f"organisation:{i}", before="", after=f"s{i}", at=now, actor="test") for i in range(5)
    )


def after(response):
    return [row["before"] or row["at"] for row in response.json()["items"]]


def test_it_walks_through_every_row_once(client, doors, headers, many):
    seen, cursor, pages = [], "", 0
    while cursor is not None:
        body = client.get(
            doors, {"limit": "2", **({"cursor": cursor} if cursor else {})}, headers=headers
        ).json()
        assert set(body) == {"items", "next_cursor"}
        assert len(body["items"]) <= 2
        seen += body["items"]
        cursor = body["next_cursor"]
        pages += 1
    assert len(seen) == Step.objects.count() == 6  # the five, and the making of the key
    assert pages == 3


def test_new_rows_do_not_shift_the_next_page(client, doors, headers, many, now):
    first = client.get(doors, {"limit": "2"}, headers=headers).json()
    Step.objects.create(subject="organisation:new", before="new", after="x", at=now, actor="test")
    second = client.get(doors, {"limit": "200", "cursor": first["next_cursor"]}, headers=headers).json()
    assert len(second["items"]) == 4
    assert "new" not in [row["before"] for row in second["items"]]
    assert second["next_cursor"] is None


def test_the_newest_row_comes_first_and_times_are_utc(client, doors, headers, many, now):
    Step.objects.create(subject="organisation:new", before="new", after="x", at=now, actor="test")
    row = client.get(doors, headers=headers).json()["items"][0]
    assert row == {"before": "new", "at": "2026-11-23T01:12:00Z"}


@pytest.mark.parametrize("limit", ["0", "201", "-1", "ten", "1.5", "٣", "9" * 40])
def test_a_page_has_1_to_200_rows(client, doors, headers, limit):
    response = client.get(doors, {"limit": limit}, headers=headers)
    assert response.status_code == 400
    assert response.json()["error"]["param"] == "limit"


def test_a_cursor_says_nothing_and_cannot_be_made_up(client, doors, headers):
    assert unseal(seal(123456789)) == 123456789
    assert seal(5) != seal(5)
    for text in ["", "abc", "5", seal(5)[:-1], "A" + seal(5)[1:], "é", "MTIz", seal(5) + "AAAA"]:
        if text == seal(5):
            continue
        with pytest.raises(ValidationError):
            unseal(text)
    response = client.get(doors, {"cursor": "abc"}, headers=headers)
    assert response.status_code == 400
    assert response.json()["error"]["code"] == "bad_cursor"


def test_a_page_of_a_list_takes_two_queries(client, doors, headers, many, django_assert_num_queries):
    client.get(doors, headers=headers)  # remembers that the key was used
    with django_assert_num_queries(2):
        client.get(doors, headers=headers)
