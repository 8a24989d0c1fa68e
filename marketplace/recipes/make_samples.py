"""Writes the sample files of the forecast packages and their example results.

    python marketplace/recipes/make_samples.py                    the samples, always the same bytes
    python marketplace/recipes/make_samples.py --results PYTHON   also samples/<code>.result.json, by really
                                                                  running the recipe's program with PYTHON
                                                                  (which has forecast/requirements.txt)

The figures are invented but behave as the trade does: a weekly rhythm, a slow drift of each outlet, a year,
public holidays, chance. Nothing in the recipe knows how they were made.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import math
import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

HERE = Path(__file__).parent
LAST_DATE = date(2026, 11, 22)
HOLIDAYS = {  # mainland China, first day and length, as they fall in the samples' time
    "spring": [(date(2025, 1, 28), 8), (date(2026, 2, 15), 9)],
    "labour": [(date(2025, 5, 1), 5), (date(2026, 5, 1), 5)],
    "national": [(date(2025, 10, 1), 8), (date(2026, 10, 1), 7)],
}


@dataclass(frozen=True, kw_only=True)
class Trade:
    """How a trade's figures behave. Weekday factors Monday first; holiday factors by name."""

    header: tuple[str, ...]
    names: tuple[str, ...]
    base: tuple[float, float]
    days: int
    week: tuple[float, ...] = (1, 1, 1, 1, 1, 1, 1)
    year: float = 0.05  # amplitude of the year
    peak_month: int = 7
    wobble: float = 0.006  # daily step of the slow drift
    noise: float = 0.07
    growth: float = 0.04  # a year
    holidays: dict[str, float] = field(default_factory=dict)
    closed: dict[str, int] = field(default_factory=dict)  # name -> closed weekday
    opened: dict[str, int] = field(default_factory=dict)  # name -> days before the end
    lost: float = 0.0  # share of missing lines
    items: tuple[tuple[str, float], ...] = ()
    limit: tuple[int, ...] = ()  # rooms of each hotel, cars of each branch


