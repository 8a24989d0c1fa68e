"""What a program asks for: read, checked, and as it is sent on. Pure.

The longest output is always sent to the provider: what is reserved is what it can cost at most.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from portal import policy

from .answers import Trouble, dump

# path below /v1 -> (door, field of the longest output, kind of model)
DOORS = {
    "chat/completions": ("chat", "max_completion_tokens", "chat"),
    "completions": ("completions", "max_tokens", "chat"),
    "responses": ("responses", "max_output_tokens", "chat"),
    "embeddings": ("embeddings", "", "embedding"),
}
ELSEWHERE = {"chat": ("max_tokens",)}  # other names of the longest output
OURS = ("provider",)  # fields that are for us and not for the provider
MOST_ANSWERS = 16


@dataclass
class Ask:
    """A request: the fields as they came, and what of them matters here."""

    door: str
    kind: str
    fields: dict[str, Any]
    model: str
    stream: bool
    wants_usage: bool
    answers: int
    output_asked: int | None
    input_most: int
    input_likely: int
    prefer: dict[str, Any]

    def output_most(self, longest: int, context: int) -> int:
        """Tokens of one answer at most: as asked, else policy's, never beyond what the endpoint and the model allow."""
        asked = self.output_asked if self.output_asked is not None else policy.CALL_OUTPUT_TOKENS
        return max(1, min(asked, longest, context)) if self.kind == "chat" else 0

    def sent(self, upstream_model: str, output: int) -> bytes:
        """The body for a provider, with so many tokens of output an answer."""
        fields = {name: value for name, value in self.fields.items() if name not in OURS}
        fields["model"] = upstream_model
        if self.kind == "chat":
            _door, name, _kind = next(d for d in DOORS.values() if d[0] == self.door)
            for other in ELSEWHERE.get(self.door, ()):
                if other in fields:
                    fields.pop(name, None)
                    name = other
            fields[name] = output
        if self.stream and self.door in ("chat", "completions"):
            options = fields.get("stream_options")
            fields["stream_options"] = {**(options if isinstance(options, dict) else {}), "include_usage": True}
        return dump(fields)


def read(path: str, raw: bytes) -> Ask:
    """Raises Trouble 400 for what cannot be sent on. Input tokens: never more than bytes, likely a quarter of them."""
    door, name, kind = DOORS[path]
    try:
        fields = json.loads(raw)
    except ValueError as error:
        raise Trouble(400, "bad_json", f"The body is no JSON: {error}.") from error
    if not isinstance(fields, dict):
        raise Trouble(400, "bad_json", "The body must be a JSON object.")
    model = fields.get("model")
    if not isinstance(model, str) or not model:
        raise Trouble(400, "model_needed", "Name a model.", param="model")
    if fields.get("background"):
        raise Trouble(400, "unsupported", "Answers in the background are not offered.",
                      param="background")
    options = fields.get("stream_options")
    prefer = fields.get("provider")
    asked = _whole(fields, name) if name else None
    for other in ELSEWHERE.get(door, ()):
        asked = _whole(fields, other) if asked is None else asked
    answers = _whole(fields, "n", MOST_ANSWERS) or 1
    answers = max(answers, _whole(fields, "best_of", MOST_ANSWERS) or 1)
    return Ask(
        door=door, kind=kind, fields=fields, model=model, stream=fields.get("stream") is True and kind == "chat",
        wants_usage=isinstance(options, dict) and options.get("include_usage") is True, answers=answers,
        output_asked=asked, input_most=len(raw), input_likely=-(-len(raw) // 4),
        prefer=prefer if isinstance(prefer, dict) else {})


def _whole(fields: dict[str, Any], name: str, most: int = 10_000_000) -> int | None:
    value = fields.get(name)
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= most:
        raise Trouble(400, "bad_number", f"{name} must be a whole number from 1 to {most}.", param=name)
    return value
