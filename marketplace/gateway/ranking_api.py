"""REST: the public rankings of tokens, for everybody."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from django.utils.cache import patch_cache_control
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from portal.api.serializers import Instant, IntegerString, Shape
from portal.api.views import PublicDoor
from portal.core import clock

from . import rankings
from .ranks import ENOUGH, MILLION, OTHER, Row

CACHED_S = 600
RULES = (
    "Tokens are prompt + completion as each provider's tokenizer counted them, by UTC day and ISO week. Only weeks "
    f"that are over. Every sum is the use of at least {ENOUGH} companies; what fewer used of one model, or of one "
    f"model at one provider, is in '{OTHER}'. change_ppm is null where there was no row the week before; "
    f"weeks_in_lead counts back over at most {rankings.LOOK_BACK + 1} weeks. The operator's own calls are not counted."
)
USERS_NOTE = "Every company here is registered with a Chinese unified social credit code."


class RankShape(Shape):
    """A row of a ranking. The row `other` has no rank, no name and no change."""

    rank = serializers.IntegerField(allow_null=True)
    key = serializers.CharField()
    name = serializers.CharField(allow_null=True)
    maker = serializers.CharField(allow_null=True)
    country = serializers.CharField(allow_null=True)
    tokens = IntegerString()
    prompt_tokens = IntegerString()
    completion_tokens = IntegerString()
    share_ppm = serializers.IntegerField()
    change_ppm = serializers.IntegerField(allow_null=True)
    weeks_in_lead = serializers.IntegerField()


class UsersShape(Shape):
    """Tokens by the country of the companies that used them."""

    country = serializers.CharField()
    tokens = IntegerString()
    share_ppm = serializers.IntegerField()


class PublishedShape(Shape):
    """What somebody else counted and published; in none of the totals here."""

    week = serializers.CharField()
    week_from = serializers.DateField(source="monday")
    country = serializers.CharField()
    tokens = IntegerString()
    change_ppm = serializers.IntegerField()
    source_zh = serializers.CharField()
    source_en = serializers.CharField()


class RankingsShape(Shape):
    """One week. `total_tokens` is null when too few companies used anything."""

    as_of = Instant()
    week = serializers.CharField()
    week_from = serializers.DateField()
    week_to = serializers.DateField()
    rules = serializers.CharField()
    total_tokens = IntegerString(allow_null=True)
    change_ppm = serializers.IntegerField(allow_null=True)
    models = RankShape(many=True)
    providers = RankShape(many=True)
    countries = RankShape(many=True)
    users = UsersShape(many=True)
    users_note = serializers.CharField()
    published_elsewhere = PublishedShape(many=True)


class Rankings(PublicDoor):
    """Tokens of one week by model, by provider and by the country of the model's maker. No key needed."""

    @extend_schema(
        parameters=[
            OpenApiParameter(
                "week", OpenApiTypes.STR, OpenApiParameter.QUERY,
                description="An ISO week that is over, as 2026-W47. Without it the newest.",
            ),
        ],
        responses=RankingsShape,
    )  # fmt: skip
    def get(self, request: Request) -> Response:
        now = clock.now()
        week = _week(request.query_params.get("week", ""), now)
        response = Response(RankingsShape(_shown(rankings.board(week), now)).data)
        patch_cache_control(response, public=True, max_age=CACHED_S)
        return response


def _week(asked: str, now: datetime) -> date:
    newest = rankings.last_week(now)
    if not asked:
        return newest
    week = rankings.week_of(asked)
    if week is None:
        raise serializers.ValidationError({"week": ["YYYY-Www"]}, code="unknown_value")
    if week > newest:
        raise serializers.ValidationError({"week": [f"<= {rankings.week_name(newest)}"]}, code="unknown_value")
    return week


def _shown(board: rankings.Board, now: datetime) -> dict[str, Any]:
    total = board.total.total if board.total else None
    users = {"country": rankings.USERS_COUNTRY, "tokens": total, "share_ppm": MILLION}
    return {
        "as_of": now,
        "week": board.week,
        "week_from": board.monday,
        "week_to": board.sunday,
        "rules": RULES,
        "total_tokens": total,
        "change_ppm": board.change_ppm,
        **{name: [_line(line) for line in lines] for name, lines in board.tables.items()},
        "users": [] if total is None else [users],
        "users_note": USERS_NOTE,
        "published_elsewhere": [_elsewhere(figure) for figure in rankings.published()],
    }


def _line(line: rankings.Line) -> dict[str, Any]:
    row: Row = line.row
    named = line.named
    return {
        "rank": row.rank if named else None,
        "key": row.key,
        "name": named.name if named else None,
        "maker": (named.maker or None) if named else None,
        "country": (named.country or None) if named else None,
        "tokens": row.tokens.total,
        "prompt_tokens": row.tokens.prompt,
        "completion_tokens": row.tokens.completion,
        "share_ppm": row.share_ppm,
        "change_ppm": row.change_ppm,
        "weeks_in_lead": row.weeks_in_lead,
    }


def _elsewhere(figure: Any) -> dict[str, Any]:
    return {
        "week": rankings.week_name(figure.week),
        "monday": figure.week,
        "country": figure.country,
        "tokens": figure.tokens,
        "change_ppm": figure.change_ppm,
        "source_zh": figure.source_zh,
        "source_en": figure.source_en,
    }
