"""Doors made for the tests: they write history steps, so that an effect can be counted."""

from __future__ import annotations

import pytest
from django.urls import include, path
from rest_framework import serializers
from rest_framework.exceptions import Throttled
from rest_framework.response import Response

from portal.accounts.actions import create_key
from portal.api.serializers import Instant, IntegerString, ModelShape, Shape
from portal.api.views import Door, PublicDoor
from portal.core.errors import Refused
from portal.history.actions import record
from portal.history.models import Step


class Thing(Shape):
    name = serializers.CharField(max_length=10)
    price_uy = IntegerString(least=0)


class StepShape(ModelShape):
    class Meta:
        model = Step
        fields = ("before", "at")


class Things(Door):
    schema = None
    scopes = {"POST": "order", "DELETE": "order"}

    def get(self, request):
        return self.page(Step.objects.filter(subject__startswith="organisation:"), StepShape)

    def post(self, request):
        """Writes a step, then ends as the body says."""
        thing = Thing(data=request.data)
        thing.is_valid(raise_exception=True)
        record(self.organisation, before="", after="thing", now=self.now, actor=self.actor)
        match thing.validated_data["name"]:
            case "poor":
                raise Refused("insufficient_funds", needed_uy=5, available_uy=3, missing_uy=2)
            case "stale":
                raise Refused("stale")
            case "tired":
                raise Throttled(wait=7)
            case "broken":
                raise RuntimeError("a surprise")
            case "returned":
                return Response({"error": {"what_happened_to_the_money": ""}}, status=409)
        return Response({"done": thing.data["name"], "price_uy": thing.data["price_uy"]}, status=201)

    def delete(self, request):
        record(self.organisation, before="", after="gone", now=self.now, actor=self.actor)
        return Response(status=204)


class Open(PublicDoor):
    schema = None

    def get(self, request):
        return Response({"at": Instant().to_representation(None)})


class Urls:
    """The portal's addresses, with these doors before all."""

    doors = [path("things", Things.as_view()), path("open", Open.as_view())]

    @classmethod
    def with_rest(cls):
        from portal import urls

        cls.urlpatterns = [path("api/v1/", include(cls.doors)), *urls.urlpatterns]
        return cls


@pytest.fixture
def doors(settings):
    settings.ROOT_URLCONF = Urls.with_rest()
    return "/api/v1/things"


@pytest.fixture
def headers(jiangnan, lin, now):
    """A key of Jiangnan's that may read and order."""
    from portal.core import clock

    _key, secret = create_key(
        organisation=jiangnan, user=lin, name="till", scopes=["read", "order"], now=clock.now(), actor="test"
    )
    return {"Authorization": f"Bearer {secret}"}


@pytest.fixture
def post(client, doors, headers):
    def post(body, key="k1", **extra):
        return client.post(
            doors, body, content_type="application/json", headers={**headers, "Idempotency-Key": key, **extra}
        )

    return post


def steps() -> int:
    return Step.objects.filter(after="thing").count()


@pytest.fixture
def effects():
    return steps
