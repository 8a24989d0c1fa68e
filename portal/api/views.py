"""The base of every REST door, and the pages that describe them."""

from __future__ import annotations

from datetime import datetime
from functools import cached_property
from typing import Any, ClassVar

from django.http import Http404
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from portal.core import clock
from portal.core.errors import Refused

from . import hooks
from .idempotency import WRITES, idempotent
from .pagination import Keyset
from .schema import DoorSchema


class Paged(APIView):
    """Adds `self.page(queryset, Serializer)`: one page of a list, newest first."""

    pagination_class = Keyset
    schema = DoorSchema()

    @cached_property
    def paginator(self) -> Keyset:
        return self.pagination_class()

    def page(self, queryset: Any, serializer: Any, **context: Any) -> Response:
        rows = self.paginator.paginate_queryset(queryset, self.request, view=self)
        return self.paginator.get_paginated_response(serializer(rows, many=True, context=context).data)


class PublicDoor(Paged):
    """A door for everybody: reads only, no company."""

    authentication_classes = ()
    permission_classes = ()
    http_method_names = ["get", "head", "options"]


class Door(Paged):
    """A door of one company. Subclasses name the right that each writing method needs:

        class Orders(Door):
            scopes = {"POST": "order"}          # GET needs "read" unless it is named
            def get(self, request): return self.page(queries.orders_of(self.organisation), OrderShape)
            def post(self, request): …          # has its Idempotency-Key checked and is atomic

    `self.organisation`, `self.actor` ("key:key_…" or "user:12"), `self.grant`, `self.now`. A write runs in
    one transaction with its idempotency record; a refusal or any other error undoes all of it.
    """

    permission_classes = (IsAuthenticated,)
    scopes: ClassVar[dict[str, str]] = {}
    grant: hooks.Grant
    now: datetime

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        for name in WRITES:
            method = cls.__dict__.get(name)
            if method is None:
                continue
            if name.upper() not in cls.scopes:
                raise TypeError(f"{cls.__name__}.scopes does not say which right {name.upper()} needs")
            if not getattr(method, "is_idempotent", False):
                setattr(cls, name, idempotent(method))

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        self.now = clock.now()
        super().initial(request, *args, **kwargs)
        auth: Any = request.auth
        grant: hooks.Grant | None = auth if auth is not None else hooks.grant_of_session(request)
        if grant is None:
            if request.headers.get("Suanli-Company"):
                raise Http404
            raise Refused("company_needed")
        self.grant = grant
        request.organisation = grant.organisation  # type: ignore[attr-defined]
        scope = self.scopes.get(request.method or "", "read")
        if request.method in ("HEAD", "OPTIONS"):
            scope = self.scopes.get("GET", "read")
        if not grant.grants(scope):
            raise Refused("scope_needed", scope=scope)

    @property
    def organisation(self) -> Any:
        return self.grant.organisation

    @property
    def actor(self) -> str:
        return self.grant.actor

    @property
    def owner(self) -> str:
        """Whose Idempotency-Key it is."""
        return self.organisation.public_id


class Nothing(APIView):
    """Any other address under /api/v1/: the one error shape instead of a page."""

    authentication_classes = ()
    permission_classes = ()
    schema = None

    def _missing(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        raise Http404

    get = post = put = patch = delete = _missing
