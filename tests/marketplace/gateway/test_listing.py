"""What a provider and the staff may do to a model endpoint, and that a price is never edited."""

import pytest

from marketplace.gateway import listing, prices, secrets_box
from marketplace.gateway.models import Endpoint, Price
from marketplace.gateway.tariff import Line, Rate, is_raise, lines_of, price_at, rates_of, told
from portal.core.errors import Refused, Stale
from portal.history.models import Step
from tests.marketplace.gateway.models_for_sale import ACTOR, YUAN, make_draft, make_endpoint, price

pytestmark = pytest.mark.django_db
NIGHT = (22 * 60, 8 * 60)


def rows(endpoint):
    return list(Price.objects.filter(endpoint=endpoint).order_by("pk").values())


def everything():
    tables = [list(table.objects.order_by("pk").values()) for table in (Endpoint, Price)]
    return tables, Step.objects.count()


def refused(act, **kwargs):
    """The code of the refusal; that nothing was changed is seen to here."""
    before = everything()
    with pytest.raises(Refused) as said:
        act(**{"actor": ACTOR, **kwargs})
    assert everything() == before
    return said.value.code


# the life of an endpoint


def test_it_goes_from_draft_over_approval_to_the_shelf_and_off_it(draft, now, later):
    price(draft, now, input=2, output=8)
    listing.submit(endpoint=draft, actor=ACTOR, now=later(minutes=1))
    listing.approve(endpoint=draft, actor="user:2", now=later(minutes=2))
    assert (draft.state, draft.published_at) == ("published", later(minutes=2))
    listing.pause(endpoint=draft, actor=ACTOR, now=later(minutes=3))
    listing.resume(endpoint=draft, actor=ACTOR, now=later(minutes=4))
    listing.archive(endpoint=draft, actor=ACTOR, now=later(minutes=5))
    draft.refresh_from_db()
    assert (draft.state, draft.secret) == ("archived", "")
    moves = Step.objects.filter(subject=f"endpoint:{draft.public_id}").order_by("pk").values_list("before", "after")
    assert [m for m in moves if m[0] != m[1]] == [
        ("", "draft"), ("draft", "submitted"), ("submitted", "published"), ("published", "paused"),
        ("paused", "published"), ("published", "archived"),
    ]  # fmt: skip


def test_only_an_approved_provider_lists_a_model(jiangnan, yongli, model, region, now):
    values = {"model": model, "region": region, "base_url": "https://m.example/v1", "upstream_model": "m",
              "output_tokens": 10, "now": now}  # fmt: skip
    assert refused(listing.create_endpoint, provider=jiangnan, **values) == "not_a_provider"
    yongli.state = "suspended"
    assert refused(listing.create_endpoint, provider=yongli, **values) == "company_not_approved"


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("base_url", "http://models.yongli.example/v1", "address_https"),
        ("base_url", "https://10.0.0.7/v1", "address_private"),
        ("output_tokens", 0, "output_too_long"),
        ("output_tokens", 128_001, "output_too_long"),
        ("parallel", 0, "parallel_needed"),
        ("upstream_model", " ", "name_needed"),
        ("secret", "two\nlines", "secret_malformed"),
        ("secret", "x" * 501, "secret_malformed"),
    ],
)
def test_it_refuses_what_could_not_be_served(draft, now, field, value, code):
    assert refused(listing.update_draft, endpoint=draft, now=now, **{field: value}) == code


def test_the_address_is_kept_as_it_is_connected_to(yongli, model, region, now):
    made = make_draft(yongli, model, region, now, base_url=" HTTPS://Models.Example.:443/v1/ ")
    assert made.base_url == "https://models.example/v1"


def test_a_secret_goes_only_to_the_server_it_was_given_for(draft, now):
    assert refused(listing.update_draft, endpoint=draft, now=now, base_url="https://evil.example/v1") == "secret_again"
    listing.update_draft(endpoint=draft, now=now, actor=ACTOR, base_url="https://models.yongli.example/v2")
    assert secrets_box.open_(draft.secret) == "sk-of-yongli"
    listing.update_draft(endpoint=draft, now=now, actor=ACTOR, base_url="https://new.example/v1", secret="sk-new")
    draft.refresh_from_db()
    assert (draft.base_url, secrets_box.open_(draft.secret)) == ("https://new.example/v1", "sk-new")


