"""Components in a real browser under the strict policy: with a finger, a mouse, and without JavaScript."""

from __future__ import annotations

import functools
import http.server
import importlib.util
import shutil
import threading
from pathlib import Path

import pytest
from django.conf import settings
from django.template.loader import render_to_string
from django.test import RequestFactory
from django.utils import translation

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
playwright = pytest.importorskip("playwright.sync_api", reason="needs the package playwright")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM, reason="needs the package chromium"),
]

spec = importlib.util.spec_from_file_location("guide", Path(__file__).with_name("guide.py"))
guide = importlib.util.module_from_spec(spec)
spec.loader.exec_module(guide)

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'"
)


class Handler(http.server.SimpleHTTPRequestHandler):
    def end_headers(self) -> None:
        self.send_header("Content-Security-Policy", POLICY)
        super().end_headers()

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The style guide in both languages, served with the project's policy."""
    folder = tmp_path_factory.mktemp("guide")
    (folder / "static").symlink_to(settings.BASE_DIR / "static")
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    from django.test import override_settings

    with override_settings(STORAGES={**settings.STORAGES, "staticfiles": plain}, STATIC_URL="/static/"):
        for language in ("en", "zh-hans"):
            with translation.override(language):
                request = RequestFactory().get("/")
                html = render_to_string("components/guide.html", guide.context(language[:2]), request)
            (folder / f"{language}.html").write_text(html)
    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(Handler, directory=str(folder))
    )
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as p:
        chromium = p.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield chromium
        chromium.close()


@pytest.fixture
def visit(browser, site):
    """visit("en", width=390, …) opens the guide and collects what the browser complains about."""
    opened = []

    def go(language: str = "en", *, width: int = 1280, **options):
        context = browser.new_context(viewport={"width": width, "height": 900}, **options)
        opened.append(context)
        page = context.new_page()
        page.complaints = []
        page.on(
            "console", lambda m: page.complaints.append(m.text) if m.type in ("error", "warning") else None
        )
        page.on("pageerror", lambda e: page.complaints.append(str(e)))
        page.goto(f"{site}/{language}.html")
        return page

    yield go
    for context in opened:
        context.close()


@pytest.mark.parametrize("language", ["en", "zh-hans"])
@pytest.mark.parametrize("width", [390, 768, 1280, 1440])
def test_the_page_is_never_wider_than_the_screen_and_breaks_no_policy(visit, language, width):
    page = visit(language, width=width)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.complaints == []


def test_dragging_paints_hours_and_dragging_again_takes_them_back(visit):
    page = visit()
    cells = page.locator(".paint input")
    first, last = cells.nth(10), cells.nth(14)
    for expected in (True, False):
        first.scroll_into_view_if_needed()
        a, b = first.bounding_box(), last.bounding_box()
        page.mouse.move(a["x"] + 5, a["y"] + 5)
        page.mouse.down()
        page.mouse.move(b["x"] + 5, b["y"] + 5, steps=20)
        page.mouse.up()
        assert [cells.nth(i).is_checked() for i in range(9, 16)] == [False, *[expected] * 5, False]
        page.wait_for_timeout(100)


def test_a_click_and_the_space_bar_paint_one_hour(visit):
    page = visit()
    cell = page.locator(".paint input").nth(10)
    cell.click()
    assert cell.is_checked()
    cell.press("Space")
    assert not cell.is_checked()
    cell.press("ArrowDown")
    assert page.evaluate("document.activeElement.value") == "34"


def test_a_preset_paints_the_nights_and_says_how_many(visit):
    page = visit()
    page.locator("[data-preset=none]").click()
    page.locator("[data-preset=nights]").click()
    assert page.locator(".paint input:checked").count() == 50
    assert "50" in page.locator("[data-painted]").inner_text()


def test_a_quote_counts_down_and_without_javascript_says_until_when(visit):
    page = visit()
    first = page.locator("[data-left]").inner_text()
    page.wait_for_timeout(1200)
    assert first.startswith("13 min") and page.locator("[data-left]").inner_text() != first
    still = visit(java_script_enabled=False)
    assert "until 09:25" in still.locator("[data-countdown]").inner_text()
    assert still.locator(".paint input").nth(10).is_enabled()


def test_a_quote_that_has_run_out_cannot_be_ordered(visit):
    page = visit()
    page.evaluate(
        "() => { const b = document.querySelector('[data-countdown]'); delete b.dataset.started;"
        " b.dataset.now = b.dataset.until; document.dispatchEvent(new Event('htmx:load')); }"
    )
    page.evaluate("() => document.body.dispatchEvent(new Event('htmx:load', {bubbles: true}))")
    assert page.locator("[data-over]").is_visible()
    assert page.locator("[data-needs-quote]").is_disabled()


def test_a_chosen_file_shows_its_name_and_size(visit, tmp_path):
    file = tmp_path / "sales.csv"
    file.write_bytes(b"x" * 2_400_000)
    page = visit()
    page.locator("input[type=file]").set_input_files(file)
    assert page.locator("[data-name]").inner_text() == "sales.csv, 2.4 MB"


def test_on_a_phone_the_price_stays_until_the_receipt_comes(visit):
    page = visit(width=390)
    bar = page.locator(".pricebar")
    page.locator(".steps").scroll_into_view_if_needed()
    page.evaluate("document.querySelector('.steps').scrollIntoView()")
    assert abs(bar.bounding_box()["y"] + bar.bounding_box()["height"] - 900) < 2
    page.evaluate("document.querySelector('#receipt').scrollIntoView()")
    assert bar.bounding_box()["y"] < 0
    assert visit().locator(".pricebar").is_hidden()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_an_hour_not_painted_can_be_told_from_paper(visit, scheme):
    """WCAG 1.4.11: the border of an empty cell has a contrast of at least 3 with the page."""
    page = visit(color_scheme=scheme)
    border, paper = page.evaluate(
        "() => [getComputedStyle(document.querySelector('.paint input:not(:checked)')).borderTopColor,"
        " getComputedStyle(document.body).backgroundColor]"
    )

    def light(colour: str) -> float:
        parts = [int(n) / 255 for n in colour[colour.index("(") + 1 : -1].split(",")[:3]]
        linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    high, low = sorted((light(border), light(paper)), reverse=True)
    assert (high + 0.05) / (low + 0.05) >= 3
