import pytest

from marketplace.catalogue import bench, queries
from marketplace.catalogue.models import Offering, Package

CHART = {"kind": "forecast", "x": "day", "history": [[f"2026-10-{d:02d}", 100 + d] for d in range(1, 31)],
         "forecast": [[f"2026-11-{d:02d}", 130 + d, 120, 150] for d in range(1, 15)]}  # fmt: skip


@pytest.mark.django_db
def test_fifty_cards_take_three_queries_and_the_rest_is_undone(package):
    queries._read.clear()
    Package.objects.update(example_result={"chart": CHART}, example_digest="x")
    rows = {row["name"]: row for row in bench.run()}
    assert rows["catalogue.page_queries"]["value"] == 3  # plans, what is not yet available, pictures
    assert rows["catalogue.page_cpu_ms"]["unit"] == "ms"
    assert not Offering.objects.exists()


@pytest.mark.django_db
def test_a_signed_in_buyer_costs_few_queries_more(client, lin, offering, django_assert_max_num_queries):
    client.force_login(lin)
    client.get("/industry/catering/")
    with django_assert_max_num_queries(8):
        assert client.get("/industry/catering/").status_code == 200
