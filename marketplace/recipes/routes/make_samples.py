"""Draws the sample files of the packages: invented firms in real towns, the same every time (seeded).

    python -m marketplace.recipes.routes.make_samples                     writes samples/<code>.csv
    python -m marketplace.recipes.routes.make_samples RECIPE_PYTHON       and runs each: <code>.result.json

Streets and districts exist, shops and house numbers are invented. RECIPE_PYTHON: a Python that has
requirements.txt installed.
"""

from __future__ import annotations

import csv
import io
import json
import math
import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from marketplace import recipes

SAMPLES = recipes.FOLDER / "samples"
PACKAGES = recipes.FOLDER / "packages-routes.json"
DEGREE_M = 111_195  # one degree of latitude


@dataclass(frozen=True)
class Quarter:
    """A part of town: centre, spread in metres, share of the stops, its streets."""

    lat: float
    lon: float
    spread_m: int
    weight: int
    streets: str


@dataclass(frozen=True)
class Town:
    """What one sample is made of. `cells` gives the cells behind name and place of a stop."""

    header: str
    depot: tuple[object, ...]
    quarters: tuple[Quarter, ...]
    stops: int
    name: str  # "{street}{house}号 {kind}店"
    kinds: str
    cells: Callable[[random.Random], tuple[object, ...]]
    metres: bool = False  # x, y in metres from the depot instead of degrees


def _windows(rng: random.Random, *choices: tuple[str, str, int]) -> tuple[str, str]:
    opens, closes, _ = rng.choices(choices, [share for *_, share in choices])[0]
    return opens, closes


HANGZHOU = Town(
    header="客户,纬度,经度,箱数,最早,最晚,停留分钟",
    depot=("石桥配送中心", 30.3288, 120.1905, "", "06:00", "19:00", ""),
    quarters=(
        Quarter(30.2792, 120.1652, 1300, 5, "延安路 庆春路 体育场路 凤起路 中山北路"),
        Quarter(30.2945, 120.2085, 1300, 4, "新塘路 秋涛北路 景昙路 钱江路"),
        Quarter(30.3102, 120.1203, 1400, 4, "莫干山路 古墩路 萍水西街 申花路"),
        Quarter(30.2083, 120.2120, 1500, 4, "江南大道 滨盛路 江陵路 西兴路"),
        Quarter(30.2858, 120.0785, 1500, 3, "文一西路 文二西路 紫金港路 丰潭路"),
        Quarter(30.3078, 120.3405, 1600, 3, "金沙大道 下沙路 文泽路 天城东路"),
        Quarter(30.1668, 120.2650, 1500, 3, "市心中路 人民路 金城路 育才路"),
    ),
    stops=88,
    name="{street}{house}号 {kind}",
    kinds="邻里便利 好又鲜超市 百味小卖部 惠民食杂店 晨光便利 阿郎超市 家和便利",
    cells=lambda rng: (
        rng.choice((3, 4, 5, 6, 6, 8, 10, 12, 14)),
        *_windows(rng, ("", "", 50), ("06:30", "10:00", 25), ("09:00", "12:00", 15), ("13:30", "17:00", 10)),
        rng.choice((6, 8, 10, 12)),
    ),
)

SHOUGUANG = Town(
    header="农户,纬度,经度,筐数,最早,最晚,停留分钟",
    depot=("寿光蔬菜集散站", 36.8782, 118.7561, "", "04:00", "14:00", ""),
    quarters=(
        Quarter(36.8205, 118.6872, 2300, 4, "三元朱村 孙家集村 岳寺高村 胡家庄村"),
        Quarter(36.7905, 118.8452, 2400, 4, "稻田村 马寨村 崔岭西村 桂河村"),
        Quarter(36.9302, 118.8690, 2600, 3, "古城村 安家庄村 李家庄村"),
        Quarter(36.9428, 118.6435, 2500, 3, "田马村 北岭村 王高村 台头村"),
        Quarter(36.8630, 118.9015, 2200, 3, "洛城村 屯西村 寨里村 董家营子村"),
        Quarter(36.8555, 118.6105, 2300, 2, "文家村 西文村 桑家营村"),
    ),
    stops=64,
    name="{street} {kind}{house}号棚",
    kinds="东区 西区 南区 北区 园区",
    cells=lambda rng: (
        rng.choice((12, 16, 18, 20, 24, 28, 30, 36)),
        *_windows(rng, ("", "", 45), ("04:30", "07:30", 35), ("06:00", "09:30", 20)),
        rng.choice((8, 10, 12, 15)),
    ),
)