def test_the_history_names_no_secret(draft, now):
    listing.set_secret(endpoint=draft, secret="sk-other", actor=ACTOR, now=now)
    told_all = str(list(Step.objects.values()))
    assert "secret_set" in told_all and "sk-" not in told_all


def test_only_a_draft_is_changed_but_a_secret_also_later(endpoint, now):
    assert refused(listing.update_draft, endpoint=endpoint, now=now, parallel=9) == "endpoint_not_draft"
    listing.set_secret(endpoint=endpoint, secret="sk-other", actor=ACTOR, now=now)
    endpoint.refresh_from_db()
    assert secrets_box.open_(endpoint.secret) == "sk-other"


def test_it_needs_prices_for_input_and_output_before_it_is_handed_in(draft, now):
    assert refused(listing.submit, endpoint=draft, now=now) == "price_needed"
    price(draft, now, input=2)
    assert refused(listing.submit, endpoint=draft, now=now) == "price_needed"


def test_a_model_that_makes_vectors_needs_a_price_of_input_only(yongli, vectors, region, now):
    made = make_endpoint(yongli, vectors, region, now, prices={"input": 0.5})
    assert (made.state, made.output_tokens) == ("published", 0)
    rates = rates_of([Line(prices={"input": YUAN, "output": YUAN})])
    assert refused(listing.set_prices, endpoint=made, rates=rates, now=now) == "price_malformed"


def test_staff_return_it_with_a_sentence(yongli, model, region, now):
    made = make_endpoint(yongli, model, region, now, state="submitted")
    assert refused(listing.return_to_draft, endpoint=made, reason=" ", now=now) == "reason_needed"
    listing.return_to_draft(endpoint=made, reason=" Name the hours. ", actor="user:2", now=now)
    assert (made.state, made.returned_reason, made.submitted_at) == ("draft", "Name the hours.", None)
    listing.submit(endpoint=made, actor=ACTOR, now=now)
    assert made.returned_reason == ""


def test_staff_approve_exactly_what_they_saw(yongli, model, region, now, later):
    made = make_endpoint(yongli, model, region, now, state="submitted")
    listing.withdraw_submission(endpoint=made, actor=ACTOR, now=later(minutes=1))
    listing.submit(endpoint=made, actor=ACTOR, now=later(minutes=2))
    assert refused(listing.approve, endpoint=made, seen=now, now=later(minutes=3)) == "stale"
    listing.approve(endpoint=made, seen=later(minutes=2), actor="user:2", now=later(minutes=3))
    assert made.state == "published"


def test_what_a_suspended_company_handed_in_is_not_approved(yongli, model, region, now):
    made = make_endpoint(yongli, model, region, now, state="submitted")
    made.provider.state = "suspended"
    assert refused(listing.approve, endpoint=made, now=now) == "company_not_approved"


def test_what_staff_took_off_is_put_back_by_them_only(endpoint, now):
    listing.take_off(endpoint=endpoint, reason="It answers nonsense.", actor="user:2", now=now)
    assert refused(listing.resume, endpoint=endpoint, now=now) == "taken_off"
    listing.put_back(endpoint=endpoint, actor="user:2", now=now)
    listing.pause(endpoint=endpoint, actor=ACTOR, now=now)
    assert refused(listing.put_back, endpoint=endpoint, now=now) == "paused_by_provider"


@pytest.mark.parametrize("verb", ["withdraw_submission", "approve", "resume", "put_back"])
def test_steps_that_do_not_fit_are_refused(draft, now, verb):
    assert refused(getattr(listing, verb), endpoint=draft, now=now) == "bad_move"


# prices


def test_a_cheaper_price_ends_the_old_row_and_begins_a_new_one(endpoint, now, later):
    old = rows(endpoint)
    price(endpoint, later(hours=1), input=2, output=6)
    new = rows(endpoint)
    assert new[0] == old[0]  # input goes on
    assert new[1] == {**old[1], "effective_to": later(hours=1)}
    assert (new[2]["direction"], new[2]["uy_per_m"], new[2]["effective_from"]) == ("output", 6 * YUAN, later(hours=1))


def test_the_same_table_again_changes_nothing(endpoint, later):
    before = everything()
    price(endpoint, later(hours=1), input=2, output=8)
    assert everything() == before


