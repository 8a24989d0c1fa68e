"""A model that Yongli serves, a key of Jiangnan that calls it, and calls with their sums by day.

Calls are written as the meter writes them: one row each, and the sums of their day.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest
from django.db.models import F

from marketplace.catalogue.models import Region
from marketplace.gateway import key_actions
from marketplace.gateway.models import AccessKey, AiModel, Call, DailyUse, Endpoint
from portal.core.money import mul_div
from tests.conftest import NOW

__all__ = ["Use", "use"]
PRICES = {"input": 2_000_000, "cached": 500_000, "output": 8_000_000}
TOKENS = {"input_tokens": 1_000, "output_tokens": 500}


@dataclass
class Use:
    """Who calls what; `call` writes one call, `key` makes one more key."""

    company: object
    owner: object
    model: AiModel
    endpoint: Endpoint
    numbers: itertools.count = field(default_factory=lambda: itertools.count(1))

    def key(self, name: str = "till", **limits) -> AccessKey:
        return self.key_and_text(name, **limits)[0]

    def key_and_text(self, name: str = "till", **limits) -> tuple[AccessKey, str]:
        return key_actions.make_key(
            organisation=self.company, user=self.owner, name=name, created_by=self.owner, now=NOW, **limits
        )

    def other_model(self, slug: str = "bge-m3") -> AiModel:
        return AiModel.objects.create(
            slug=slug, name=slug.upper(), maker="BAAI", country="CN", kind="embedding", context_tokens=8_192
        )

    def call(self, key: AccessKey, *, at: datetime = NOW, model: AiModel | None = None, **changed) -> Call:
        tokens = {name: changed.pop(name) for name in list(changed) if name.endswith("_tokens")} or TOKENS
        prices = changed.pop("prices", PRICES)
        worth = sum(n * prices.get(name.removesuffix("_tokens"), 0) for name, n in tokens.items())
        charge = mul_div(worth, 1, 1_000_000)
        values = {
            "request_id": f"gen_{next(self.numbers):026d}", "organisation": key.organisation, "key": key,
            "model": model or self.model, "endpoint": self.endpoint, "door": "chat", "received_at": at,
            "total_ms": 900, "first_ms": 120, "end": "stop", "status": 200, "charge_uy": charge,
            "reserved_uy": charge + 1_000, "prices": prices, **tokens,
            "attempts": [{"endpoint": self.endpoint.public_id, "status": 200, "ms": 900, "why": ""}], **changed,
        }  # fmt: skip
        call = Call.objects.create(**values)
        sums, _made = DailyUse.objects.get_or_create(
            day=at.astimezone(UTC).date(), organisation=call.organisation, key=key, model=call.model,
            endpoint=call.endpoint,
        )  # fmt: skip
        counted = [f"{d}_tokens" for d in ("input", "cached", "cache_write", "output", "reasoning", "pack")]
        more = {name: F(name) + getattr(call, name) for name in [*counted, "charge_uy"]}
        failed = call.end in ("upstream", "empty", "refused")
        DailyUse.objects.filter(pk=sums.pk).update(calls=F("calls") + 1, failed=F("failed") + int(failed), **more)
        return call


def make_use(company, owner, provider) -> Use:
    region, _made = Region.objects.get_or_create(key="zhejiang", defaults={"name_zh": "浙江", "name_en": "Zhejiang"})
    model = AiModel.objects.create(
        slug="qwen3-8b", name="Qwen3 8B", maker="Alibaba", country="CN", context_tokens=32_768
    )
    endpoint = Endpoint.objects.create(
        model=model, provider=provider, state="published", base_url="https://models.yongli.test/v1",
        upstream_model="qwen3-8b-instruct", region=region, output_tokens=4_096, created_at=NOW, published_at=NOW,
    )  # fmt: skip
    return Use(company=company, owner=owner, model=model, endpoint=endpoint)


@pytest.fixture
def use(jiangnan, lin, yongli) -> Use:
    return make_use(jiangnan, lin, yongli)
