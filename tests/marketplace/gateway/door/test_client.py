"""The official openai client, unmodified: what it can ask, and how it takes our errors."""

import json
import time

import openai
import pytest

from marketplace.gateway.models import AiModel
from portal.core import clock

from .conftest import make_key, serve
from .upstreams import Llama, until

# a random model may end at any token: `ignore_eos` where a length matters
HELLO = [{"role": "user", "content": "hello"}]


@pytest.fixture
def endpoint(tiny, yongli, mishap):
    return serve(tiny, yongli, mishap.url)


@pytest.fixture(scope="module")
def embedder(models_folder):
    server = Llama(models_folder, embedding=True)
    yield server
    server.stop()


@pytest.fixture
def vectors(db, harbour, embedder):
    model = AiModel.objects.create(
        slug="tiny-vectors", name="Vectors", maker="Suanli", country="CN", kind="embedding", context_tokens=2048)
    endpoint = serve(model, harbour, embedder.url)
    endpoint.prices.filter(direction="output").delete()
    return endpoint


def test_it_lists_models(endpoint, vectors, door):
    assert [m.id for m in door.client().models.list()] == ["tiny-random", "tiny-vectors"]
    assert door.client().models.retrieve("tiny-random").owned_by == "Suanli"
    with pytest.raises(openai.NotFoundError):
        door.client().models.retrieve("none")


def test_completions_of_a_text(endpoint, door):
    made = door.client().completions.create(
        model="tiny-random", prompt="Once", max_tokens=4, extra_body={"ignore_eos": True})
    assert made.usage.completion_tokens == 4
    [call] = door.settled()
    assert (call.door, call.output_tokens) == ("completions", 4)


@pytest.mark.parametrize("stream", [False, True])
def test_responses(endpoint, door, stream):
    made = door.client().responses.create(model="tiny-random", input="hello", max_output_tokens=16, stream=stream)
    if stream:
        events = list(made)
        assert events[-1].type in ("response.completed", "response.incomplete")
        usage = events[-1].response.usage
    else:
        usage = made.usage
    [call] = door.settled()
    assert call.door == "responses" and not call.estimated
    assert call.tokens == usage.input_tokens + usage.output_tokens


def test_embeddings(vectors, door):
    made = door.client().embeddings.create(model="tiny-vectors", input=["one text", "another"], encoding_format="float")
    assert len(made.data) == 2 and len(made.data[0].embedding) == 64
    [call] = door.settled()
    assert (call.door, call.output_tokens, call.tokens) == ("embeddings", 0, made.usage.prompt_tokens)
    assert call.charge_uy > 0


def test_a_model_does_only_what_it_is_for(endpoint, vectors, door):
    with pytest.raises(openai.BadRequestError):
        door.client().embeddings.create(model="tiny-random", input="x")
    with pytest.raises(openai.BadRequestError):
        door.client().chat.completions.create(model="tiny-vectors", messages=HELLO)


def test_tools_and_json_mode_are_passed_on(endpoint, door, mishap):
    tools = [{"type": "function", "function": {
        "name": "order", "description": "orders goods",
        "parameters": {"type": "object", "properties": {"kilos": {"type": "integer"}}, "required": ["kilos"]}}}]
    door.client().chat.completions.create(
        model="tiny-random", messages=HELLO, max_tokens=20, tools=tools, tool_choice="required")
    assert mishap.asked[-1]["tools"] == tools and mishap.asked[-1]["tool_choice"] == "required"
    schema = {"name": "n", "schema": {"type": "object", "properties": {"n": {"enum": [1, 2]}}, "required": ["n"],
                                      "additionalProperties": False}}
    made = door.client().chat.completions.create(
        model="tiny-random", messages=HELLO, max_tokens=64,
        response_format={"type": "json_schema", "json_schema": schema})
    assert json.loads(made.choices[0].message.content) in ({"n": 1}, {"n": 2})


def test_the_longest_output_is_always_sent(endpoint, door, mishap):
    door.ask(max_tokens=5)
    door.client().chat.completions.create(model="tiny-random", messages=HELLO, max_completion_tokens=6)
    door.client().chat.completions.create(model="tiny-random", messages=HELLO, stop=["a"])
    sent = [{name: asked[name] for name in ("max_tokens", "max_completion_tokens") if name in asked}
            for asked in mishap.asked]
    assert sent == [{"max_tokens": 5}, {"max_completion_tokens": 6}, {"max_completion_tokens": 1024}]


def test_usage_inside_a_stream_only_where_it_was_asked_for(endpoint, door):
    assert all(piece.choices for piece in door.ask(stream=True))
    told = door.ask(stream=True, stream_options={"include_usage": True})
    assert (told[-1].choices, told[-1].usage.completion_tokens) == ([], 8)