CHENGDU = Town(
    header="小区,纬度,经度,停留分钟,预约时间",
    depot=("物业巡检中心（高新）", 30.5735, 104.0632, "", "08:30-18:00"),
    quarters=(
        Quarter(30.5460, 104.0665, 1500, 4, "天府大道 锦城大道 交子大道 益州大道"),
        Quarter(30.6215, 104.0405, 1300, 3, "高升桥路 武侯大道 红牌楼路 佳灵路"),
        Quarter(30.6420, 104.1050, 1300, 3, "东大路 莲桂西路 水碾河路 牛市口路"),
        Quarter(30.6905, 104.0500, 1300, 3, "一环路北 人民北路 马鞍北路 沙湾路"),
        Quarter(30.5055, 104.0700, 1500, 2, "华府大道 正北上街 麓山大道"),
    ),
    stops=54,
    name="{street}{house}号 {kind}",
    kinds="锦绣苑 翠湖花园 金色家园 梧桐里 香樟园 时代名邸 竹海小区 书香庭院 西锦里",
    cells=lambda rng: (
        rng.choice((20, 25, 30, 35, 40)),
        rng.choices(("", "09:00-12:00", "14:00-17:30"), (70, 18, 12))[0],
    ),
)

WUHAN = Town(
    header="项目,纬度,经度,停留分钟,最早,最晚",
    depot=("质安部（徐东）", 30.5912, 114.3478, "", "08:00", "18:30"),
    quarters=(
        Quarter(30.4985, 114.4090, 2200, 4, "光谷大道 关山大道 高新大道 珞瑜东路"),
        Quarter(30.6080, 114.2750, 1600, 3, "解放大道 建设大道 发展大道 青年路"),
        Quarter(30.5520, 114.2150, 1800, 3, "汉阳大道 鹦鹉大道 四新大道 墨水湖北路"),
        Quarter(30.6360, 114.3900, 1800, 2, "和平大道 友谊大道 建设一路"),
        Quarter(30.6720, 114.2760, 2200, 2, "金桥大道 后湖大道 百步亭路"),
    ),
    stops=42,
    name="{street}{house}号地块 {kind}",
    kinds="住宅项目 综合体项目 学校工程 厂房工程 管廊工程 安置房项目 医院工程",
    cells=lambda rng: (
        rng.choice((30, 40, 45, 60)),
        *_windows(rng, ("", "", 70), ("08:30", "11:30", 18), ("14:00", "17:00", 12)),
    ),
)

SUZHOU = Town(
    header="门店,纬度,经度,箱数,最早,最晚,停留分钟",
    depot=("甪直中心仓", 31.2655, 120.8580, "", "05:00", "20:00", ""),
    quarters=(
        Quarter(31.3105, 120.6205, 1200, 5, "观前街 人民路 干将东路 十全街"),
        Quarter(31.3190, 120.7150, 1600, 5, "苏州大道 星湖街 现代大道 旺墩路"),
        Quarter(31.2950, 120.5480, 1500, 3, "狮山路 塔园路 长江路 滨河路"),
        Quarter(31.2640, 120.6330, 1500, 3, "东吴北路 石湖东路 宝带西路"),
        Quarter(31.3880, 120.6380, 1600, 2, "采莲路 阳澄湖中路 春申湖路"),
        Quarter(31.3850, 120.9700, 1500, 3, "前进中路 长江中路 人民南路 朝阳路"),
    ),
    stops=72,
    name="{kind} {street}{house}号店",
    kinds="佳禾母婴 佳禾百货 佳禾优选",
    cells=lambda rng: (
        rng.choice((8, 10, 12, 15, 18, 22, 26)),
        *_windows(rng, ("", "", 30), ("06:00", "09:30", 40), ("09:30", "12:00", 15), ("14:00", "17:00", 15)),
        rng.choice((10, 12, 15, 20)),
    ),
)

SHENZHEN = Town(
    header="客户,纬度,经度,停留分钟,最早,最晚",
    depot=("南山服务站", 22.5405, 113.9420, "", "08:30", "19:00"),
    quarters=(
        Quarter(22.5420, 113.9510, 1100, 4, "科苑路 深南大道 高新南一道 学府路"),
        Quarter(22.5390, 114.0560, 1000, 4, "福华路 金田路 益田路 滨河大道"),
        Quarter(22.5480, 114.1180, 900, 3, "深南东路 人民南路 宝安南路 嘉宾路"),
        Quarter(22.5680, 113.8860, 1300, 3, "创业一路 新湖路 裕安一路"),
        Quarter(22.6230, 114.0420, 1300, 2, "民治大道 梅龙路 人民路"),
        Quarter(22.6380, 113.9250, 1200, 1, "留仙大道 兴科路"),
    ),
    stops=58,
    name="{street}{house}号 {kind}",
    kinds="科技公司 设计事务所 律师事务所 贸易公司 会计师事务所 培训中心 外贸公司 诊所",
    cells=lambda rng: (
        rng.choice((25, 30, 40, 45, 60)),
        *_windows(rng, ("", "", 40), ("09:00", "12:00", 30), ("14:00", "18:00", 30)),
    ),
)

