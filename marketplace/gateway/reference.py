"""What the gateway brings with it: models of AI, and figures that others published. Loading twice changes nothing."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

from marketplace.catalogue.reference import upsert

from .models import AiModel, PublishedFigure

DATA = Path(__file__).parent / "data"


def load() -> list[str]:
    """Bring both tables up to data/*.json; one line a row that changed. A model that is in no file stays as it is."""
    figures = [{**row, "week": date.fromisoformat(row["week"])} for row in _read("published.json")]
    return [*upsert(AiModel, "slug", _read("models.json")), *upsert(PublishedFigure, "key", figures)]


def _read(name: str) -> list[dict[str, Any]]:
    return json.loads((DATA / name).read_text(encoding="utf-8"))