def test_several_answers_are_reserved_and_counted(endpoint, door):
    made = door.client().chat.completions.create(model="tiny-random", messages=HELLO, max_tokens=6, n=3)
    [call] = door.settled()
    assert len(made.choices) == 3
    assert call.output_tokens == made.usage.completion_tokens <= 18


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"model": "none"}, openai.NotFoundError),
        ({"max_tokens": -1}, openai.BadRequestError),
        ({"n": 99}, openai.BadRequestError),
        ({"extra_body": {"provider": {"only": ["nobody"]}}}, openai.NotFoundError),
        ({"extra_body": {"provider": {"max_price": {"input": 1}}}}, openai.NotFoundError),
    ],
)
def test_what_cannot_be_served_is_said_in_the_clients_own_classes(endpoint, door, fields, error):
    with pytest.raises(error) as told:
        door.client().chat.completions.create(**{"model": "tiny-random", "messages": HELLO, **fields})
    assert "Nothing was charged" in told.value.message
    assert door.reserved() == 0


def test_a_wrong_key_is_always_the_same_answer(endpoint, door, jiangnan, lin):
    revoked = make_key(jiangnan, lin, revoked_at=clock.now())[1]
    expired = make_key(jiangnan, lin, expires_at=clock.now())[1]
    for text in ("sk-tok_x_y", "nonsense", door.text + "x", door.text[:-1], revoked, expired):
        with pytest.raises(openai.AuthenticationError) as told:
            door.client(text).models.list()
        assert told.value.code == "invalid_api_key"


def test_a_key_for_some_models_and_addresses(endpoint, vectors, door, jiangnan, lin):
    vectors_only = make_key(jiangnan, lin, allowed=["tiny-vectors"])[1]
    with pytest.raises(openai.PermissionDeniedError):
        door.client(vectors_only).chat.completions.create(model="tiny-random", messages=HELLO)
    assert [m.id for m in door.client(vectors_only).models.list()] == ["tiny-vectors"]
    elsewhere = make_key(jiangnan, lin, addresses=["192.0.2.0/24"])[1]
    with pytest.raises(openai.PermissionDeniedError):
        door.client(elsewhere).models.list()
    here = make_key(jiangnan, lin, addresses=["192.0.2.0/24", "127.0.0.0/8"])[1]
    assert door.client(here).models.list().data


def test_the_client_repeats_what_a_provider_could_not_do_by_itself(endpoint, door, mishap):
    mishap.next = ["500", "500"]
    made = door.client(max_retries=3).chat.completions.create(model="tiny-random", messages=HELLO, max_tokens=4)
    assert made.choices
    calls = door.settled(3)
    assert [call.status for call in calls] == [502, 502, 200]
    assert [call.charge_uy > 0 for call in calls] == [False, False, True]


def test_the_cheaper_provider_is_asked_first_and_preferences_are_kept(tiny, yongli, harbour, llama, mishap, door):
    serve(tiny, yongli, mishap.url, price_factor=3)
    cheap = serve(tiny, harbour, llama.url)
    door.redis.publish("gw:news", "shelf")
    until(lambda: [bool(t.tariff.rows) for t in door.gateway.shelf.targets.get("tiny-random", ())] == [True, True])
    door.ask()
    assert mishap.asked == []
    door.ask(extra_body={"provider": {"only": ["yongli"]}})
    assert len(mishap.asked) == 1 and "provider" not in mishap.asked[0]
    door.ask(extra_body={"provider": {"ignore": ["yongli"], "max_price": {"output": 8_000_000}}})
    assert [call.endpoint == cheap for call in door.settled(3)] == [True, False, True]


def test_a_provider_that_fails_again_and_again_is_left_alone_for_a_while(tiny, yongli, harbour, llama, mishap, door):
    serve(tiny, harbour, llama.url, price_factor=3)
    serve(tiny, yongli, mishap.url)
    door.redis.publish("gw:news", "shelf")
    until(lambda: [bool(t.tariff.rows) for t in door.gateway.shelf.targets.get("tiny-random", ())] == [True, True])
    mishap.next = ["500"] * 3
    for _ in range(5):
        door.ask()
    assert len(mishap.asked) == 3
    next(h for h in door.gateway.health.values() if h.in_a_row).opened_at = time.monotonic() - 11
    door.ask()
    assert len(mishap.asked) == 4


def test_what_one_call_cost_and_why(endpoint, door, jiangnan, yongli, zhao):
    made = door.client().chat.completions.with_raw_response.create(model="tiny-random", messages=HELLO, max_tokens=4)
    request = made.headers["x-request-id"]
    [call] = door.settled()
    assert call.request_id == request
    told = door.client().get(f"/generation/{request}", cast_to=object)
    assert (told["charge_uy"], told["provider"], told["end"]) == (str(call.charge_uy), "yongli", "length")
    assert told["output_tokens"] == "4"
    stranger = make_key(yongli, zhao)[1]
    with pytest.raises(openai.NotFoundError):
        door.client(stranger).get(f"/generation/{request}", cast_to=object)


def test_a_request_that_is_too_large_is_refused_unread(endpoint, door):
    with pytest.raises(openai.APIStatusError) as told:
        door.ask("x" * 4_100_000)
    assert told.value.status_code == 413
