"""The staff: a new company, its payment, an offering, and the answer to "what happened to my money"."""

import itertools
import re

import pytest

from tests.journeys.steps import fits, new_company, press, sign_in

pytestmark = [pytest.mark.browser, pytest.mark.sandbox, pytest.mark.recipe, pytest.mark.slow, pytest.mark.timeout(300)]

numbers = itertools.count(1)


def words(page) -> str:
    return re.sub(r"\s+", " ", page.locator("body").inner_text().replace("\xa0", " "))


def to_the_desk(page, site: str) -> None:
    sign_in(page, site, "staff@suanli.test")
    page.goto(f"{site}/admin/")
    fits(page)


def find(page, text: str) -> None:
    page.fill("#desk-q", text)
    press(page, ".desk-find button")
    fits(page)


def test_a_company_is_approved_and_its_payment_booked_to_the_micro_yuan(page, another, site):
    name, company = new_company(page, site, "Bakery", "catering")
    page.goto(f"{company}/wallet/top-up/")
    page.fill("input[name=amount]", "1234.56")
    press(page, "main form .btn.ink")
    topup = page.url
    fits(page)
    code = re.search(r"SL-\w{4}-\w{2}", words(page)).group()

    to_the_desk(another, site)
    press(another, '.desk-board a[href*="accounts/organisation"]')
    fits(another)
    press(another, f'#result_list a:has-text("{name}")')
    press(another, 'a[href*="/approve/decide/"]')
    fits(another)
    press(another, '#content form input[type="submit"]')
    another.goto(f"{site}/admin/")
    press(another, '.desk-board a[href*="billing/topup"]')
    fits(another)
    press(another, f'#result_list tr:has-text("{code}") a.button')
    fits(another)
    another.fill("input[name=amount]", "1234.01")  # less arrived than was announced
    another.fill("input[name=bank_reference]", f"ICBC-{code}")
    press(another, '#content form input[type="submit"]')
    fits(another)
    for figure in ("1,234.56", "1,234.01", "0.55"):  # announced, entered, less
        assert figure in words(another)
    another.fill("textarea[name=reason]", "Their bank kept a fee.")
    press(another, '#content form input[type="submit"]')

    page.goto(f"{company}/wallet/")
    fits(page)
    assert "1,334.01" in page.locator(".trio").inner_text()  # CNY 100.00 welcome credit + CNY 1,234.01
    page.goto(topup)
    assert "1,234.01" in words(page)
    page.goto(f"{company}/books/")
    press(page, 'tbody a[href*="/books/acc_"]')
    assert "+1,234.01" in words(page)

    another.goto(f"{site}/admin/")
    find(another, code)  # the code leads to the company's one page
    assert re.search(r"/admin/company/\d+/money/", another.url)
    told = words(another)
    assert name in told
    for fact in ("1,334.01", "1,234.56", "1,234.01", code, f"ICBC-{code}", "100.00"):
        assert fact in told, fact
    journal = another.locator('#movements a[href*="/ledger/journal/"]').first
    assert journal.count() == 1


def test_an_offering_is_returned_with_a_reason_and_then_approved(page, another, site):
    sign_in(page, site, "factory@suanli.test")  # its machine is verified
    company = f"{site}/c/yongli"
    to_the_desk(another, site)
    page.goto(f"{company}/sites/")
    whereabouts = page.locator("main").inner_text()  # the foot of every page names Beijing

    page.goto(f"{company}/offerings/new/")
    fits(page)
    title = f"Spare parts of {next(numbers)} presses"
    page.fill("input[name=name]", title)
    regions = page.locator("select[name=region] option").all_inner_texts()
    page.select_option("select[name=region]", label=next(x for x in regions if x in whereabouts and x.strip("-")))
    press(page, "main form .btn.ink")
    offering = page.url
    page.fill("input[name=base_uy]", "7")
    page.locator('form[action$="/price/"] button:not([name])').first.click()
    page.wait_for_load_state("load")
    fits(page)
    press(page, 'a[href$="/where/"]')
    fits(page)
    page.check("input[name=site]")
    press(page, "main form .btn.ink")
    page.goto(offering)
    press(page, 'form[action$="/submit/"] button')

    def decide(what: str, reason: str = "") -> None:
        another.goto(f"{site}/admin/")
        press(another, '.desk-board a[href*="catalogue/offering"]')
        fits(another)
        press(another, f'#result_list a:has-text("{title}")')
        press(another, f'.object-tools a[href*="/{what}/"]')
        fits(another)
        if reason:
            another.fill("textarea[name=reason]", reason)
        press(another, '#content form input[type="submit"]')

    decide("return", "Say in which region the data stay.")
    page.goto(offering)
    assert "Say in which region the data stay." in words(page)
    press(page, 'form[action$="/submit/"] button')
    decide("approve")
    page.goto(offering)
    assert page.locator('form[action$="/pause/"]').count() == 1  # it is sold
    fits(page)