def test_a_dearer_price_is_told_before_it_begins(endpoint, now, later):
    dear = rates_of([Line(prices={"input": 2 * YUAN, "output": 9 * YUAN})])
    by = {"act": listing.set_prices, "endpoint": endpoint, "rates": dear, "now": now}
    assert refused(**by) == "raise_needs_notice"
    assert refused(**by, starts_at=now) == "raise_needs_notice"
    assert refused(**by, starts_at=later(minutes=59)) == "raise_needs_notice"
    listing.set_prices(endpoint=endpoint, rates=dear, starts_at=later(hours=1), actor=ACTOR, now=now)
    shown = prices.prices_of([endpoint], now=later(minutes=59))[endpoint.pk]
    assert [cell.uy_per_m for cell in shown.now.rows[0].cells] == [2 * YUAN, 8 * YUAN]
    assert shown.coming_at == later(hours=1)
    assert [cell.uy_per_m for cell in shown.coming.rows[0].cells] == [2 * YUAN, 9 * YUAN]
    at = prices.prices_of([endpoint], now=later(hours=1))[endpoint.pk]
    assert (at.now.rates, at.coming) == (tuple(dear), None)


def test_a_price_that_is_dearer_only_at_night_is_dearer(endpoint, now):
    night = Line(window=NIGHT, prices={"output": 20 * YUAN})
    assert refused(
        listing.set_prices, endpoint=endpoint, now=now,
        rates=rates_of([Line(prices={"input": YUAN, "output": YUAN}), night]),
    ) == "raise_needs_notice"  # fmt: skip


def test_a_row_of_its_own_that_is_dearer_than_what_stood_for_it_is_dearer(endpoint, now):
    rates = rates_of([Line(prices={"input": 2 * YUAN, "output": 8 * YUAN, "reasoning": 8 * YUAN + 1})])
    assert refused(listing.set_prices, endpoint=endpoint, rates=rates, now=now) == "raise_needs_notice"


def test_no_price_begins_in_the_past(endpoint, now, later):
    rates = rates_of([Line(prices={"input": YUAN, "output": YUAN})])
    by = {"endpoint": endpoint, "rates": rates, "now": later(hours=1), "starts_at": later(minutes=59)}
    assert refused(listing.set_prices, **by) == "price_in_past"


def test_one_change_is_announced_at_a_time_and_can_be_taken_back(endpoint, now, later):
    before = rows(endpoint)
    price(endpoint, now, input=3, output=8, starts_at=later(days=1))
    cheap = rates_of([Line(prices={"input": YUAN, "output": YUAN})])
    assert refused(listing.set_prices, endpoint=endpoint, rates=cheap, now=now) == "price_announced"
    listing.take_back_prices(endpoint=endpoint, actor=ACTOR, now=later(hours=1))
    assert rows(endpoint) == before
    assert refused(listing.take_back_prices, endpoint=endpoint, now=now) == "nothing_announced"


def test_what_has_begun_cannot_be_taken_back(endpoint, now, later):
    price(endpoint, now, input=3, output=8, starts_at=later(days=1))
    assert refused(listing.take_back_prices, endpoint=endpoint, now=later(days=1)) == "nothing_announced"


def test_two_changes_at_one_instant_are_one_too_many(endpoint, later):
    at = later(hours=1)
    price(endpoint, at, input=1, output=8)
    before = everything()
    with pytest.raises(Stale):
        price(endpoint, at, input=0.5, output=8)
    assert everything() == before


def test_a_draft_may_be_priced_again_at_once(draft, now):
    price(draft, now, input=2, output=8)
    price(draft, now, input=3, output=9)
    assert [row["uy_per_m"] for row in rows(draft)] == [3 * YUAN, 9 * YUAN]


def test_prices_stand_still_while_staff_look_at_them(yongli, model, region, now):
    made = make_endpoint(yongli, model, region, now, state="submitted")
    rates = rates_of([Line(prices={"input": YUAN, "output": YUAN})])
    assert refused(listing.set_prices, endpoint=made, rates=rates, now=now) == "waits_for_approval"
    assert refused(listing.take_back_prices, endpoint=made, now=now) == "waits_for_approval"


