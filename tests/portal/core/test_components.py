"""Components: every one renders in both languages, with nothing inline, and figures read as figures."""

from __future__ import annotations

import importlib.util
import re
from datetime import UTC, date, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest
from django.conf import settings
from django.template import Context, Template
from django.template.loader import render_to_string
from django.test import RequestFactory
from django.utils import translation

from portal.core.charts.scale import figure
from portal.core.templatetags import suanli
from portal.core.templatetags.charts import chart, chart_card, chart_outcomes

spec = importlib.util.spec_from_file_location("guide", Path(__file__).with_name("guide.py"))
guide = importlib.util.module_from_spec(spec)
spec.loader.exec_module(guide)


def render(text: str, **context) -> str:
    return Template("{% load i18n suanli charts %}" + text).render(Context(context))


@pytest.fixture(autouse=True)
def _static_files_without_a_manifest(settings):
    """Nothing is collected in a test."""
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = {**settings.STORAGES, "staticfiles": plain}


@pytest.fixture(params=["en", "zh-hans"])
def page(request, _static_files_without_a_manifest) -> str:
    with translation.override(request.param):
        context = guide.context(request.param[:2])
        return render_to_string("components/guide.html", context, RequestFactory().get("/"))


def test_every_component_renders_with_nothing_inline(page):
    assert "<style" not in page and " style=" not in page and not re.search(r"\son[a-z]+=", page)
    assert all("src=" in tag for tag in re.findall(r"<script[^>]*>", page))


def test_every_component_stands_in_the_style_guide():
    folder = settings.BASE_DIR / "templates" / "components"
    seen, todo = set(), ["base.html", "components/guide.html"]
    source = Path(suanli.__file__).read_text() + Path(suanli.__file__).with_name("charts.py").read_text()
    todo += re.findall(r'"(components/\w+\.html)"', source)
    while todo:
        name = todo.pop()
        if name not in seen:
            seen.add(name)
            todo += re.findall(r'include "(components/\w+\.html)"', (folder.parent / name).read_text())
    shown = {name.removeprefix("components/") for name in seen}
    assert {p.name for p in folder.glob("*.html")} - shown == {"confirm.html"}


def test_no_two_things_have_one_id(page):
    ids = re.findall(r'\sid="([^"]+)"', page)
    assert sorted(ids) == sorted(set(ids))


def test_each_drawing_that_is_used_is_in_the_sprite(page):
    sprite = (settings.BASE_DIR / "static/img/sprite.svg").read_text()
    known = set(re.findall(r'<symbol id="([^"]+)"', sprite))
    assert set(re.findall(r"sprite[^#\"]*\.svg#([\w_]+)", page)) <= known
    assert set(guide.TRADES) <= known
    assert " style=" not in sprite


def test_the_stylesheet_is_small():
    assert (settings.BASE_DIR / "static/css/suanli.css").stat().st_size <= 40_000


@pytest.mark.parametrize("name", ["404.html", "403.html", "429.html", "500.html"])
def test_pages_of_failure_render_without_any_context(name):
    assert "<h1" in render_to_string(name)


@pytest.mark.parametrize(
    ("amount", "style", "text"),
    [
        (1_234_567_890, "", "1,234.57"),
        (-52_430_000, "", "−52.43"),
        (79_000_000, "short", "79"),
        (79_500_000, "short", "79.50"),
        (110_125, "exact", "0.110125"),
        (500_000_000, "signed", "+500.00"),
        (-1_000_000, "signed", "−1.00"),
        (0, "signed", "0.00"),
        (None, "", ""),
    ],
)
def test_yuan_reads_as_money(amount, style, text):
    assert suanli.yuan(amount, style) == text


def test_a_cap_is_never_shown_lower_than_it_is():
    assert suanli.yuan(78_990_001, "cap") == "79"
    assert suanli.yuan(79_000_001, "cap") == "79.01"
    assert suanli.yuan(79_000_000, "cap") == "79"


