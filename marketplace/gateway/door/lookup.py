"""What one call cost, where it ran and why it ended, for the program that made it."""

from __future__ import annotations

from typing import Any

from ..models import Call
from .facts import in_thread


@in_thread
def generation(company: int, request_id: str) -> dict[str, Any] | None:
    """The call of that company; None while the meter has not written it, and where there is none."""
    row = Call.objects.select_related("model", "endpoint__provider").filter(
        organisation_id=company, request_id=request_id).first()
    if row is None:
        return None
    return {
        "id": row.request_id, "model": row.model.slug,
        "provider": row.endpoint.provider.slug if row.endpoint else None,
        "endpoint": row.endpoint.public_id if row.endpoint else None, "received_at": row.received_at.isoformat(),
        "first_ms": row.first_ms, "total_ms": row.total_ms, "streamed": row.stream, "end": row.end,
        "status": row.status,
        "estimated": row.estimated, "input_tokens": str(row.input_tokens), "cached_tokens": str(row.cached_tokens),
        "cache_write_tokens": str(row.cache_write_tokens), "output_tokens": str(row.output_tokens),
        "reasoning_tokens": str(row.reasoning_tokens), "pack_tokens": str(row.pack_tokens),
        "prices_uy_per_m": {name: str(price) for name, price in row.prices.items()},
        "reserved_uy": str(row.reserved_uy), "charge_uy": str(row.charge_uy), "attempts": row.attempts}
