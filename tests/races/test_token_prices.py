"""One price table, changed by several at once."""

import pytest

from marketplace.gateway.models import Price
from portal.core.errors import Refused
from tests.marketplace.catalogue.goods import make_region
from tests.marketplace.gateway.models_for_sale import YUAN, make_endpoint, make_model, price


@pytest.mark.slow
def test_changed_by_many_at_one_instant_it_changes_once(yongli, at_once, now, later):
    made = make_endpoint(yongli, make_model(), make_region(), now)

    def change(n: int) -> int:
        price(made, later(hours=1), input=1 + n / 10, output=8)
        return n

    results = at_once(8, change)
    won = [r for r in results if isinstance(r, int)]
    assert len(won) == 1
    assert {r.code for r in results if isinstance(r, Refused)} <= {"stale", "raise_needs_notice"}
    assert len([r for r in results if isinstance(r, Refused)]) == 7
    rows = Price.objects.filter(endpoint=made, direction="input").order_by("pk")
    assert [(row.uy_per_m, row.effective_to) for row in rows] == [
        (2 * YUAN, later(hours=1)), (YUAN + won[0] * YUAN // 10, None)]