def test_small_words_for_figures():
    assert suanli.grouped(-1234567) == "−1,234,567"
    assert suanli.percent(463_000) == "46.3"
    assert suanli.percent(550_000, "short") == "55"
    assert suanli.beam(463_000) == "46.30%"
    assert suanli.share(3118, 7900) == "39.4%"
    assert suanli.share(9, 0) == "0%" and suanli.share(9, 3) == "100.0%"
    assert suanli.filesize(84_000) == "84 kB" and suanli.filesize(1_234_567) == "1.2 MB"
    assert figure(0.5, 0.25) == "0.50"


def test_times_are_shown_in_the_platforms_zone():
    late = datetime(2026, 11, 22, 16, 30, tzinfo=UTC)
    assert suanli.time_text(late, "short") == "23 Nov, 00:30"
    assert suanli.time_text(date(2026, 11, 23), "short") == "23 Nov 2026"
    assert 'datetime="2026-11-22T16:30:00+00:00"' in suanli.public_time(late)


def test_words_fall_back_to_the_other_language():
    both = SimpleNamespace(name_zh="餐饮", name_en="Catering")
    only = {"name_zh": "餐饮", "name_en": ""}
    assert suanli.words(both, "name") == "Catering" and suanli.words(only, "name") == "餐饮"
    with translation.override("zh-hans"):
        assert suanli.words(both, "name") == "餐饮"


def test_the_lid_says_the_expected_price_and_the_cap():
    text = re.sub(
        r"<[^>]+>",
        "",
        render('{% include "components/lid.html" with cap_uy=79000000 expected_uy=62000000 %}'),
    )
    assert "about 62, never more than 79" in text


def test_the_ink_grid_is_168_checkboxes_and_knows_what_is_painted():
    html = render('{% ink_grid "hour" weights painted %}', weights=list(range(168)), painted={0, 167})
    assert html.count('type="checkbox"') == 168 and html.count(" checked") == 2
    assert 'aria-label="Monday 00:00" checked' in html
    assert 'class="w1" name="hour" value="0"' in html and 'class="w4" name="hour" value="167"' in html


def test_an_ink_grid_of_equal_hours_has_one_ink():
    assert 'class="w2"' not in render('{% ink_grid "hour" weights %}', weights=[5] * 168)


def test_a_tally_counts_in_strokes():
    html = render("{% tally 11 15 %}")
    assert html.count("<line") == 15 and html.count('class="o"') == 4 and 'aria-label="11 of 15"' in html


def test_text_from_people_is_escaped():
    evil = "<script>alert(1)</script>"
    assert evil not in render(
        "{% receipt title=t lines=l %}x{% endreceipt %}", t=evil, l=[{"label": evil, "text": evil}]
    )
    assert evil not in render(
        "{% errorpanel title=t excerpt=e %}{% enderrorpanel %}",
        t=evil,
        e=[{"line": 1, "cells": [evil], "bad": True, "bad_cell": 0}],
    )
    rounds = {"kind": "routes", "depot": [0, 0], "stops": [[1, 1, evil]], "routes": [[0]]}
    assert evil not in chart(rounds, evil, evil)


def test_what_cannot_be_drawn_is_left_out():
    for data in (
        None,
        {},
        {"kind": "forecast"},
        {"kind": "routes", "routes": []},
        {"kind": "forecast", "history": [["x", 1]]},
    ):
        assert chart(data, "t") == "" and chart_card(data, "t") == ""
    assert chart_outcomes([], "t") == ""


def test_a_picture_has_its_words_and_its_numbers():
    html = chart(guide.context()["forecast"], "Portions a day")
    assert html.count('role="img"') == 2 and html.count("<title>Portions a day</title>") == 2
    assert html.count('<th scope="row">') == 56


def test_an_error_is_tied_to_its_field():
    html = render('{% include "components/form.html" %}', form=guide.context()["form"])
    assert 'aria-invalid="true"' in html
    for target in re.findall(r'aria-describedby="([^"]+)"', html):
        assert all(f'id="{one}"' in html for one in target.split())


def test_a_code_is_not_broken_at_its_dashes_and_stays_text():
    html = render('{{ code|unbroken }} {% receipt title=code|unbroken %}{% endreceipt %}', code="SL-<b>-V4")
    whole = '<span class="nb">SL-&lt;b&gt;-V4</span>'
    assert html.count(whole) == 2 and f"<h2>{whole}</h2>" in html
