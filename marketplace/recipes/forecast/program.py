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
from methods import Series, foresee, limits, relative, test, wrong

WORK = Path(os.environ.get("WORK", "/work"))
ENDED = {"day": (28, 84), "month": (3, 12)}  # silent so long at the end (longer if sparse): not forecast
METHOD_WORDS = {
    "naive": ("same period last season", "沿用上一周期"),
    "average": ("average of the last four seasons", "近四个周期平均"),
    "drift": ("straight line", "线性趋势"),
    "hw_add": ("rhythm added to a trend", "趋势加季节"),
    "hw_mul": ("rhythm multiplied with a trend", "趋势乘季节"),
}
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
        self.checks = [np.round(limits(s.made[-1], relative(s.true[:-1], s.made[:-1])), self.decimals or 0)
                       for s in self.tested]  # fmt: skip
        self.naive = [np.round(s.naive, self.decimals or 0) for s in self.tested]
        self.total = limits(np.sum([s.plan[1] for s in live], axis=0), self.total_errors())

    def total_errors(self) -> np.ndarray:
        """Errors of all series together, at each rolling origin for those that reach so far back."""
        deepest = max((len(s.made) for s in self.tested), default=0)
        made, true = np.zeros((deepest, self.hold)), np.zeros((deepest, self.hold))
        for s in self.tested:
            made[-len(s.made) :] += s.made
            true[-len(s.made) :] += np.where(np.isfinite(s.true), s.true, s.made)
        return relative(true, made)

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
        }

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
        true, (low, made, high) = self.came(), np.stack(self.checks, axis=1)
        inside = (low <= true) & (true <= high)
        en, zh = (f"{self.hold} {self.units[lang]}" for lang in ("en", "zh"))
        thumb, rule = self.rule(self.hold), wrong(true, np.array(self.naive))
        return [
            (wrong(true, made), f"wrong on average, on {en} it had not seen", f"平均误差（未见过的 {zh}）"),
            (rule, f"“{thumb['en']}” on the same {en}", f"“{thumb['zh']}”在同样 {zh}的误差"),
            (100 * inside[np.isfinite(true)].mean(), "of the test inside its 80 % range", "落在 80% 区间内"),
        ]

    def came(self) -> np.ndarray:
        return np.array([s.true[-1] for s in self.tested])

    def use(self) -> dict[str, str]:
        """How the three figures are used, from how they did in the test; and what they count, if not the usual."""
        said = [both("Go by the forecast.", "按“预测”准备。")]
        if self.tested and (known := np.isfinite(true := self.came())).any():
            low, _, high = np.stack(self.checks, axis=1)
            enough, short = (f"{np.floor(100 * held[known].mean()):.0f}" for held in (true <= high, true > low))
            said.append(both(
                f"In the test the high figure was enough in {enough} % of cases, the low one too little in {short} %.",
                f"检验中，“高”在 {enough}% 的情况下够用，“低”在 {short}% 的情况下不够。"))  # fmt: skip
        if self.own:
            said.append(self.counted())
        return both(" ".join(x["en"] for x in said), "".join(x["zh"] for x in said))

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
        chosen = [(*METHOD_WORDS[m], n) for m, n in Counter(s.method for s in self.live).most_common()]
        said = [*self.read_as(), *self.led_by(), both(
            "Methods chosen: " + "; ".join(f"{en} ({n})" for en, _, n in chosen) + ".",
            "选用方法：" + "；".join(f"{zh}（{n}）" for _, zh, n in chosen) + "。")]  # fmt: skip
        if len(self.live) > 1:
            said.append(both("The total's range is not the sum of the lines' ranges: not all go wrong the same way. "
                             "So the total stands on this page and not in the files, where a column adds up.",
                             "合计的区间不等于各行区间之和：各行不会同时偏高或偏低。"
                             "所以合计只在本页，不在文件里；文件的每一列可以直接相加。"))  # fmt: skip
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
        if few:
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
        en, zh = METHOD_WORDS[s.method]
        say("test", done, len(live), f"{s.name} {en}, wrong by {off}", f"{s.name} {zh}，误差 {off}")
    for done, s in enumerate(live, start=1):
        foresee(s, season, horizon)
        made = f"{s.name} {s.plan[1, leading(calendar, horizon, params.get('lead_day', ''))]:.0f}"
        say("forecast", done, len(live), made, made)
    result = Report(calendar, live, hold, params).result(series)
    (WORK / "out" / "result.json").write_text(json.dumps(result, ensure_ascii=False), encoding="utf-8")
    say("write", 1, 1, "The plan is written", "计划已写好")


if __name__ == "__main__":
    main()
