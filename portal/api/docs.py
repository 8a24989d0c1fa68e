"""The REST doors as a page for people, from the same OpenAPI description that programs read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import get_language
from django.views.decorators.http import require_GET
from drf_spectacular.generators import SchemaGenerator

METHODS = ("get", "post", "put", "patch", "delete")


@dataclass(frozen=True)
class Field:
    name: str
    kind: str
    text: str = ""
    required: bool = False


@dataclass(frozen=True)
class Operation:
    """One thing a program can ask for."""

    method: str
    path: str
    summary: str
    text: str
    parameters: tuple[Field, ...]
    sends: tuple[Field, ...]
    gets: tuple[Field, ...]
    status: str

    @property
    def anchor(self) -> str:
        return f"{self.method}{self.path}".replace("/", "-").replace("{", "").replace("}", "").lower()


@dataclass
class Group:
    name: str
    operations: list[Operation] = field(default_factory=list)


@lru_cache(maxsize=8)
def groups(language: str) -> tuple[Group, ...]:
    """Every operation by its first word, in the order of the addresses. Made once a process and language."""
    document = SchemaGenerator().get_schema(request=None, public=True)
    shapes = document.get("components", {}).get("schemas", {})
    found: dict[str, Group] = {}
    for path, operations in document.get("paths", {}).items():
        for method in METHODS:
            if method in operations:
                operation = _operation(method, path, operations[method], shapes)
                name = operations[method].get("tags", [""])[0]
                found.setdefault(name, Group(name)).operations.append(operation)
    return tuple(found.values())


def _operation(method: str, path: str, raw: dict[str, Any], shapes: dict[str, Any]) -> Operation:
    parameters = tuple(
        Field(
            p["name"], _kind(p.get("schema", {}), shapes), p.get("description", ""), p.get("required", False)
        )
        for p in raw.get("parameters", [])
    )
    body = raw.get("requestBody", {}).get("content", {})
    status = next((code for code in raw.get("responses", {}) if code.startswith("2")), "")
    answer = raw.get("responses", {}).get(status, {}).get("content", {})
    first, _line, rest = raw.get("description", "").partition(
        "\n"
    )  # a door's docstring: what it is, then more
    return Operation(
        method=method.upper(),
        path=path,
        summary=raw.get("summary") or first,
        text=rest.strip() if not raw.get("summary") else raw.get("description", ""),
        parameters=parameters,
        sends=tuple(_fields(body, shapes)),
        gets=tuple(_fields(answer, shapes)),
        status=status,
    )


def _fields(content: dict[str, Any], shapes: dict[str, Any]) -> Iterator[Field]:
    """The fields of the first way to write a body, JSON where it is one of them."""
    if not content:
        return
    media = content.get("application/json") or next(iter(content.values()))
    shape = _resolve(media.get("schema", {}), shapes)
    if shape.get("type") == "array":
        shape = _resolve(shape.get("items", {}), shapes)
    required = set(shape.get("required", ()))
    for name, raw in shape.get("properties", {}).items():
        yield Field(name, _kind(raw, shapes), _resolve(raw, shapes).get("description", ""), name in required)


def _resolve(raw: dict[str, Any], shapes: dict[str, Any]) -> dict[str, Any]:
    """The shape that a reference stands for; of alternatives the first."""
    for way in ("allOf", "oneOf", "anyOf"):
        if raw.get(way):
            return _resolve(raw[way][0], shapes)
    if "$ref" in raw:
        return shapes.get(raw["$ref"].rsplit("/", 1)[-1], {})
    return raw


def _kind(raw: dict[str, Any], shapes: dict[str, Any]) -> str:
    shape = _resolve(raw, shapes)
    if "enum" in shape:
        return " | ".join(str(value) for value in shape["enum"] if value not in ("", None))
    if shape.get("type") == "array":
        return f"[{_kind(shape.get('items', {}), shapes)}]"
    return str(shape.get("format") or shape.get("type") or "object")


@require_GET
def docs(request: HttpRequest) -> HttpResponse:
    site = request.build_absolute_uri("/").rstrip("/")
    return render(request, "api/docs.html", {"groups": groups(get_language() or "en"), "site": site})
