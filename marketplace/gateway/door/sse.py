"""A provider's stream as it goes by: events are passed on as they are, and what they say of usage is kept. Pure."""

from __future__ import annotations

import json
from typing import Any

from ..rates import Counts, counts_of

END = b"\n\n"
DONE = b"data: [DONE]\n\n"
LINE_MOST = 8_000_000


class Stream:
    """Feed it bytes; it gives the events to pass on.

    counts: the usage if the provider has told it. pieces: events with something of an answer in them.
    done: the provider said that it is over. failed: an error inside the stream.
    """

    def __init__(self, *, door: str, wants_usage: bool) -> None:
        self.door, self.wants_usage = door, wants_usage
        self.counts: Counts | None = None
        self.pieces = 0
        self.done = False
        self.failed = False
        self.finish = ""
        self._rest = b""

    def feed(self, data: bytes) -> bytes:
        """What of it is whole and for the caller. ValueError for an event without end."""
        text = self._rest + data.replace(b"\r\n", b"\n") if b"\r" in data else self._rest + data
        cut = text.rfind(END)
        if cut < 0:
            if len(text) > LINE_MOST:
                raise ValueError("an event without end")
            self._rest = text
            return b""
        self._rest = text[cut + 2 :]
        return b"".join([event + END for event in text[: cut].split(END) if event and self._passes(event)])

    def _passes(self, event: bytes) -> bool:
        if b"[DONE]" in event and event.strip().endswith(b"data: [DONE]"):
            self.done = True
            return True
        if b'"usage"' in event or b'"error"' in event or b'"finish_reason":"' in event:
            return self._look(event)
        self._count(event)
        return True

    def _count(self, event: bytes) -> None:
        """A piece of an answer is a token or so; the other events of a responses stream are none."""
        if b'.delta"' in event if self.door == "responses" else b"data:" in event:
            self.pieces += 1

    def _look(self, event: bytes) -> bool:
        told = data_of(event)
        if told is None:
            return True
        if (told.get("error") and self.door != "responses") or told.get("type") in ("error", "response.failed"):
            self.failed = True
            return False
        within = told.get("response") if isinstance(told.get("response"), dict) else told
        usage = within.get("usage")  # type: ignore[union-attr]
        if isinstance(usage, dict):
            self.counts = counts_of(usage) or self.counts
        if told.get("type") in ("response.completed", "response.incomplete"):
            self.done = True
            self.finish = "length" if told["type"].endswith("incomplete") else "stop"
        choices = told.get("choices")
        if choices == [] and usage is not None and not self.wants_usage:
            return False  # asked for by us alone
        for choice in choices if isinstance(choices, list) else ():
            self.finish = choice.get("finish_reason") or self.finish
        self._count(event)
        return True


def data_of(event: bytes) -> dict[str, Any] | None:
    """The JSON object of an event, None where it has none."""
    lines = [line[5:].strip() for line in event.split(b"\n") if line.startswith(b"data:")]
    try:
        told = json.loads(b"\n".join(lines))
    except ValueError:
        return None
    return told if isinstance(told, dict) else None
