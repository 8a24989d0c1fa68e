"""Every page of the site in Chromium: no accessibility fault, nothing too wide, no error in the console.

Each page twice: on a phone, dark, in English; and on a desk, light, in Chinese.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlparse

import pytest
from django.urls import resolve

from .pages import BUYER, ERRORS, EXEMPT, FACTORY, LENDER, NEWCOMER, NOBODY, STAFF, VISITS, Visit, is_rest, walk

browser = [pytest.mark.browser, pytest.mark.sandbox, pytest.mark.recipe, pytest.mark.slow, pytest.mark.timeout(400)]
SETTINGS = {
    "phone-dark-en": {"viewport": {"width": 390, "height": 844}, "color_scheme": "dark", "locale": "en-US"},
    "desk-light-zh": {"viewport": {"width": 1280, "height": 900}, "color_scheme": "light", "locale": "zh-CN"},
}
LOOK = """async () => {
  const found = await axe.run(document, {
    resultTypes: ['violations'],
    preload: false,
    runOnly: {type: 'tag', values: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa']},
  });
  const root = document.documentElement;
  return {
    faults: found.violations.map(v => `${v.id}: ` + v.nodes.slice(0, 3).map(
      n => n.html.slice(0, 160) + ' ' + n.any.concat(n.all, n.none).map(c => c.message).join('; ')).join(' | ')),
    checked: found.passes.length,
    wide: root.scrollWidth > window.innerWidth ? root.scrollWidth : 0,
    lang: root.lang.toLowerCase().slice(0, 2),
    h1: document.querySelectorAll('h1').length,
    title: document.title.trim(),
  };
}"""


def test_every_url_is_visited_or_exempt_with_a_reason():
    names = {name for name, _pattern in walk() if not is_rest(name)}
    assert names - VISITS.keys() - EXEMPT.keys() == set(), "put the new page into tests/journeys/pages.py"
    assert (VISITS.keys() | EXEMPT.keys()) - names == set(), "is no page any more"
    assert VISITS.keys() & EXEMPT.keys() == set()


@pytest.fixture(scope="module")
def axe() -> str:
    spec = find_spec("axe_playwright_python")
    if spec is None:
        pytest.skip("axe-playwright-python is not installed")
    return str(Path(spec.origin).with_name("axe.min.js"))


@pytest.fixture(scope="module")
def signed_in(chromium, site, staged) -> dict[str, dict]:
    """Cookies of everybody."""
    known: dict[str, dict] = {NOBODY: {}}
    for who in (BUYER, FACTORY, LENDER, STAFF, NEWCOMER):
        context = chromium.new_context()
        page = context.new_page()
        page.goto(f"{site}/accounts/login/")
        page.fill("input[name=login]", f"{who}@suanli.test")
        page.fill("input[name=password]", "suanli-demo")
        with page.expect_navigation():
            page.keyboard.press("Enter")
        known[who] = context.storage_state()
        context.close()
    return known


def open_page(page, visit: Visit, site: str, staged: dict[str, str]) -> int:
    status = page.goto(site + visit.path.format(**staged)).status
    if visit.press:
        for name, value in visit.fill.items():
            if name:
                page.fill(f"main input[name={name}]", value)
        page.locator(visit.press).first.click(no_wait_after=bool(visit.fill.get("")))
        if "" in visit.fill:
            with page.expect_navigation():
                page.locator(visit.fill[""]).first.click()
        page.wait_for_load_state("load")
    return status


def faults_of(
    page, name: str, visit: Visit, site: str, staged: dict[str, str], lang: str, errors: list[str]
) -> list[str]:
    """Everything that is wrong with one page."""
    errors.clear()
    status = open_page(page, visit, site, staged)
    wrong = [f"console: {e}" for e in errors if f"status of {visit.status}" not in e]  # before axe adds its own
    seen = page.evaluate(LOOK)
    wrong += seen["faults"]
    if name and (here := resolve(urlparse(page.url).path).view_name) != name:
        wrong.append(f"leads to {here}")
    if status != visit.status:
        wrong.append(f"status {status}")
    if seen["wide"]:
        wrong.append(f"is {seen['wide']} px wide")
    if seen["lang"] != lang:
        wrong.append(f"lang={seen['lang']}")
    if seen["h1"] != 1:
        wrong.append(f"{seen['h1']} h1")
    if not seen["title"] or "None" in seen["title"]:
        wrong.append(f"title {seen['title']!r}")
    return wrong


@pytest.mark.parametrize("who", [NOBODY, BUYER, FACTORY, LENDER, STAFF, NEWCOMER], ids=lambda who: who or "signed-out")
@pytest.mark.parametrize("setting", SETTINGS)
def test_every_page_is_free_of_faults(chromium, signed_in, site, staged, axe, setting, who):
    context = chromium.new_context(storage_state=signed_in[who] or None, **SETTINGS[setting])
    context.add_init_script(path=axe)
    page = context.new_page()
    page.set_default_timeout(15_000)
    errors: list[str] = []
    page.on("console", lambda m: errors.append(m.text) if m.type == "error" else None)
    page.on("pageerror", lambda e: errors.append(str(e)))
    lang = SETTINGS[setting]["locale"][:2]
    visits = [(name, v) for name, all_of in VISITS.items() for v in all_of] + [("", v) for v in ERRORS]
    wrong = {
        f"{name} {visit.path} {visit.press}": faults
        for name, visit in visits
        if visit.who == who and (faults := faults_of(page, name, visit, site, staged, lang, errors))
    }
    context.close()
    assert not wrong, "\n".join(f"{where}\n    " + "\n    ".join(faults) for where, faults in wrong.items())


test_every_page_is_free_of_faults.pytestmark += browser
