"""What the meter is told of a call: one JSON object a line, the same in the stream and in the spool. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ..rates import Counts
from .answers import dump


@dataclass
class Event:
    """The fields of models.Call with keys of rows; `epoch`: the run of Redis whose leases pay; times in Unix ms."""

    id: str
    organisation: int
    key: int
    model: int
    endpoint: int | None
    door: str
    stream: bool
    received_ms: int
    epoch: str
    first_ms: int | None = None
    total_ms: int = 0
    end: str = "lost"
    status: int = 0
    estimated: bool = False
    counts: list[int] = field(default_factory=lambda: [0, 0, 0, 0, 0])
    pack: str = ""
    pack_tokens: int = 0
    reserved_uy: int = 0
    charge_uy: int = 0
    prices: dict[str, int] = field(default_factory=dict)
    attempts: list[dict[str, Any]] = field(default_factory=list)

    def count(self, counts: Counts) -> None:
        self.counts = [counts.input, counts.cached, counts.cache_write, counts.output, counts.reasoning]

    def line(self) -> bytes:
        return dump(vars(self))  # asdict would copy all of it first
