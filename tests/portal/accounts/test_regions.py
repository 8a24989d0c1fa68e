"""The province in a company's code stands beside the company, and never refuses anything."""

import pytest
from django.utils import translation

from portal.accounts import queries, regions

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(("code", "en", "zh"), [
    ("91330106MA2CFK7X2P", "registered in Zhejiang by its code", "按代码登记于浙江"),
    ("91500000MA0000000X", "registered in Chongqing by its code", "按代码登记于重庆"),
    ("91100000100003962T", "registered in the register of the state itself by its code",
     "按代码登记于国家市场监督管理总局"),
    ("91990000MA0000000X", "its code names no province", "代码中没有省级区划"),
])  # fmt: skip
def test_the_first_two_digits_of_the_region_are_a_province(code, en, zh):
    assert regions.told(code) == en
    with translation.override("zh-hans"):
        assert regions.told(code) == zh


def test_there_are_the_34_divisions_of_the_first_level_and_the_state_itself():
    assert len(regions.PROVINCES) == 35
    assert len(set(map(str, regions.PROVINCES.values()))) == 35


def test_the_clerk_reads_it_on_each_page_of_the_company(client, chen, jiangnan):
    client.force_login(chen)
    for page in (f"accounts/organisation/{jiangnan.pk}/change/", f"accounts/organisation/{jiangnan.pk}/approve/decide/",
                 f"company/{jiangnan.pk}/money/"):  # fmt: skip
        assert "registered in Zhejiang by its code" in client.get(f"/admin/{page}").content.decode(), page


def test_a_number_that_is_no_province_is_no_objection(jiangnan):
    jiangnan.uscc = "91990000MA0000000X"
    region = next(check for check in queries.checks(jiangnan) if check.name == "Region in the code")
    assert (region.value, region.is_right) == ("its code names no province", True)
