"""The province in a unified social credit code: its characters 3 and 4 are the first two digits of GB/T 2260. Pure.

Source: GB/T 2260-2007 "Codes for the administrative divisions of the People's Republic of China", its 34 divisions of
the first level. 10 is not in it: codes of companies registered by the state's own administration carry 100000
(GB 32100-2015). Districts are not told: they change every year, and a code keeps the number it was given.
"""

from __future__ import annotations

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _l

PROVINCES = {
    "10": _l("the register of the state itself"),
    "11": _l("Beijing"), "12": _l("Tianjin"), "13": _l("Hebei"), "14": _l("Shanxi"), "15": _l("Inner Mongolia"),
    "21": _l("Liaoning"), "22": _l("Jilin"), "23": _l("Heilongjiang"),
    "31": _l("Shanghai"), "32": _l("Jiangsu"), "33": _l("Zhejiang"), "34": _l("Anhui"), "35": _l("Fujian"),
    "36": _l("Jiangxi"), "37": _l("Shandong"),
    "41": _l("Henan"), "42": _l("Hubei"), "43": _l("Hunan"), "44": _l("Guangdong"), "45": _l("Guangxi"),
    "46": _l("Hainan"),
    "50": _l("Chongqing"), "51": _l("Sichuan"), "52": _l("Guizhou"), "53": _l("Yunnan"), "54": _l("Tibet"),
    "61": _l("Shaanxi"), "62": _l("Gansu"), "63": _l("Qinghai"), "64": _l("Ningxia"), "65": _l("Xinjiang"),
    "71": _l("Taiwan"), "81": _l("Hong Kong"), "82": _l("Macao"),
}  # fmt: skip


def province_of(code: str) -> str:
    """The name of the province that a code was given in; "" where its number is none."""
    return str(PROVINCES.get(code[2:4], ""))


def told(code: str) -> str:
    """`registered in Zhejiang by its code`; never a refusal, only something to compare with the licence."""
    name = province_of(code)
    if not name:
        return _("its code names no province")
    return _("registered in {province} by its code").format(province=name)