WEEK_OFFICE = (1.05, 1.04, 1.03, 1.04, 1.08, 0.78, 0.62)
TRADES: dict[str, Trade] = {
    "cat-fc": Trade(
        header=("date", "outlet", "sold"),
        names=("Wulin", "Hubin", "Qianjiang", "Binjiang", "Xixi", "Gudang", "Chengxi", "Xiasha", "Linping",
               "Yuhang", "Xiaoshan", "Gongshu", "Daguan", "Jianqiao", "Zhuantang", "Fuyang", "Shangcheng",
               "Sijiqing", "Jiubao", "Airport"),
        base=(120, 310), days=420, week=(0.84, 0.90, 0.93, 0.97, 1.08, 1.22, 1.08), peak_month=10,
        noise=0.085, wobble=0.007, holidays={"spring": 0.72, "labour": 1.12, "national": 1.15},
        closed={"Jianqiao": 0}, opened={"Jiubao": 190}, lost=0.001,
    ),
    "ret-fc": Trade(
        header=("日期", "门店", "商品", "销量"),
        names=("人民路店", "火车站店", "大学城店", "滨江店", "中心医院店", "科技园店", "老街店", "东门店"),
        base=(160, 340), days=112, week=(0.95, 0.93, 0.95, 0.98, 1.05, 1.12, 1.06), noise=0.07,
        holidays={"national": 1.1},
        items=(("吐司面包", 0.22), ("鲜牛奶", 0.30), ("饭团", 0.21), ("关东煮", 0.16), ("水果盒", 0.11)),
    ),
    "pos-vol": Trade(
        header=("日期", "网点", "件量"),
        names=tuple(f"{area}{n}部" for area in ("城东", "城南", "城西", "城北", "开发区", "高新区")
                    for n in ("一", "二", "三", "四", "五", "六", "七", "八", "九", "十")),
        base=(500, 2600), days=110, week=(1.12, 1.06, 1.02, 1.0, 1.0, 0.95, 0.85), noise=0.06, growth=0.12,
        holidays={"national": 0.85}, lost=0.002,
    ),
    "acc-occ": Trade(
        header=("date", "hotel", "rooms occupied"),
        names=("Lakeside Inn", "Station Hotel", "Old Town House", "Tea Hill Lodge"),
        base=(40, 120), days=420, week=(0.80, 0.82, 0.84, 0.88, 1.10, 1.24, 0.98), year=0.12, peak_month=8,
        noise=0.08, holidays={"spring": 1.15, "labour": 1.35, "national": 1.4}, limit=(64, 180, 38, 90),
    ),
    "agr-fc": Trade(
        header=("日期", "品种", "公斤"),
        names=("番茄", "黄瓜", "青椒", "茄子", "大白菜", "菠菜", "西葫芦", "胡萝卜", "生菜", "豆角"),
        base=(600, 3200), days=365, week=(0.95, 0.94, 0.96, 1.0, 1.08, 1.12, 0.95), year=0.22, peak_month=11,
        noise=0.11, wobble=0.009, holidays={"spring": 0.8, "national": 1.1}, lost=0.003,
    ),
    "pro-energy": Trade(
        header=("日期", "楼栋", "用电量（kWh）"),
        names=("A座写字楼", "B座写字楼", "购物中心", "公寓楼", "地下车库"),
        base=(2200, 9800), days=540, week=WEEK_OFFICE, year=0.24, peak_month=7, noise=0.045, growth=0.0,
        holidays={"spring": 0.55, "labour": 0.75, "national": 0.72},
    ),
    "inf-traffic": Trade(
        header=("date", "node", "traffic"),
        names=tuple(f"{city}-{n}" for city in ("hz", "nb", "wz", "jx", "sx", "jh") for n in (1, 2, 3, 4)),
        base=(900, 9000), days=180, week=(0.97, 0.96, 0.96, 0.98, 1.03, 1.08, 1.06), noise=0.045, growth=0.25,
        holidays={"national": 1.12},
    ),
    "war-vol": Trade(
        header=("日期", "仓库", "托盘数"),
        names=("一号仓", "二号仓", "三号仓", "冷库", "电商仓", "保税仓"),
        base=(120, 460), days=300, week=(1.15, 1.08, 1.05, 1.06, 1.10, 0.70, 0.40), noise=0.09,
        holidays={"spring": 0.3, "labour": 0.6, "national": 0.55}, closed={"保税仓": 6},
    ),
    "rea-visit": Trade(
        header=("日期", "项目", "来访组数"),
        names=("江南里", "云栖府", "望湖台", "锦绣园", "星河湾", "青枫苑"),
        base=(24, 60), days=200, week=(0.66, 0.68, 0.72, 0.76, 0.92, 1.70, 1.62), noise=0.15, wobble=0.008,
        holidays={"national": 1.3},
    ),
    "lea-fleet": Trade(
        header=("date", "branch", "cars on hire"),
        names=("Airport", "East Station", "West Lake", "University", "Harbour", "Tech Park", "Old Town",
               "South Gate", "Expo"),
        base=(22, 75), days=300, week=(0.92, 0.88, 0.88, 0.92, 1.10, 1.20, 1.08), noise=0.07,
        holidays={"spring": 1.25, "labour": 1.35, "national": 1.4},
        limit=(110, 100, 95, 80, 90, 85, 70, 75, 70),
    ),
}  # fmt: skip

PARTS = ("轴承", "密封圈", "皮带", "滤芯", "接触器", "传感器", "电磁阀", "联轴器", "导轨", "刀具")
GOODS = ("矿泉水", "方便面", "洗衣液", "抽纸", "食用油", "大米", "酱油", "牛奶", "饼干", "啤酒", "凉茶",
         "牙膏")  # fmt: skip


def daily(code: str, trade: Trade) -> Iterator[tuple[str, ...]]:
    """Rows of a trade that counts by day, oldest first."""
    chance = random.Random(f"suanli {code}")
    low, high = trade.base
    levels = [math.exp(chance.uniform(math.log(low), math.log(high))) for _ in trade.names]
    tilts = [[chance.gauss(0, 0.03) for _ in range(7)] for _ in trade.names]
    for back in range(trade.days - 1, -1, -1):
        day = LAST_DATE - timedelta(days=back)
        common = _season(trade, day) * math.exp(chance.gauss(0, trade.noise / 3))
        for place, name in enumerate(trade.names):
            levels[place] *= math.exp(chance.gauss(0, trade.wobble) + trade.growth / 365)
            factor = trade.week[day.weekday()] + tilts[place][day.weekday()]
            value = levels[place] * common * factor * math.exp(chance.gauss(0, trade.noise))
            if trade.limit:
                value = min(value, trade.limit[place])
            shut = trade.closed.get(name) == day.weekday() or trade.opened.get(name, trade.days) <= back
            if not shut and chance.random() >= trade.lost:
                yield from _lines(trade, day, name, value, chance)


