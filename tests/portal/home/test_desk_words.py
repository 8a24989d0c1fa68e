"""Every word of the desk's tables is there in both languages."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.admin.utils import flatten_fieldsets, label_for_field
from django.core.exceptions import FieldDoesNotExist
from django.utils.translation import override

from tests.portal.world import cpu, factory, world

__all__ = ["cpu", "factory", "world"]

SAME = {"", "ID"}  # the same word in both languages
# what no bookkeeper says
JARGON = {"slug", "hold", "top up", "organisation", "is demo", "floor", "pinned", "allocation"}


def both(word: Any) -> tuple[str, str]:
    with override("en"):
        english = str(word() if callable(word) else word)
    with override("zh-hans"):
        return english, str(word() if callable(word) else word)


def words_of(table: admin.ModelAdmin, request: Any) -> Iterator[tuple[str, Any]]:
    """Everything that a table's list and its page of one row say by themselves."""
    model = table.model
    where = model._meta.label
    yield f"{where} app", apps.get_app_config(model._meta.app_label).verbose_name
    yield f"{where} one", model._meta.verbose_name
    yield f"{where} many", model._meta.verbose_name_plural
    fields = {*table.get_list_display(request), *flatten_fieldsets(table.get_fieldsets(request, model()))}
    for name in sorted(fields, key=str):
        yield f"{where}.{name}", lambda name=name: label_for_field(name, model, table)
        if callable(name):
            continue
        try:
            field = model._meta.get_field(name)
        except FieldDoesNotExist:
            continue
        for value, word in getattr(field, "flatchoices", ()):
            yield f"{where}.{name}={value}", word
    for name, (_act, _name, words) in table.get_actions(request).items():
        yield f"{where} action {name}", words
    for chosen in table.get_list_filter(request):
        if isinstance(chosen, type):
            yield f"{where} filter", chosen.title
    yield f"{where} search", table.search_help_text or ""


@pytest.fixture
def request_of_chen(rf, chen):
    request = rf.get("/admin/")
    request.user = chen
    return request


def test_every_word_of_every_table_is_chinese_too(request_of_chen):
    same = []
    for table in admin.site._registry.values():
        for where, word in words_of(table, request_of_chen):
            english, chinese = both(word)
            if english == chinese and english not in SAME:
                same.append(f"{where}: {english}")
    assert not same, "\n".join(same)


def test_no_table_speaks_as_a_programmer(request_of_chen):
    found = [
        f"{where}: {both(word)[0]}"
        for table in admin.site._registry.values()
        for where, word in words_of(table, request_of_chen)
        if not where.endswith(" search") and both(word)[0].lower() in JARGON
    ]
    assert found == []


@pytest.mark.slow
def test_every_table_and_every_row_opens_in_chinese(client, chen, world):
    world.grow(1)
    client.force_login(chen)
    chinese, walked = {"headers": {"accept-language": "zh-hans"}}, 0
    for model in admin.site._registry:
        address = f"/admin/{model._meta.app_label}/{model._meta.model_name}/"
        page = client.get(address, **chinese)
        assert page.status_code == 200, address
        with override("zh-hans"):
            assert str(model._meta.verbose_name_plural) in page.content.decode(), address
        row = model._default_manager.order_by("pk").first()
        if row is None:
            continue
        page = client.get(f"{address}{row.pk}/change/", **chinese)
        assert page.status_code == 200, f"{address}{row.pk}"
        walked += 1
        if model._meta.app_label in {"accounts", "catalogue", "history"}:
            assert "→ published" not in page.content.decode(), address
    assert walked > 20


def test_who_signs_out_of_the_desk_reads_so_in_plain_chinese(client, chen):
    client.force_login(chen)
    page = client.post("/admin/logout/", headers={"accept-language": "zh-hans"}).content.decode()
    assert "您已退出工作台。" in page and "重新登录" in page
    assert client.get("/admin/").status_code == 302