ZHENGZHOU = Town(
    header="点位,x,y,件数,停留分钟,最晚",
    depot=("花园路营业部", 34.7905, 113.6850, "", "", "20:00"),
    quarters=(
        Quarter(34.7950, 113.6760, 550, 4, "花园路 农业路 经三路"),
        Quarter(34.7860, 113.6960, 600, 4, "文博东路 东明路 优胜北路"),
        Quarter(34.8010, 113.6980, 600, 3, "国基路 渠东路 丰庆路"),
        Quarter(34.7790, 113.6790, 550, 3, "黄河路 政七街 纬五路"),
        Quarter(34.7990, 113.6610, 500, 2, "南阳路 东风路 文化路"),
    ),
    stops=96,
    name="{street}{house}号 {kind}",
    kinds="小区东门 小区西门 驿站 写字楼 代收点 家属院 快递驿站 物业前台",
    cells=lambda rng: (
        rng.choice((6, 8, 10, 12, 15, 20, 28)),
        rng.choice((4, 5, 6, 8, 10)),
        rng.choices(("", "11:00", "12:30"), (70, 15, 15))[0],
    ),
    metres=True,
)

NANJING = Town(
    header="门店,纬度,经度,份数,最早,最晚,停留分钟",
    depot=("江宁中央厨房", 31.9320, 118.8405, "", "04:30", "16:30", ""),
    quarters=(
        Quarter(32.0430, 118.7845, 1100, 5, "中山路 汉中路 王府大街 洪武路"),
        Quarter(32.0730, 118.7720, 1200, 3, "湖南路 中央路 中山北路"),
        Quarter(32.0060, 118.7330, 1400, 3, "江东中路 应天大街 奥体大街"),
        Quarter(31.9460, 118.8180, 1400, 3, "双龙大道 胜太路 竹山路"),
        Quarter(32.0990, 118.9150, 1500, 3, "仙林大道 文苑路 学衡路"),
    ),
    stops=52,
    name="{kind}{street}店",
    kinds="鸭先知 老卤面 巷口包子 金陵小厨",
    cells=lambda rng: (
        rng.choice((40, 60, 80, 90, 120, 150)),
        *_windows(rng, ("05:00", "07:00", 30), ("05:30", "08:30", 30), ("08:30", "10:30", 40)),
        rng.choice((6, 8, 10)),
    ),
)

TOWNS = {
    "tra-route": HANGZHOU,
    "agr-collect": SHOUGUANG,
    "pro-round": CHENGDU,
    "con-round": WUHAN,
    "ret-round": SUZHOU,
    "lea-visit": SHENZHEN,
    "pos-round": ZHENGZHOU,
    "cat-deliver": NANJING,
}


def draw(town: Town, seed: str) -> str:
    """The CSV of a town."""
    rng = random.Random(seed)
    text = io.StringIO()
    out = csv.writer(text, lineterminator="\n")
    out.writerow(town.header.split(","))
    name, lat, lon, *rest = town.depot
    out.writerow([name, *_place(town, float(str(lat)), float(str(lon))), *rest])
    taken: set[str] = set()
    while len(taken) < town.stops:
        quarter = rng.choices(town.quarters, [each.weight for each in town.quarters])[0]
        lat = quarter.lat + _near(rng, quarter.spread_m) / DEGREE_M
        lon = quarter.lon + _near(rng, quarter.spread_m) / DEGREE_M / math.cos(math.radians(quarter.lat))
        street, kind = rng.choice(quarter.streets.split()), rng.choice(town.kinds.split())
        name = town.name.format(street=street, kind=kind, house=rng.randrange(2, 400))
        cells = town.cells(rng)
        if name not in taken:
            taken.add(name)
            out.writerow([name, *_place(town, lat, lon), *cells])
    return text.getvalue()


def _near(rng: random.Random, spread_m: int) -> float:
    return max(-2.0, min(2.0, rng.gauss(0, 1))) * spread_m


def _place(town: Town, lat: float, lon: float) -> tuple[object, object]:
    if not town.metres:
        return f"{lat:.5f}", f"{lon:.5f}"
    depot_lat, depot_lon = float(str(town.depot[1])), float(str(town.depot[2]))
    east = (lon - depot_lon) * DEGREE_M * math.cos(math.radians(depot_lat))
    return round(east), round((lat - depot_lat) * DEGREE_M)


def run(python: str, package: dict[str, Any]) -> str:
    """result.json of a package's program on its own sample."""
    recipe, sample = recipes.get(package["recipe"]), recipes.FOLDER / package["sample"]
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        with sample.open("rb") as file:
            (work / "input.csv").write_bytes(recipe.check(file, sample.name, package["params"]).clean)
        (work / "params.json").write_text(json.dumps(package["params"]), encoding="utf-8")
        subprocess.run([python, recipe.program], env={**os.environ, "WORK": folder}, check=True)
        return (work / "out" / "result.json").read_text(encoding="utf-8")


def main(arguments: list[str]) -> None:
    small = replace(HANGZHOU, header="customer,lat,lon,boxes,opens,closes,service_min", stops=24)
    (recipes.FOLDER / "routes" / "sample" / "stops.csv").write_text(draw(small, "stops"), encoding="utf-8")
    for code, town in TOWNS.items():
        (SAMPLES / f"{code}.csv").write_text(draw(town, code), encoding="utf-8")
    for package in json.loads(PACKAGES.read_text(encoding="utf-8")) if arguments else []:
        (recipes.FOLDER / package["example"]).write_text(run(arguments[0], package) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
