"""The depositor: from an idle machine to hours in the pool."""

import itertools

import pytest

from portal.accounts import uscc
from tests.journeys.test_buyer import fits, press

pytestmark = [pytest.mark.browser, pytest.mark.sandbox, pytest.mark.slow, pytest.mark.timeout(300)]
numbers = itertools.count(500)


def register_a_factory(page, site) -> str:
    """Signs up with a company of its own; returns the address of its pages."""
    n = next(numbers)
    page.goto(f"{site}/accounts/signup/")
    page.fill("input[type=email]", f"factory{n}@journey.test")
    page.fill("input[type=password]", "correct horse battery")
    with page.expect_navigation():
        page.locator("main form .btn").last.click()
    page.fill("input[name=name]", f"Journey Mould {n}")
    page.fill("input[name=uscc]", uscc.complete(f"91330100MA9JM{n:03d}"))
    page.select_option("select[name=industry]", "industry")
    for name, value in {"employees": "120", "revenue_wan": "4000", "assets_wan": "2000"}.items():
        page.fill(f"input[name={name}]", value)
    page.check("input[name=is_provider]")
    with page.expect_navigation():
        page.locator("main form .btn").last.click()
    page.goto(f"{site}/dashboard/")
    return f"{site}/c/" + page.locator('a[href*="/orders/"]').first.get_attribute("href").split("/")[2]


def test_a_factory_deposits_its_nights(page, site):
    company = register_a_factory(page, site)
    page.goto(f"{company}/sites/new/")
    fits(page)
    page.fill("input[name=name]", "Press shop")
    page.select_option("select[name=region]", index=1)
    page.fill("input[name=cards]", "2")
    with page.expect_navigation():
        page.locator("main form .btn.ink").first.click()
    page.wait_for_selector('a[href*="/bank/?site="]', timeout=120_000)  # the benchmark really ran
    fits(page)
    press(page, 'a[href*="/bank/?site="]')
    fits(page)
    assert page.locator("input[name=hour]").count() == 168
    before = page.locator("#estimate").inner_text()
    page.locator('input[name=hour][value="130"]').click()  # Saturday, ten in the morning
    page.wait_for_function("before => document.querySelector('#estimate').innerText != before", arg=before)
    press(page, "button.btn.go")
    fits(page)
    assert page.locator("text=Press shop").count() >= 1
    assert page.locator('a[href*="take-back"]').count() >= 1


def test_the_demonstrations_lender_and_factory_see_their_side(page, site):
    for email, paths in {
        "factory@suanli.test": ("bank/", "loans/", "wallet/", "orders/"),
        "lender@suanli.test": ("loans/", "wallet/"),
    }.items():
        page.context.clear_cookies()
        page.goto(f"{site}/accounts/login/")
        page.fill("input[name=login]", email)
        page.fill("input[name=password]", "suanli-demo")
        with page.expect_navigation():
            page.keyboard.press("Enter")
        slug = "yongli" if email.startswith("factory") else "harbour"
        for path in paths:
            assert page.goto(f"{site}/c/{slug}/{path}").status == 200
            fits(page)
