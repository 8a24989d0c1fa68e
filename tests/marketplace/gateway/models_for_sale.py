"""Makes models, endpoints and their prices through the real actions."""

from marketplace.gateway import listing
from marketplace.gateway.models import AiModel
from marketplace.gateway.tariff import Line, rates_of

YUAN = 1_000_000
ACTOR = "user:1"


def make_model(slug="deepseek-v3.2", **fields):
    values = {
        "name": "DeepSeek V3.2", "maker": "DeepSeek", "country": "CN", "kind": "chat", "context_tokens": 128_000,
        "note_en": "Writes and reasons.", "note_zh": "会写也会推理。", **fields,
    }  # fmt: skip
    return AiModel.objects.create(slug=slug, **values)


def make_draft(provider, model, region, now, **fields):
    values = {
        "base_url": "https://models.yongli.example/v1", "upstream_model": "deepseek-chat", "output_tokens": 8192,
        "secret": "sk-of-yongli", **fields,
    }  # fmt: skip
    return listing.create_endpoint(provider=provider, model=model, region=region, actor=ACTOR, now=now, **values)


def price(endpoint, now, *lines, starts_at=None, **prices):
    """`price(e, now, input=2, output=8)`: yuan for a million tokens all day; lines are for lengths and hours."""
    first = Line(prices={name: int(yuan * YUAN) for name, yuan in prices.items()})
    listing.set_prices(
        endpoint=endpoint, rates=rates_of([first, *lines]), starts_at=starts_at, actor=ACTOR, now=now
    )


def make_endpoint(provider, model, region, now, *, state="published", prices=None, **fields):
    made = make_draft(provider, model, region, now, **fields)
    price(made, now, **(prices or {"input": 2, "output": 8}))
    if state != "draft":
        listing.submit(endpoint=made, actor=ACTOR, now=now)
    if state in ("published", "paused"):
        listing.approve(endpoint=made, actor="user:2", now=now)
    if state == "paused":
        listing.pause(endpoint=made, actor=ACTOR, now=now)
    return made
