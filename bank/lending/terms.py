"""Numbers of this room that the operator decides; SUANLI_<NAME> overrides one, as in portal.policy."""

from __future__ import annotations

import os

OFFER_VALID_S = int(os.environ.get("SUANLI_OFFER_VALID_S", 7 * 86400))
APPLICATION_VALID_S = int(os.environ.get("SUANLI_APPLICATION_VALID_S", 30 * 86400))
MARGIN_DAYS = int(os.environ.get("SUANLI_MARGIN_DAYS", 3))  # business days to answer a margin call
CREDIT_LIMIT_MOST_UY = int(os.environ.get("SUANLI_CREDIT_LIMIT_MOST_UY", 10_000_000_000_000))
RATE_MOST_PPM = int(os.environ.get("SUANLI_RATE_MOST_PPM", 240_000))  # 24 % a year
MONTHS_MOST = int(os.environ.get("SUANLI_MONTHS_MOST", 36))
EXAMPLE_RATE_PPM = int(os.environ.get("SUANLI_EXAMPLE_RATE_PPM", 80_000))  # of the worked example; lenders set theirs
