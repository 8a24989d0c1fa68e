"""Calls by the official client against a real server: counted as it counts, charged to the micro-yuan."""

import pytest

from marketplace.gateway.models import Call

from .conftest import CACHED, INPUT, OUTPUT, balanced, serve


@pytest.fixture
def endpoint(tiny, yongli, llama):
    return serve(tiny, yongli, llama.url)


def worth(call: Call) -> int:
    exact = call.input_tokens * INPUT + call.cached_tokens * CACHED + call.output_tokens * OUTPUT
    return round(exact / 1_000_000)


@pytest.mark.parametrize("stream", [False, True])
def test_a_chat_is_answered_and_charged(endpoint, door, llama, jiangnan, stream):
    before = llama.counted()
    answer = door.ask("What will tomorrow bring?", stream=stream)
    said = "".join(p.choices[0].delta.content or "" for p in answer if p.choices) if stream else (
        answer.choices[0].message.content)
    assert said
    [call] = door.settled()
    after = llama.counted()
    assert (call.end, call.status, call.estimated, call.stream) == ("length", 200, False, stream)
    assert call.output_tokens == after["predicted"] - before["predicted"] == 8
    assert call.input_tokens == after["prompt"] - before["prompt"]
    assert call.cached_tokens == after["cached"] - before["cached"]
    assert call.charge_uy == worth(call) > 0
    assert call.endpoint == endpoint
    assert door.reserved() == 0
    door.take_back()
    balanced(jiangnan)
