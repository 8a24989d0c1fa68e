"""The program of the forecast: reads the table, lets methods.py forecast every series, writes the plan.

Stand-alone, with methods.py beside it: needs numpy, reads and writes below $WORK as marketplace/recipes/base.py
says. params read here:
  horizon, period          how far ahead, in days or months (period: what the horizon is counted in)
  lead_day                 the day the plan is for, where the horizon reaches it; else the first after the file
  language                 of the headers of the tables to download
  series_word, value_word  what a series and a figure are called
  value_column             the customer's own column, where it is not what the package speaks of: names the figures
  no_line                  "zero": no line means nothing was sold
"""

from __future__ import annotations

import csv
import io
import json
import os
import sys
from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import date
from functools import cache
from itertools import islice
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))  # python -P leaves it out

import numpy as np
from methods import LEVEL, Series, foresee, learnt, limits, test, wrong

WORK = Path(os.environ.get("WORK", "/work"))
ENDED = {"day": (28, 84), "month": (3, 12)}  # silent so long at the end (longer if sparse): not forecast
METHOD_WORDS = {  # by day, by month
    "naive": (("last week’s figure of the same weekday", "上周同一天的数字"),
              ("last year’s figure of the same month", "去年同月的数字")),
    "average": (("the mean of the same weekday in the last four weeks", "近四周同星期几的平均"),
                ("the mean of the same month in up to four years", "近四年同月的平均")),
    "drift": (("a straight line", "直线"), ("a straight line", "直线")),
    "hw_add": (("a trend plus a weekly rhythm", "趋势加每周规律"), ("a trend plus a yearly rhythm", "趋势加每年规律")),
    "hw_mul": (("a trend times a weekly rhythm", "趋势乘每周规律"),
               ("a trend times a yearly rhythm", "趋势乘每年规律")),
}  # fmt: skip
BIASED = 4.0  # percent of what came: a forecast so far off to one side is said to be
ONE_SIDED = 0.6  # of the cases, at least, on that side
WELL_BELOW = 5.0  # percentage points under LEVEL
NAMED_SINGLES = 6
TABLE_ROWS = 200
HISTORY = {"day": 120, "month": 144}
NAMED_DAYS = 16
MONEY = ("金额", "额", "营收", "收入", "流水", "实收", "amount", "revenue", "turnover", "takings", "income", "元")
ORDERS = ("单", "order", "transaction", "bill")
GUESTS = ("客", "人数", "guest", "cover", "customer", "visitor")


@dataclass
class Calendar:
    """Days or months as consecutive whole numbers."""

    unit: str
    end: int  # the last period of the file

    @property
    def season(self) -> int:
        return 7 if self.unit == "day" else 12

    def iso(self, at: int) -> str:
        return date.fromordinal(at).isoformat() if self.unit == "day" else f"{at // 12:04d}-{at % 12 + 1:02d}"

    def words(self, at: int) -> tuple[str, str]:
        if self.unit == "month":
            return self.iso(at), f"{at // 12}年{at % 12 + 1}月"
        day = date.fromordinal(at)
        return f"{day:%a} {day.isoformat()}", f"{day.isoformat()} 周{'一二三四五六日'[day.weekday()]}"


def both(en: str, zh: str) -> dict[str, str]:
    return {"en": en, "zh": zh}


LOW, MADE, HIGH = both("Low", "低"), both("Forecast", "预测"), both("High", "高")
GO_BY = both("Go by the forecast.", "按“预测”准备。")
LAST_WEEKDAY = both("Same weekday, last known", "同星期几（最近已知）")
LAST_MONTH = both("Same month, last known", "同月（最近已知）")


def read(path: Path, sparse: bool) -> tuple[Calendar, list[Series]]:
    """The series of input.csv (date,series,item,value), in the order of the file."""
    sums: dict[str, dict[int, float]] = {}
    items: dict[str, dict[str, dict[int, float]]] = {}
    with path.open(encoding="utf-8", newline="") as lines:
        for text, name, item, value in islice(csv.reader(lines), 1, None):
            at, unit = period(text)
            of = sums.setdefault(name, {})
            of[at] = of.get(at, 0.0) + float(value)
            if item:
                items.setdefault(name, {}).setdefault(item, {})[at] = float(value)
    end = max(max(of) for of in sums.values())
    found = []
    for name, values in sums.items():
        start = min(values)
        raw = np.full(end - start + 1, np.nan)
        raw[np.array(list(values)) - start] = list(values.values())
        ended = max(values) <= end - ENDED[unit][sparse]
        found.append(Series(name, start, raw, items.get(name, {}), sparse, ended))
    return Calendar(unit, end), found