def test_what_is_sold_keeps_all_the_prices_it_needs(endpoint, now):
    assert refused(listing.set_prices, endpoint=endpoint, rates=[], now=now) == "price_needed"
    only = rates_of([Line(prices={"input": YUAN})])
    assert refused(listing.set_prices, endpoint=endpoint, rates=only, now=now) == "price_needed"


@pytest.mark.parametrize(
    ("rates", "code"),
    [
        ([Rate("input", 0, 0, 1440, -1)], "price_malformed"),
        ([Rate("colour", 0, 0, 1440, 1)], "price_malformed"),
        ([Rate("input", 0, 0, 1441, 1)], "price_malformed"),
        ([Rate("input", 0, 700, 700, 1)], "price_malformed"),
        ([Rate("input", 0, 0, 1440, 1), Rate("input", 128_000, 0, 1440, 2)], "price_malformed"),
        ([Rate("input", 0, 0, 800, 1), Rate("input", 0, 700, 1440, 2)], "price_overlaps"),
        ([Rate("input", 0, 0, 700, 1)], "price_gaps"),
        ([Rate("input", 32_000, 0, 1440, 1)], "price_gaps"),
        ([Rate("input", 0, 0, 1440, 1), Rate("input", 32_000, 0, 700, 2)], "price_gaps"),
    ],
)
def test_it_refuses_tables_that_leave_a_doubt(draft, now, rates, code):
    assert refused(listing.set_prices, endpoint=draft, rates=rates, now=now) == code


def test_an_archived_endpoint_is_priced_no_more(endpoint, now):
    listing.archive(endpoint=endpoint, actor=ACTOR, now=now)
    rates = rates_of([Line(prices={"input": YUAN, "output": YUAN})])
    assert refused(listing.set_prices, endpoint=endpoint, rates=rates, now=now) == "bad_move"


# lines, rows and words (pure)

LINES = [
    Line(prices={"input": 2, "cached": 1, "output": 8}),
    Line(window=NIGHT, prices={"input": 1, "output": 4}),
    Line(from_tokens=32_000, prices={"input": 4, "output": 16}),
]


def test_lines_become_rows_and_rows_become_the_same_lines():
    rates = rates_of(LINES)
    assert [r for r in rates if r.direction == "input"] == [
        Rate("input", 0, 0, 480, 1), Rate("input", 0, 480, 1320, 2), Rate("input", 0, 1320, 1440, 1),
        Rate("input", 32_000, 0, 1440, 4),
    ]  # fmt: skip
    assert [r for r in rates if r.direction == "cached"] == [Rate("cached", 0, 0, 1440, 1)]
    assert rates_of(lines_of(rates)) == rates


@pytest.mark.parametrize(
    ("direction", "tokens", "minute", "expected"),
    [
        ("input", 0, 600, 2), ("input", 31_999, 0, 1), ("input", 32_000, 0, 4), ("output", 5, 1319, 8),
        ("output", 5, 1320, 4), ("reasoning", 5, 1320, 4), ("cached", 99_999, 0, 1), ("cache_write", 0, 600, 2),
    ],
)  # fmt: skip
def test_length_and_minute_choose_the_price(direction, tokens, minute, expected):
    assert price_at(rates_of(LINES), direction, input_tokens=tokens, minute=minute) == expected


def test_buyers_read_one_line_for_every_length_and_hour():
    lines = told(rates_of(LINES))
    assert [(line.from_tokens, line.to_tokens, line.windows, line.is_rest) for line in lines] == [
        (0, 32_000, (), True), (0, 32_000, (NIGHT,), False), (32_000, None, (), False)]
    assert [prices.hours_of(line) for line in lines] == ["all other hours", "22:00–08:00", "any hour"]
    assert [prices.length_of(line) for line in lines] == [
        "below 32,000 tokens of input", "below 32,000 tokens of input", "from 32,000 tokens of input on"]
    assert lines[1].prices["reasoning"] == 4 and lines[2].prices["cached"] == 1


def test_a_table_is_a_raise_if_any_call_may_cost_more():
    rates = rates_of(LINES)
    assert not is_raise(rates, rates)
    assert not is_raise(rates, rates_of(LINES[:2]))
    assert is_raise(rates_of(LINES[:2]), rates)
    assert is_raise(rates, rates_of([LINES[0], LINES[2]]))  # no cheaper night any more
    assert is_raise(rates, [r for r in rates if r.direction != "cached"])  # cached input costs what input costs
