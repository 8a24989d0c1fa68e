"""The buyer: from a question in her own words to a chart and a receipt."""

import re

import pytest

from tests.journeys.conftest import ROOT, everywhere
from tests.journeys.steps import fits, press, register_company, sign_up

pytestmark = [pytest.mark.browser, pytest.mark.sandbox, pytest.mark.recipe, pytest.mark.slow, pytest.mark.timeout(400)]
SAMPLE = ROOT / "marketplace/recipes/samples/cat-fc.csv"


def find_the_forecast(page, site, chinese) -> None:
    page.goto(site)
    fits(page)
    page.fill("#q", "明天备多少货" if chinese else "how much should I prepare tomorrow?")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    fits(page)
    press(page, 'a[href="/p/cat-fc/"]')
    fits(page)


def test_she_tries_it_free_without_an_account(page, site, chinese):
    find_the_forecast(page, site, chinese)
    press(page, 'form[action$="/try/"] button')
    page.wait_for_selector(".ans .hl", timeout=60_000)
    assert page.locator("svg polyline").count() > 0
    fits(page)


def test_a_file_with_a_negative_number_is_refused_with_its_line(page, site, tmp_path):
    bad = tmp_path / "till.csv"
    lines = SAMPLE.read_text().splitlines()
    lines[41] = re.sub(r",\d+$", ",-5", lines[41])
    bad.write_text("\n".join(lines))
    page.goto(f"{site}/p/cat-fc/")
    page.set_input_files("input[type=file]", bad)
    page.once("response", lambda r: None)
    with page.expect_navigation():
        page.locator("#job button[type=submit]").click()
    assert "42" in page.locator(".err h2").inner_text().replace(",", "")
    assert page.locator("tr.bad mark").inner_text() == "-5"
    fits(page)


@everywhere
def test_she_signs_up_and_buys_at_a_price_that_cannot_be_exceeded(page, site, chinese):
    find_the_forecast(page, site, chinese)
    page.set_input_files("input[type=file]", SAMPLE)
    press(page, "#job button[type=submit]")
    press(page, ".receipt a.btn.go")
    sign_up(page)
    register_company(page, "Noodles", "catering")
    press(page, "#keep button")  # the price for the file that waited
    fits(page)
    assert "79" in page.locator(".receipt .lid").first.inner_text()
    press(page, "button[value=place]")
    fits(page)
    page.wait_for_selector(".receipt .seal", timeout=120_000)
    assert page.locator(".ans .hl").count() == 1
    assert page.locator(".files a").count() >= 2
    receipt = page.locator(".receipt").inner_text()
    assert "78.5" in receipt
    fits(page)
    with page.expect_download() as download:
        page.locator(".files a").first.click()
    assert download.value.suggested_filename.endswith(".csv")
    press(page, 'a[href$="/why/"]')
    fits(page)
    company = page.url.split("/orders/")[0]
    page.goto(f"{company}/wallet/")
    assert "21.50" in page.locator(".trio").inner_text() or "21.49" in page.locator(".trio").inner_text()
    fits(page)