@cache
def period(text: str) -> tuple[int, str]:
    if len(text) == 7:
        return int(text[:4]) * 12 + int(text[5:]) - 1, "month"
    return date.fromisoformat(text).toordinal(), "day"


def say(step: str, done: int, of: int, en: str, zh: str) -> None:
    with (WORK / "progress.jsonl").open("a", encoding="utf-8") as log:
        line = {"step": step, "done": done, "of": of, "text_en": en, "text_zh": zh}
        log.write(json.dumps(line, ensure_ascii=False) + "\n")


def method_words(method: str, unit: str) -> tuple[str, str]:
    return METHOD_WORDS[method][unit == "month"]


def percent(value: float) -> str:
    return f"{value:.1f} %" if np.isfinite(value) else "–"


def item_shares(s: Series, season: int, at: int) -> list[tuple[str, float]]:
    """Each item's share of the series in the last four slots like `at`, the largest first."""
    sums = {item: sum(v.get(at - k * season, 0.0) for k in range(1, 5)) for item, v in s.items.items()}
    whole = sum(sums.values())
    return sorted(((item, v / whole) for item, v in sums.items() if v > 0), key=lambda pair: -pair[1])


class Report:
    """Everything written to out/: result.json and the tables."""

    def __init__(self, calendar: Calendar, live: list[Series], hold: int, params: dict) -> None:
        self.calendar, self.live, self.hold, self.next = calendar, live, hold, calendar.end + 1
        self.asked, self.own = params.get("lead_day", ""), params.get("value_column", "")
        self.steps = range(live[0].plan.shape[1])
        self.k = leading(calendar, len(self.steps), self.asked)
        self.lead = self.next + self.k
        self.tested = [s for s in live if s.made.size]
        self.lang = "zh" if str(params.get("language", "en")).startswith("zh") else "en"
        self.one = params.get("series_word") or both("series", "序列")
        self.usual = params.get("value_word") or both("units", "数量")
        self.what = both(self.own, self.own) if self.own else self.usual
        is_day = calendar.unit == "day"
        self.units = both("days", "天") if is_day else both("months", "个月")
        values = np.concatenate([s.raw[np.isfinite(s.raw)] for s in live])
        self.decimals = None if (values == np.round(values)).all() or values.mean() >= 1000 else 1
        self.files: list[dict] = []
        for s in live:  # here and nowhere else, so that every total is what its lines add up to
            s.plan = np.round(s.plan, self.decimals or 0)
        # the test as its file shows it, so that whoever checks our figures there finds the same
        self.checks = [np.round(limits(s.made[-1], learnt(s.true[:-1], s.made[:-1])[0]), self.decimals or 0)
                       for s in self.tested]  # fmt: skip
        self.naive = [np.round(s.naive, self.decimals or 0) for s in self.tested]
        self.total = limits(np.sum([s.plan[1] for s in live], axis=0), *self.total_errors())

    def total_errors(self) -> tuple[np.ndarray, np.ndarray]:
        """Errors of all series together, at each rolling origin for those that reach so far back, and in the test."""
        deepest = max((len(s.made) for s in self.tested), default=0)
        made, true = np.zeros((deepest, self.hold)), np.zeros((deepest, self.hold))
        for s in self.tested:
            made[-len(s.made) :] += s.made
            true[-len(s.made) :] += np.where(np.isfinite(s.true), s.true, s.made)
        return learnt(true, made)

    def figures(self, *values: float) -> list[float | int | None]:
        return [round(float(v), self.decimals) if np.isfinite(v) else None for v in values]

    def name(self, s: Series) -> str:
        return s.name or both("All", "全部")[self.lang]

    def season_ago(self, s: Series) -> float:
        """What came in the last known period like the one the plan leads with; nan when there is none."""
        at = self.k % self.calendar.season - self.calendar.season
        return s.raw[at] if len(s.raw) >= -at else np.nan

    def rule(self, steps: int) -> dict[str, str]:
        """The rule of thumb, so many periods after what is known: beyond a season it repeats itself."""
        known = steps <= self.calendar.season
        if self.calendar.unit == "day":
            return both("Same day last week", "上周同日") if known else LAST_WEEKDAY
        return both("Same month last year", "去年同月") if known else LAST_MONTH

    def write_csv(self, name: str, label: dict[str, str], header: list[dict[str, str]], rows: list) -> None:
        if rows:
            text = io.StringIO()
            csv.writer(text).writerows([[words[self.lang] for words in header], *rows])
            data = text.getvalue().encode("utf-8-sig")  # Excel reads Chinese only with the mark
            (WORK / "out" / name).write_bytes(data)
            self.files.append({"name": name, "label": label, "bytes": len(data)})

    def table(self) -> dict:
        """The period the plan leads with by series, the plan, and its total."""
        when, ago = self.calendar.words(self.lead), self.rule(self.k + 1)
        heads = {"series": self.one, "low": LOW, "forecast": MADE, "high": HIGH, "season_ago": ago}
        rows = [[self.name(s), *self.figures(*s.plan[:, self.k], self.season_ago(s))] for s in self.live]
        dated = [[name, self.calendar.iso(self.lead), *figures] for name, *figures in rows]
        total_ago = float(np.nansum([self.season_ago(s) for s in self.live]))
        title = both(f"Plan for {when[0]}", f"{when[1]}的计划")
        self.write_csv("plan.csv", title, [self.one, both("Date", "日期"), LOW, MADE, HIGH, ago], dated)
        return {
            "title": title,
            "columns": [{"key": k, "label": v, "align": ("right", "left")[k == "series"]} for k, v in heads.items()],
            "rows": rows[:TABLE_ROWS],
            "total": [None, *self.figures(*self.total[:, self.k], total_ago)] if len(rows) > 1 else None,
            "note": both("Low and high of all are not the sums of the column: not all lines go wrong the same way. So "
                         "they stand here only and not in the files.",
                         "合计的“低”和“高”不是各行相加：各行不会同时偏低或偏高。所以只写在这里，不在文件里。")
            if len(rows) > 1 else None,
        }  # fmt: skip

    def write_tables(self) -> None:
        iso, name, begin, when = self.calendar.iso, self.name, self.next - self.hold, both("Date", "日期")
        rows = [[name(s), iso(self.next + k), *self.figures(*s.plan[:, k])] for s in self.live for k in self.steps]
        header = [self.one, when, LOW, MADE, HIGH]
        self.write_csv("forecast.csv", both("Forecast in full", "完整预测"), header, rows)
        rows = [[name(s), iso(begin + k), *self.figures(s.true[-1, k], *check[:, k], naive[k])]
                for s, check, naive in zip(self.tested, self.checks, self.naive, strict=True)
                for k in range(self.hold)]  # fmt: skip
        header = [self.one, when, both("What came", "实际"), LOW, MADE, HIGH, self.rule(self.hold)]
        self.write_csv("test.csv", both("The test, line by line", "检验明细"), header, rows)
        rows = [[name(s), item, *self.figures(part * s.plan[1, self.k])]
                for s in self.live for item, part in item_shares(s, self.calendar.season, self.lead)]  # fmt: skip
        header = [self.one, both("Item", "品名"), MADE]
        en, zh = self.calendar.words(self.lead)
        self.write_csv("items.csv", both(f"Plan for {en}, by item", f"{zh}的计划，分品名"), header, rows)

    def chart(self) -> dict:
        sums: dict[int, float] = defaultdict(float)
        for s in self.live:
            for k, value in enumerate(np.nan_to_num(s.raw)):
                sums[s.start + k] += value
        iso, shown = self.calendar.iso, sorted(sums)[-HISTORY[self.calendar.unit] :]
        ahead = [[iso(self.next + k), *self.figures(*self.total[[1, 0, 2], k])] for k in self.steps]
        history = [[iso(at), *self.figures(sums[at])] for at in shown]
        chart = {"kind": "forecast", "x": self.calendar.unit, "history": history, "forecast": ahead}
        return {**chart, "callout": {"at": iso(self.lead)}} if self.k else chart

    def test_stats(self) -> list[tuple[float, str, str]]:
        """In percent: our error in the test, the naive rule's, and how often the range held."""
        true, made = self.came(), np.stack(self.checks, axis=1)[1]
        en, zh = (f"{self.hold} {self.units[lang]}" for lang in ("en", "zh"))
        meant_en, meant_zh = "which was meant for 80 %", "检验中落在事先给出的区间内（目标 80%）"
        thumb, rule = self.rule(self.hold), wrong(true, np.array(self.naive))
        return [
            (wrong(true, made), f"wrong on average, on {en} it had not seen", f"平均误差（未见过的 {zh}）"),
            (rule, f"“{thumb['en']}” on the same {en}", f"“{thumb['zh']}”在同样 {zh}的误差"),
            (self.held(self.checks), f"of the test inside the range given before it, {meant_en}", meant_zh),
        ]

    def came(self) -> np.ndarray:
        return np.array([s.true[-1] for s in self.tested])

    def held(self, ranges: list[np.ndarray]) -> float:
        """In percent, how much of the test lay inside such ranges."""
        true, (low, _, high) = self.came(), np.stack(ranges, axis=1)
        return 100 * float(((low <= true) & (true <= high))[np.isfinite(true)].mean())

    def is_narrow(self) -> bool:
        """Did the tested ranges hold well below what they were meant for?"""
        return bool(np.isfinite(self.came()).any()) and self.held(self.checks) < 100 * LEVEL - WELL_BELOW

    def use(self) -> dict[str, str]:
        """How the three figures are used, from how they did in the test; and what they count, if not the usual."""
        if self.tested and np.isfinite(self.came()).any():
            said = [self.lean(), self.widened() if self.is_narrow() else self.enough()]
        else:
            said = [GO_BY]
        if self.own:
            said.append(self.counted())
        return both(" ".join(x["en"] for x in said), "".join(x["zh"] for x in said))

    def lean(self) -> dict[str, str]:
        """Which figure to go by: the forecast, unless it was clearly off to one side in the test."""
        true, made = self.came(), np.stack(self.checks, axis=1)[1]
        known = np.isfinite(true)
        came, off = float(true[known].sum()), float((made - true)[known].sum())
        short = off < 0
        side = ((made < true) if short else (made > true))[known].mean()
        if not came or abs(off) < came * BIASED / 100 or side < ONE_SIDED:
            return GO_BY
        much, before = f"{100 * abs(off) / came:.1f}", float(np.array(self.naive)[known].sum())
        if short:
            why_en, why_zh = ("; the figures were rising", "，当时数量在上升") if came > before else ("", "")
            return both(f"In the test the forecast was {much} % too low in all{why_en}: rather go by the high figure.",
                        f"检验中，预测总共偏低 {much}%{why_zh}：宁可按“高”准备。")  # fmt: skip
        why_en, why_zh = ("; the figures were falling", "，当时数量在下降") if came < before else ("", "")
        return both(f"In the test the forecast was {much} % too high in all{why_en}: rather stay a little below it.",
                    f"检验中，预测总共偏高 {much}%{why_zh}：宁可比“预测”少备一点。")  # fmt: skip

    def widened(self) -> dict[str, str]:
        """What the tested ranges held, and what those of the plan, which have learnt from it, would have."""
        wider = [np.round(limits(s.made[-1], *learnt(s.true, s.made)), self.decimals or 0) for s in self.tested]
        true, high = self.came(), np.stack(wider, axis=1)[2]
        was, now = (f"{self.held(ranges):.0f}" for ranges in (self.checks, wider))
        enough = f"{np.floor(100 * (true <= high)[np.isfinite(true)].mean()):.0f}"
        return both(f"The ranges given before the test held only {was} % of it instead of 80 %. Those of the plan are "
                    f"wider: they would have held {now} %, and the high figure would have been enough in {enough} %.",
                    f"检验前给出的区间只套住 {was}%，目标是 80%。计划的区间已放宽：放到检验中能套住 {now}%，"
                    f"“高”在 {enough}% 的情况够用。")  # fmt: skip

    def enough(self) -> dict[str, str]:
        true, (low, _, high) = self.came(), np.stack(self.checks, axis=1)
        known = np.isfinite(true)
        held, over = (f"{np.floor(100 * x[known].mean()):.0f}" for x in (true <= high, true < low))
        return both(f"In the test the high figure was enough in {held} % of cases; in {over} % less came than the low "
                    "one.",
                    f"检验中，{held}% 的情况“高”够用，{over}% 的情况实际比“低”还少。")  # fmt: skip

    def counted(self) -> dict[str, str]:
        """The customer's own column, where the package speaks of something else."""
        own, name, usual = self.own, self.own.lower(), self.usual
        kinds = (
            (MONEY, "amounts of money", "金额", "divide by what one brings in", "请除以平均单价"),
            (ORDERS, "orders", "订单数", "multiply by what an order usually takes", "请乘以平均每单的用量"),
            (GUESTS, "people", "人数", "multiply by what one person usually takes", "请乘以平均每人的用量"),
        )  # fmt: skip
        kind = next((kind for kind in kinds if any(word in name for word in kind[0])), None)
        if kind is None:
            return both(f"The figures are “{own}”, as your file counts.", f"数字是您文件里的“{own}”。")
        _, en, zh, do_en, do_zh = kind
        return both(f"The figures are {en} (“{own}”), not {usual['en']}: for {usual['en']}, {do_en}.",
                    f"数字是{zh}（“{own}”），不是“{usual['zh']}”：要换算成“{usual['zh']}”，{do_zh}。")  # fmt: skip

    def notes(self, everything: list[Series], test: list[tuple[float, str, str]]) -> list[dict[str, str]]:
        said = [*self.read_as(), *self.led_by(), self.chosen(), *self.learnt_more()]
        if ended := [self.name(s) for s in everything if s.ended]:
            said.append(both(f"Silent at the end of the file, so not forecast: {', '.join(ended[:5])} ({len(ended)}).",
                             f"文件末尾已无数据，未作预测：{'、'.join(ended[:5])}（{len(ended)}）。"))  # fmt: skip
        if filled := sum(s.filled for s in self.live):
            said.append(both(f"Missing lines, filled from the same weekday or month around them: {filled}.",
                             f"按前后同一星期（月份）的均值补齐的缺行：{filled}。"))  # fmt: skip
        said += self.exceptions()
        if test and test[0][0] > test[1][0]:
            said.append(both("In this test the rule of thumb did better.", "本次检验中经验法更准。"))
        return said

    def chosen(self) -> dict[str, str]:
        """In plain words how the figures were made."""
        count, often = len(self.live), Counter(s.method for s in self.live).most_common()
        found = [(*method_words(method, self.calendar.unit), n) for method, n in often]
        if count == 1:
            return both(f"The forecast is {found[0][0]}.", f"预测用的是{found[0][1]}。")
        made_en = "; ".join(f"{en} for {n}" for en, _, n in found)
        made_zh = "；".join(f"{n} 个用{zh}" for _, zh, n in found)
        of_en, of_zh = f"Of {count} {self.one['en']}", f"{count} 个{self.one['zh']}里"
        return both(f"{of_en}, the forecast is {made_en}.", f"{of_zh}，{made_zh}。")

    def learnt_more(self) -> list[dict[str, str]]:
        """Why the range of the plan is not the one that was tested, where use() has not said it."""
        if not self.tested or self.is_narrow():
            return []
        return [both("The ranges of the test had not learnt from the test; those of the plan have.",
                     "检验时的区间还没有学到检验期的误差，计划的区间已经学到。")]  # fmt: skip

    def read_as(self) -> list[dict[str, str]]:
        return [both(f"We read the column “{self.own}” as the quantity to forecast.",
                     f"把“{self.own}”这一列当作要预测的数量。")] if self.own else []  # fmt: skip

    def led_by(self) -> list[dict[str, str]]:
        """Where the plan does not lead with the first period after the file, or not with the day it was asked for."""
        (end_en, end_zh), (lead_en, lead_zh) = (self.calendar.words(at) for at in (self.calendar.end, self.lead))
        if self.k:
            return [both(f"The file ends on {end_en}. The plan leads with {lead_en}; the days between are in the full "
                         "forecast.", f"文件截至 {end_zh}。计划先给出 {lead_zh}，中间的日子见完整预测。")]  # fmt: skip
        if self.asked > self.calendar.iso(self.lead):
            return [both(f"The file ends on {end_en}, too early for {self.asked}: the plan leads with {lead_en}.",
                         f"文件截至 {end_zh}，够不到 {self.asked}：计划从 {lead_zh} 开始。")]  # fmt: skip
        return []

    def exceptions(self) -> list[dict[str, str]]:
        """The days that were exceptional for a fifth of the series, as a holiday is; of the others, how many."""
        found = Counter(int(at) for s in self.live for at in s.calmed)
        many, iso = len(self.live) > 1, self.calendar.iso
        common = [at for at in found if not many or found[at] >= max(2, len(self.live) / 5)]
        shown = sorted(sorted(common, key=lambda at: (-found[at], at))[:NAMED_DAYS])
        said, few, more = [], len(found) - len(common), len(common) - len(shown)
        if shown:
            en = ", ".join(f"{iso(at)} ({found[at]})" if many else iso(at) for at in shown)
            zh = "、".join(f"{iso(at)}（{found[at]}）" if many else iso(at) for at in shown)
            of_en, of_zh = (f" (number of {self.one['en']})", f"（括号内为{self.one['zh']}数）") if many else ("", "")
            more_en, more_zh = (f" and {more} more", f"，另有 {more} 天") if more else ("", "")
            said.append(both(f"Exceptional days, as holidays are, that were not learnt from{of_en}: {en}{more_en}.",
                             f"未用于学习的特殊日，如节假日{of_zh}：{zh}{more_zh}。"))  # fmt: skip
        singles = [(s, int(at)) for s in self.live for at in s.calmed if int(at) not in set(common)]
        if few and len(singles) <= NAMED_SINGLES:
            en, zh = (mark.join(f"{self.name(s)} {iso(at)}" for s, at in singles) for mark in (", ", "、"))
            said.append(both(f"Exceptional at single {self.one['en']}, not learnt from there: {en}.",
                             f"个别{self.one['zh']}的特殊日，那里未用于学习：{zh}。"))  # fmt: skip
        elif few:
            said.append(both(f"Days on which only a few {self.one['en']} were exceptional, not learnt from there: "
                             f"{few}.",
                             f"还有 {few} 天只是个别{self.one['zh']}异常，那里也未用于学习。"))  # fmt: skip
        return said

    def result(self, everything: list[Series]) -> dict:
        low, value, high = self.figures(*self.total[:, self.k])
        count, when, first = len(self.live), self.calendar.words(self.lead), self.calendar.iso(self.next)
        all_en = f", all {count} {self.one['en']}" if count > 1 else ""
        all_zh = f"，全部 {count} 个{self.one['zh']}" if count > 1 else ""
        headline = {"value": value, "unit_key": "value", "low": low, "high": high, "on": self.calendar.iso(self.lead),
                    "label": both(f"{when[0]}{all_en}", f"{when[1]}{all_zh}")}  # fmt: skip
        if self.own:
            headline["unit"] = self.what
        test, table, ahead = self.test_stats() if self.tested else [], self.table(), len(self.steps)
        stats: list[dict] = [{"value": percent(value), "label": both(en, zh)} for value, en, zh in test]
        words = both(f"{self.what['en']} in the {ahead} {self.units['en']} from {first}",
                     f"{first} 起 {ahead} {self.units['zh']}合计（{self.what['zh']}）")  # fmt: skip
        stats.append({"value": self.figures(self.total[1].sum())[0], "label": words})
        self.write_tables()
        return {
            "recipe": "forecast",
            "headline": headline,
            "stats": stats,
            "chart": self.chart(),
            "use": self.use(),
            "table": table,
            "files": self.files,
            "units_done": {"series": len(everything)},
            "notes": self.notes(everything, test),
        }


