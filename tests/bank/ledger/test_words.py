"""Amounts as a bookkeeper reads them, and as a spreadsheet does."""

import pytest

from bank.ledger import words


@pytest.mark.parametrize(
    ("value", "asset", "shown", "plain"),
    [
        (1_234_500_000, "CNY", "1,234.50", "1234.50"),
        (-67_110_125, "CNY", "−67.110125", "-67.110125"),
        (745_559_500, "CNY", "745.559500", "745.5595"),
        (-1, "CNY", "−0.000001", "-0.000001"),
        (0, "CNY", "0.00", "0.00"),
        (3_600_000 * 52, "CH:CPU", "52.0000", "52.00"),
        (1, "CH:A800", "0.0000", "0.000000278"),
        (-12_345, "TOK:QWEN", "-12,345", "-12345"),
    ],
)
def test_an_amount_is_shown_exactly(value, asset, shown, plain):
    assert words.amount(value, asset) == shown
    assert words.plain(value, asset) == plain


def test_what_comes_in_has_a_plus():
    assert words.amount(5_000_000, "CNY", signed=True) == "+5.00"
    assert words.amount(0, "CNY", signed=True) == "0.00"


def test_a_kind_or_reason_of_another_version_is_shown_as_it_is():
    assert (words.kind("wallet"), words.kind("x"), words.reason("y")) == ("Wallet", "x", "y")