def _season(trade: Trade, day: date) -> float:
    angle = 2 * math.pi * (day.timetuple().tm_yday / 365 - (trade.peak_month - 0.5) / 12)
    factor = 1 + trade.year * math.cos(angle)
    for holiday, first_and_length in HOLIDAYS.items():
        if any(0 <= (day - first).days < length for first, length in first_and_length):
            factor *= trade.holidays.get(holiday, 1.0)
    return factor


def _lines(
    trade: Trade, day: date, name: str, value: float, chance: random.Random
) -> Iterator[tuple[str, ...]]:
    if not trade.items:
        yield day.isoformat(), name, str(round(value))
    for item, share in trade.items:
        yield day.isoformat(), name, item, str(round(value * share * math.exp(chance.gauss(0, 0.12))))


def monthly(code: str, header: tuple[str, ...], months: int) -> Iterator[tuple[str, ...]]:
    """Articles of a wholesaler (steady, seasonal) or parts of a plant (rare, in lumps), by month."""
    chance = random.Random(f"suanli {code}")
    rare = code == "ind-spare"
    stems = PARTS if rare else GOODS
    each = 8 if rare else 10
    yield header
    for stem in stems:
        peak = chance.uniform(0, 12)
        for number in range(1, each + 1):
            name = f"{stem}-{number:02d}"
            mean = math.exp(chance.uniform(-0.7, 3.2)) if rare else math.exp(chance.uniform(3.5, 6.5))
            for k in range(months):
                at = LAST_DATE.year * 12 + LAST_DATE.month - 1 - months + k  # up to last month
                swing = 1 + (0.1 if rare else 0.3) * math.cos(2 * math.pi * (at % 12 - peak) / 12)
                mean *= math.exp(chance.gauss(0, 0.02))
                smooth = mean * swing * chance.lognormvariate(0, 0.09)
                value = _poisson(chance, mean * swing) if rare else round(smooth)
                if value or not rare:
                    yield f"{at // 12}-{at % 12 + 1:02d}", name, str(value)


def _poisson(chance: random.Random, mean: float) -> int:
    count, product, edge = 0, chance.random(), math.exp(-mean)
    while product > edge:
        count, product = count + 1, product * chance.random()
    return count


def sample(code: str) -> bytes:
    """The sample file of a package."""
    text = io.StringIO()
    out = csv.writer(text, lineterminator="\n")
    if code in TRADES:
        out.writerow(TRADES[code].header)
        out.writerows(daily(code, TRADES[code]))
    else:
        header = ("月份", "备件", "领用量") if code == "ind-spare" else ("月份", "货号", "销量")
        out.writerows(monthly(code, header, 54 if code == "ind-spare" else 48))
    return text.getvalue().encode()


def result(package: dict, python: str) -> str:
    """result.json of the recipe's program on the package's sample, laid out for diffs."""
    sys.path.insert(0, str(HERE.parents[1]))
    from marketplace import recipes

    recipe = recipes.get(package["recipe"])
    path = HERE / package["sample"]
    with path.open("rb") as data, tempfile.TemporaryDirectory() as work:
        checked = recipe.check(data, path.name, package["params"])
        Path(work, "input.csv").write_bytes(checked.clean)
        Path(work, "params.json").write_text(json.dumps(package["params"]), encoding="utf-8")
        subprocess.run([python, str(recipe.program)], env={**os.environ, "WORK": work}, check=True)
        made = json.loads(Path(work, "out", "result.json").read_text(encoding="utf-8"))
    lines = (f" {json.dumps(key)}: {json.dumps(value, ensure_ascii=False)}" for key, value in made.items())
    return "{\n" + ",\n".join(lines) + "\n}\n"


def main() -> None:
    parser = argparse.ArgumentParser(description="Write samples/*.csv and samples/*.result.json")
    parser.add_argument("--results", metavar="PYTHON", help="interpreter that has the recipe's libraries")
    parser.add_argument("codes", nargs="*", help="only these packages")
    asked = parser.parse_args()
    for package in json.loads((HERE / "packages.json").read_text(encoding="utf-8")):
        if asked.codes and package["code"] not in asked.codes:
            continue
        path = HERE / package["sample"]
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(sample(package["code"]))
        if asked.results:
            path.with_suffix(".result.json").write_text(result(package, asked.results), encoding="utf-8")


if __name__ == "__main__":
    main()