def leading(calendar: Calendar, horizon: int, asked: str) -> int:
    """How many periods after the first one the plan leads with: up to the day asked for, if it reaches that far."""
    if calendar.unit != "day" or not asked:
        return 0
    k = date.fromisoformat(asked).toordinal() - calendar.end - 1
    return k if 0 <= k < horizon else 0


def main() -> None:
    params = json.loads((WORK / "params.json").read_text("utf-8"))
    (WORK / "out").mkdir(exist_ok=True)
    calendar, series = read(WORK / "input.csv", sparse=params.get("no_line") == "zero")
    say("read", 1, 1, f"Series read: {len(series)}", f"已读取序列：{len(series)}")
    live, season = [s for s in series if not s.ended], calendar.season
    horizon = int(params.get("horizon", 0)) if params.get("period", calendar.unit) == calendar.unit else 0
    horizon = horizon or {"day": 14, "month": 12}[calendar.unit]
    hold = min(horizon, max(season // 2, max(len(s.raw) for s in live) // 6))
    for done, s in enumerate(live, start=1):
        test(s, season, hold)
        off = percent(wrong(s.true[-1], s.made[-1]) if s.made.size else np.nan)
        en, zh = method_words(s.method, calendar.unit)
        say("test", done, len(live), f"{s.name}: {en}, wrong by {off}", f"{s.name}：{zh}，误差 {off}")
    for done, s in enumerate(live, start=1):
        foresee(s, season, horizon)
        made = f"{s.name} {s.plan[1, leading(calendar, horizon, params.get('lead_day', ''))]:.0f}"
        say("forecast", done, len(live), made, made)
    result = Report(calendar, live, hold, params).result(series)
    (WORK / "out" / "result.json").write_text(json.dumps(result, ensure_ascii=False), encoding="utf-8")
    say("write", 1, 1, "The plan is written", "计划已写好")


if __name__ == "__main__":
    main()
