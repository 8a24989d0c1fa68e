"""Numbers that are decisions of the operator, not facts: each may be changed without touching code.

An environment variable SUANLI_<NAME> overrides a number. Amounts in micro-yuan, times in seconds,
shares in parts per million (ppm), so that no decision is ever a float.
"""

import os


def _int(name: str, default: int) -> int:
    return int(os.environ.get(f"SUANLI_{name}", default))


CNY = 1_000_000

# what customers write into a transfer, and whom they ask
BANK_HOLDER = os.environ.get("SUANLI_BANK_HOLDER", "")
BANK_NAME = os.environ.get("SUANLI_BANK_NAME", "")
BANK_NUMBER = os.environ.get("SUANLI_BANK_NUMBER", "")
CONTACT = os.environ.get("SUANLI_CONTACT", "")  # an address or a telephone number

WELCOME_CREDIT_UY = _int("WELCOME_CREDIT_UY", 100 * CNY)
TWO_PERSONS_ABOVE_UY = _int("TWO_PERSONS_ABOVE_UY", 10_000 * CNY)  # more of it needs a second person
TWO_PERSONS_DIFFERENCE_UY = _int("TWO_PERSONS_DIFFERENCE_UY", 1_000 * CNY)  # or so far from what was announced
WITHDRAWAL_LEAST_UY = _int("WITHDRAWAL_LEAST_UY", 1 * CNY)
UNAPPROVED_ORDER_LIMIT_UY = _int("UNAPPROVED_ORDER_LIMIT_UY", 100 * CNY)  # anything dearer waits for approval
QUOTE_VALID_S = _int("QUOTE_VALID_S", 15 * 60)
PRICE_KEPT_S = _int("PRICE_KEPT_S", 7 * 86400)  # a quoted price outlives its room: a bank transfer takes days
OPEN_QUOTES_PER_COMPANY = _int("OPEN_QUOTES_PER_COMPANY", 3)
QUOTE_BUCKET_SHARE_PPM = _int(
    "QUOTE_BUCKET_SHARE_PPM", 500_000
)  # of one hour of a site, for one company's open quotes
PRICE_RAISED_PPM = _int("PRICE_RAISED_PPM", 200_000)  # a cap so far above the one staff saw is looked at again
PLATFORM_FEE_PPM = _int("PLATFORM_FEE_PPM", 80_000)
HOLDBACK_PPM = _int("HOLDBACK_PPM", 100_000)
HOLDBACK_S = _int("HOLDBACK_S", 72 * 3600)
FAILURE_COMPENSATION_PPM = _int("FAILURE_COMPENSATION_PPM", 200_000)
NEWCOMER_AVAILABILITY_PPM = _int("NEWCOMER_AVAILABILITY_PPM", 850_000)
FIRM_IDLE_SHARE_PPM = _int("FIRM_IDLE_SHARE_PPM", 250_000)  # φ
IDLE_BUDGET_PPM = _int("IDLE_BUDGET_PPM", 50_000)  # of the reserve, a day
RESERVE_FLOOR_UY = _int("RESERVE_FLOOR_UY", 0)
LATE_RECALL_FEE_PPM = _int("LATE_RECALL_FEE_PPM", 100_000)
BENCHMARK_SHARE_PPM = _int("BENCHMARK_SHARE_PPM", 900_000)  # of the class's reference
CLAIM_LIFE_DAYS = _int("CLAIM_LIFE_DAYS", 365)
LTV_ORIGINATION_PPM = _int("LTV_ORIGINATION_PPM", 550_000)
LTV_CALL_PPM = _int("LTV_CALL_PPM", 700_000)
LTV_LIQUIDATION_PPM = _int("LTV_LIQUIDATION_PPM", 800_000)
COLLATERAL_HAIRCUT_PPM = _int("COLLATERAL_HAIRCUT_PPM", 900_000)
FILE_LIFE_DAYS = _int("FILE_LIFE_DAYS", 90)
SAMPLE_RUNS_PER_HOUR = _int("SAMPLE_RUNS_PER_HOUR", 20)  # per address, without an account
INDUSTRY_TARGET = _int("INDUSTRY_TARGET", 10)

# calls of models through the gateway
CALL_SLICE_UY = _int("CALL_SLICE_UY", 1 * CNY)  # of a wallet set aside at a time, or what one call needs
CALL_LEASE_IDLE_S = _int("CALL_LEASE_IDLE_S", 60)  # after so long without a call the rest goes back
CALL_OUTPUT_TOKENS = _int("CALL_OUTPUT_TOKENS", 4096)  # where the caller names no longest output
CALL_LEAST_OUTPUT_TOKENS = _int("CALL_LEAST_OUTPUT_TOKENS", 16)  # less than that is not worth a call
CALL_LONGEST_S = _int("CALL_LONGEST_S", 600)
CALL_FIRST_BYTE_S = _int("CALL_FIRST_BYTE_S", 60)
CALL_BODY_BYTES = _int("CALL_BODY_BYTES", 4_000_000)
CALL_BODY_S = _int("CALL_BODY_S", 30)  # within which the whole request must have come
TOKEN_RAISE_NOTICE_S = _int("TOKEN_RAISE_NOTICE_S", 3600)  # a dearer price of tokens is announced so long before
