"""What people do in every journey: press, sign in, register a company."""

from __future__ import annotations

import re
from itertools import count

from portal.accounts import uscc
from portal.accounts.sizing import measures_of

_numbers = count(1)
PASSWORD = "correct horse battery"


def press(page, selector: str) -> None:
    with page.expect_navigation():
        page.locator(selector).first.click()


def fits(page) -> None:
    """Nothing is wider than the screen."""
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), page.url


def sure(page) -> None:
    """Answer the question that stands before money moves."""
    fits(page)
    press(page, ".ask-again form button")
    fits(page)


def sign_in(page, site: str, email: str, password: str = "suanli-demo") -> None:
    page.goto(f"{site}/accounts/login/")
    page.fill("input[name=login]", email)
    page.fill("input[name=password]", password)
    with page.expect_navigation():
        page.keyboard.press("Enter")


def sign_up(page) -> str:
    """On the sign-up page: a new person; returns the e-mail address."""
    email = f"person{next(_numbers)}@journey.test"
    page.fill("input[type=email]", email)
    page.fill("input[type=password]", PASSWORD)
    press(page, 'main form[action*="signup"] .btn')
    return email


def register_company(page, kind: str, industry: str, *, provider: bool = False) -> str:
    """On the registration page: a new company of a name of its own; returns the name."""
    n = next(_numbers)
    name = f"Journey {kind} {n}"
    page.fill("input[name=name]", name)
    page.fill("input[name=uscc]", uscc.complete(f"91330100MA9J{n:04d}"))
    if page.input_value("select[name=industry]") != industry:  # the trade of a dropped file is chosen already
        page.select_option("select[name=industry]", industry)
    for field in measures_of(industry):  # the page brings those of this trade when it is chosen
        page.fill(f"input[name={field}]", {"employees": "30", "revenue_wan": "900", "assets_wan": "300"}[field])
    if provider:
        page.check("input[name=is_provider]")
    fits(page)
    with page.expect_navigation():
        page.locator("main form .btn").last.click()
    return name


def new_company(page, site: str, kind: str, industry: str, *, provider: bool = False) -> tuple[str, str]:
    """A new person with a new company: (its name, the address of its pages)."""
    page.goto(f"{site}/accounts/signup/")
    sign_up(page)
    if provider or not page.url.endswith("/register/"):
        page.goto(f"{site}/register/{'?provider=1' if provider else ''}")
    name = register_company(page, kind, industry, provider=provider)
    page.goto(f"{site}/dashboard/")
    fits(page)
    slug = re.search(r"/c/([^/]+)/", page.locator('a[href*="/orders/"]').first.get_attribute("href")).group(1)
    return name, f"{site}/c/{slug}"
