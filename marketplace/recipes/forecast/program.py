"""Forecast every series of a table, honestly: a method is chosen, tested, and only then used.

Stand-alone: needs numpy, reads and writes below $WORK as marketplace/recipes/base.py says.
For each series (an outlet, an article, a building ...):
  1. the last `hold` periods are put away;
  2. on what is left, five methods forecast from up to six earlier points, each time blind to what came after
     (rolling origin); the one with the least absolute error is chosen, and its errors are kept;
  3. it forecasts the periods put away: that error is reported, beside the naive rule's;
  4. it is fitted again on everything and forecasts; the 80 % range is made of the errors it really made.
Methods: see Hyndman & Athanasopoulos, Forecasting: Principles and Practice, chapters 5 and 8. Holt-Winters is
written out in numpy, all candidate parameters at once: 10 ms a fit, against 50 to 500 ms and 6 s of imports
for statsmodels (without compiled files), whose recursion it matches (in the tests).
"""

from __future__ import annotations

import csv
import io
import json
import os
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from itertools import islice
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # the sandbox gives one core and few processes

import numpy as np

WORK = Path(os.environ.get("WORK", "/work"))
LEVEL = 0.8
FOLDS = 6
LEARN_SEASONS = 30  # what Holt-Winters looks back: it has forgotten what is older
ENDED = {"day": (28, 84), "month": (3, 12)}  # silent so long at the end (longer if sparse): not forecast
SPARSE = 0.3  # more missing than this: no line means nothing was sold
METHOD_WORDS = {
    "naive": ("same period last season", "沿用上一周期"),
    "average": ("average of the last four seasons", "近四个周期平均"),
    "drift": ("straight line", "线性趋势"),
    "hw_add": ("rhythm added to a trend", "趋势加季节"),
    "hw_mul": ("rhythm multiplied with a trend", "趋势乘季节"),
}
TABLE_ROWS = 200
HISTORY = {"day": 120, "month": 144}


@dataclass
class Series:
    """One series on the file's calendar: from its first period to the end of the file, nan = no line."""

    name: str
    start: int
    raw: np.ndarray
    items: dict[str, dict[int, float]] = field(default_factory=dict)
    sparse: bool = False  # no line means nothing was sold
    ended: bool = False
    filled: int = 0
    calmed: int = 0
    method: str = "average"
    # the test: a row a rolling origin, the periods put away last; what was forecast there, and what came
    made: np.ndarray = field(default_factory=lambda: np.empty((0, 0)))
    true: np.ndarray = field(default_factory=lambda: np.empty((0, 0)))
    naive: np.ndarray = field(default_factory=lambda: np.empty(0))
    plan: np.ndarray = field(default_factory=lambda: np.empty((3, 0)))  # low, forecast, high


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


def prepare(raw: np.ndarray, season: int, s: Series) -> tuple[np.ndarray, np.ndarray]:
    """Values without nan, and which slots of the season are ever open.

    A weekday without lines is a closed day. Where many periods lack a line, or the trade says so, nothing was
    sold then; else the line is missing: it is filled with the mean of the same slot before and after.
    """
    missing = np.isnan(raw)
    slots = (s.start + np.arange(len(raw))) % season
    is_open = np.ones(season, bool)
    if season == 7 and len(raw) >= 28 and not s.sparse:
        is_open = np.array([(~missing[slots == slot]).mean() > 0.1 for slot in range(season)])
    values = np.where(missing, 0.0, raw)
    gaps = np.flatnonzero(missing & is_open[slots])
    if s.sparse or len(gaps) > SPARSE * is_open[slots].sum():
        gaps = gaps[:0]
    for gap in gaps:
        same = np.flatnonzero(~missing & (slots == slots[gap]))
        near = [*same[same < gap][-1:], *same[same > gap][:1]]
        values[gap] = raw[near].mean() if near else np.nanmean(raw)
    calmed = calm(values) if season == 7 else values
    s.filled, s.calmed = len(gaps), int((calmed != values).sum())
    return calmed, is_open


def calm(y: np.ndarray) -> np.ndarray:
    """Public holidays and the like, days far from the same weekday both before and after, put between these.

    Never in the last two weeks: a new level must not be taken for an exception.
    """
    t = np.arange(21, len(y) - 14)
    before, after = np.median([y[t - k] for k in (7, 14, 21)], axis=0), np.mean([y[t + 7], y[t + 14]], axis=0)
    least = np.minimum(np.abs(y[t] - before), np.abs(y[t] - after))
    usual = np.median(np.abs(y[7:] - y[:-7])) if len(y) > 7 else 0.0
    odd = ((y[t] > before) == (y[t] > after)) & (least > 3 * usual) & (least > 0.15 * np.abs(before))
    calmed = y.copy()
    calmed[t[odd]] = ((before + after) / 2)[odd]
    return calmed


def recent(y: np.ndarray, m: int, steps: int, seasons: int) -> np.ndarray:
    """The mean of the last few seasons (of one: the naive rule), again and again. m: length of a season."""
    seasons = min(seasons, len(y) // m)
    last = y[len(y) - seasons * m :].reshape(seasons, m).mean(axis=0) if seasons else y.mean()
    return np.resize(last, steps)


def start_values(y: np.ndarray, m: int, mul: bool) -> tuple[float, float, np.ndarray]:
    """Level and trend before the first period and one season, from the means of up to four seasons."""
    cycles = max(1, min(4, len(y) // m))
    first = y[: cycles * m].reshape(cycles, m)
    means = first.mean(axis=1)
    trend = (means[-1] - means[0]) / ((cycles - 1) * m) if cycles > 1 else 0.0
    expected = means[:, None] + trend * (np.arange(m) - (m - 1) / 2)
    season = (first / np.maximum(expected, 1e-9)).mean(axis=0) if mul else (first - expected).mean(axis=0)
    return float(means[0] - trend * (m + 1) / 2), float(trend), season


def smooth(y: np.ndarray, m: int, mul: bool, p: np.ndarray) -> tuple[np.ndarray, ...]:
    """Holt-Winters through y for many parameters at once: sum of squares, level, trend, season to come.

    p: rows alpha, beta, gamma (smoothing of level, trend, season) and phi (damping of the trend).
    """
    alpha, beta, gamma, phi = p
    level, trend, first = start_values(y, m, mul)
    level, trend, season = level + 0 * alpha, trend + 0 * alpha, first[:, None] + 0 * alpha
    squares = 0 * alpha
    for t, value in enumerate(y):
        s = season[t % m]
        damped = phi * trend
        base = np.maximum(level + damped, 1e-9) if mul else level + damped
        squares += (value - (base * s if mul else base + s)) ** 2
        new = alpha * (value / np.maximum(s, 1e-9) if mul else value - s) + (1 - alpha) * base
        season[t % m] = gamma * (value / base if mul else value - base) + (1 - gamma) * s
        trend = beta * (new - level) + (1 - beta) * damped
        level = new
    return squares, level, trend, np.roll(season, -(len(y) % m), axis=0)


def fit(y: np.ndarray, m: int, mul: bool) -> np.ndarray:
    """The parameters (4 x 1) with the least squared one-step error: a grid, then three finer ones."""
    axes = [(0.02, 0.08, 0.2, 0.4, 0.7), (0.0, 0.02, 0.1, 0.3), (0.02, 0.1, 0.3, 0.6), (0.9, 0.97, 1.0)]
    spread = np.array([0.12, 0.06, 0.15])
    for _ in range(4):
        grid = np.array(np.meshgrid(*axes, indexing="ij")).reshape(4, -1)
        best = grid[:, [int(np.nanargmin(smooth(y, m, mul, grid)[0]))]]
        near = np.clip(best[:3] + spread[:, None] * np.linspace(-1, 1, 5), 0.0, 0.98)
        axes, spread = [*near, best[3]], spread / 2.5
    return best


def holt_winters(y: np.ndarray, m: int, steps: int, mul: bool, p: np.ndarray) -> np.ndarray:
    _, level, trend, season = smooth(y, m, mul, p)
    line = level + trend * np.cumsum(p[3] ** np.arange(1, steps + 1))
    rhythm = np.resize(season[:, 0], steps)
    return line * rhythm if mul else line + rhythm


@dataclass
class Method:
    """A method with its parameters fixed; forecasts on the calendar, closed weekdays as nothing."""

    name: str
    is_open: np.ndarray
    fitted: np.ndarray | None = None

    @classmethod
    def learn(cls, name: str, y: np.ndarray, start: int, is_open: np.ndarray) -> Method:
        """The method fitted to y; the average where Holt-Winters does not apply."""
        if not name.startswith("hw"):
            return cls(name, is_open)
        m, mul = int(is_open.sum()), name == "hw_mul"
        y = y[is_open[(start + np.arange(len(y))) % len(is_open)]]
        y = y[-LEARN_SEASONS * m :]
        if m < 2 or len(y) < 2 * m or not y.any() or (mul and y.min() <= 0):
            return cls("average", is_open)
        return cls(name, is_open, fit(y, m, mul))

    def after(self, y: np.ndarray, start: int, steps: int) -> np.ndarray:
        """The `steps` periods after y, never below zero."""
        opens = self.is_open[(start + np.arange(len(y) + steps)) % len(self.is_open)]
        y, ahead, m = y[opens[: len(y)]], opens[len(y) :], int(self.is_open.sum())
        count, out = int(ahead.sum()), np.zeros(steps)
        if count and len(y):
            if self.fitted is not None:
                values = holt_winters(y[-LEARN_SEASONS * m :], m, count, self.name == "hw_mul", self.fitted)
            elif self.name == "drift":
                values = y[-1] + (y[-1] - y[0]) / max(1, len(y) - 1) * np.arange(1, count + 1)
            else:
                values = recent(y, m, count, 1 if self.name == "naive" else 4)
            out[ahead] = np.maximum(values, 0.0)
        return out


def test(s: Series, season: int, hold: int) -> None:
    """Choose the method by rolling origin on all but the last `hold` periods, then forecast those.

    Parameters are fitted before the first origin, so that no fold has seen its own future.
    """
    if len(s.raw) < hold + 2 * season:
        return
    y, is_open = prepare(s.raw[:-hold], season, s)
    cuts = [len(y) - hold - k * max(1, hold // 2) for k in reversed(range(FOLDS))]
    cuts = [cut for cut in cuts if cut >= 2 * season]
    true = np.array([y[cut : cut + hold] for cut in cuts]).reshape(-1, hold)
    made, least = np.empty((0, hold)), np.inf
    for name in METHOD_WORDS if cuts else ():
        method = Method.learn(name, y[: cuts[0]], s.start, is_open)
        tried = np.array([method.after(y[:cut], s.start, hold) for cut in cuts])
        error = float(np.abs(true - tried).mean())
        if error < least:
            s.method, made, least = name, tried, error
    s.made = np.vstack([made, Method.learn(s.method, y, s.start, is_open).after(y, s.start, hold)])
    s.true = np.vstack([true, s.raw[-hold:]])
    s.naive = Method("naive", is_open).after(y, s.start, hold)


def foresee(s: Series, season: int, horizon: int) -> None:
    """Fit the chosen method on everything and forecast what comes."""
    y, is_open = prepare(s.raw, season, s)
    made = Method.learn(s.method, y, s.start, is_open).after(y, s.start, horizon)
    s.plan = limits(made, relative(s.true, s.made))


def scale(made: np.ndarray) -> np.ndarray:
    """What errors are measured in: the forecast itself, but not less than a fifth of its mean."""
    return np.maximum(made, max(0.2 * float(made.mean()), 1e-9))


def relative(true: np.ndarray, made: np.ndarray) -> np.ndarray:
    errors = (true - made) / scale(made) if made.size else np.empty(0)
    return errors[np.isfinite(errors)]


def limits(made: np.ndarray, errors: np.ndarray) -> np.ndarray:
    """Low, forecast, high: the range that held LEVEL of the errors really made; never below zero."""
    if len(errors) < 5:
        errors = np.append(errors, [-0.25, 0.25])
    edge = min(1.0, LEVEL + 0.05 + 1 / len(errors))  # origins overlap: errors too much alike
    low, high = np.quantile(errors, [(1 - edge) / 2, (1 + edge) / 2])
    size = np.where(made > 0, scale(made), 0.0)
    return np.array([np.maximum(made + min(low, 0.0) * size, 0.0), made, made + max(high, 0.0) * size])


# The result


def say(step: str, done: int, of: int, en: str, zh: str) -> None:
    with (WORK / "progress.jsonl").open("a", encoding="utf-8") as log:
        line = {"step": step, "done": done, "of": of, "text_en": en, "text_zh": zh}
        log.write(json.dumps(line, ensure_ascii=False) + "\n")


def wrong(true: np.ndarray, made: np.ndarray) -> float:
    """Sum of absolute errors over the sum of what came, in percent; nan when nothing came."""
    known = np.isfinite(true)
    came = float(true[known].sum())
    return 100 * float(np.abs(true[known] - made[known]).sum()) / came if came else np.nan


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
        self.tested = [s for s in live if s.made.size]
        self.lang = "zh" if str(params.get("language", "en")).startswith("zh") else "en"
        self.one = params.get("series_word") or both("series", "序列")
        self.what = params.get("value_word") or both("units", "数量")
        is_day = calendar.unit == "day"
        self.units = both("days", "天") if is_day else both("months", "个月")
        rules = both("Same day last week", "上周同日"), both("Same month last year", "去年同月")
        self.rule = rules[0] if is_day else rules[1]
        values = np.concatenate([s.raw[np.isfinite(s.raw)] for s in live])
        self.decimals = None if (values == np.round(values)).all() or values.mean() >= 1000 else 1
        self.files: list[dict] = []
        self.total = limits(np.sum([s.plan[1] for s in live], axis=0), self.total_errors())
        self.steps = range(self.total.shape[1])

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
        return s.raw[-self.calendar.season] if len(s.raw) >= self.calendar.season else np.nan

    def write_csv(self, name: str, label: dict[str, str], header: list[dict[str, str]], rows: list) -> None:
        if rows:
            text = io.StringIO()
            csv.writer(text).writerows([[words[self.lang] for words in header], *rows])
            data = text.getvalue().encode("utf-8-sig")  # Excel reads Chinese only with the mark
            (WORK / "out" / name).write_bytes(data)
            self.files.append({"name": name, "label": label, "bytes": len(data)})

    def table(self) -> dict:
        """The next period by series, the plan, and its total."""
        heads = {"series": self.one, "low": LOW, "forecast": MADE, "high": HIGH, "season_ago": self.rule}
        rows = [[self.name(s), *self.figures(*s.plan[:, 0], self.season_ago(s))] for s in self.live]
        dated = [[name, self.calendar.iso(self.next), *figures] for name, *figures in rows]
        ago = float(np.nansum([self.season_ago(s) for s in self.live]))
        self.write_csv("plan.csv", both("Plan for the next period", "下一期计划"),
                       [self.one, both("Date", "日期"), LOW, MADE, HIGH, self.rule], dated)
        return {
            "columns": [{"key": k, "label": v, "align": ("right", "left")[k == "series"]} for k, v in heads.items()],
            "rows": rows[:TABLE_ROWS],
            "total": [None, *self.figures(*self.total[:, 0], ago)] if len(rows) > 1 else None,
        }

    def write_tables(self) -> None:
        iso, name, begin, when = self.calendar.iso, self.name, self.next - self.hold, both("Date", "日期")
        rows = [[name(s), iso(self.next + k), *self.figures(*s.plan[:, k])] for s in self.live for k in self.steps]
        header = [self.one, when, LOW, MADE, HIGH]
        self.write_csv("forecast.csv", both("Forecast in full", "完整预测"), header, rows)
        rows = [[name(s), iso(begin + k), *self.figures(s.true[-1, k], s.made[-1, k], s.naive[k])]
                for s in self.tested for k in range(self.hold)]  # fmt: skip
        header = [self.one, when, both("What came", "实际"), MADE, self.rule]
        self.write_csv("test.csv", both("The test, line by line", "检验明细"), header, rows)
        rows = [[name(s), item, *self.figures(part * s.plan[1, 0])]
                for s in self.live for item, part in item_shares(s, self.calendar.season, self.next)]  # fmt: skip
        header = [self.one, both("Item", "品名"), MADE]
        self.write_csv("items.csv", both("Plan by item", "分品名计划"), header, rows)

    def chart(self) -> dict:
        sums: dict[int, float] = defaultdict(float)
        for s in self.live:
            for k, value in enumerate(np.nan_to_num(s.raw)):
                sums[s.start + k] += value
        iso, shown = self.calendar.iso, sorted(sums)[-HISTORY[self.calendar.unit] :]
        ahead = [[iso(self.next + k), *self.figures(*self.total[[1, 0, 2], k])] for k in self.steps]
        history = [[iso(at), *self.figures(sums[at])] for at in shown]
        return {"kind": "forecast", "x": self.calendar.unit, "history": history, "forecast": ahead}

    def test_stats(self) -> list[tuple[float, str, str]]:
        """In percent: our error in the test, the naive rule's, and how often the range held."""
        true, made = (np.array([getattr(s, a)[-1] for s in self.tested]) for a in ("true", "made"))
        ranges = [limits(s.made[-1], relative(s.true[:-1], s.made[:-1])) for s in self.tested]
        inside = np.array([(low <= t) & (t <= high) for (low, _, high), t in zip(ranges, true, strict=True)])
        en, zh = (f"{self.hold} {self.units[lang]}" for lang in ("en", "zh"))
        rule = wrong(true, np.array([s.naive for s in self.tested]))
        return [
            (wrong(true, made), f"wrong on average, on {en} it had not seen", f"平均误差（未见过的 {zh}）"),
            (rule, f"“{self.rule['en']}” on the same {en}", f"“{self.rule['zh']}”在同样 {zh}的误差"),
            (100 * inside[np.isfinite(true)].mean(), "of the test inside its 80 % range", "落在 80% 区间内"),
        ]

    def notes(self, everything: list[Series], test: list[tuple[float, str, str]]) -> list[dict[str, str]]:
        chosen = [(*METHOD_WORDS[m], n) for m, n in Counter(s.method for s in self.live).most_common()]
        said = [both("Methods chosen: " + "; ".join(f"{en} ({n})" for en, _, n in chosen) + ".",
                     "选用方法：" + "；".join(f"{zh}（{n}）" for _, zh, n in chosen) + "。")]  # fmt: skip
        if len(self.live) > 1:
            said.append(both("The total's range is not the sum of the lines' ranges: not all go wrong the same way.",
                             "合计的区间不等于各行区间之和：各行不会同时偏高或偏低。"))  # fmt: skip
        if ended := [self.name(s) for s in everything if s.ended]:
            names = f"{', '.join(ended[:5])} ({len(ended)})"
            said.append(both(f"Silent at the end of the file, so not forecast: {names}.",
                             f"文件末尾已无数据，未作预测：{names}。"))  # fmt: skip
        if filled := sum(s.filled for s in self.live):
            said.append(both(f"Missing lines, filled from the same weekday or month around them: {filled}.",
                             f"按前后同一星期（月份）的均值补齐的缺行：{filled}。"))  # fmt: skip
        if calmed := sum(s.calmed for s in self.live):
            said.append(both(f"Exceptional days (holidays) that were not learnt from: {calmed}.",
                             f"未用于学习的特殊日（如节假日）：{calmed}。"))  # fmt: skip
        if test and test[0][0] > test[1][0]:
            said.append(both("In this test the rule of thumb did better.", "本次检验中经验法更准。"))
        return said

    def result(self, everything: list[Series]) -> dict:
        low, value, high = self.figures(*self.total[:, 0])
        count, when = len(self.live), self.calendar.words(self.next)
        all_en = f", all {count} {self.one['en']}" if count > 1 else ""
        all_zh = f"，全部 {count} 个{self.one['zh']}" if count > 1 else ""
        label = both(f"{self.what['en']}, {when[0]}{all_en}", f"{when[1]}{all_zh}（{self.what['zh']}）")
        test, table, ahead = self.test_stats() if self.tested else [], self.table(), len(self.steps)
        stats: list[dict] = [{"value": percent(value), "label": both(en, zh)} for value, en, zh in test]
        words = both(f"{self.what['en']} in the next {ahead} {self.units['en']}",
                     f"未来 {ahead} {self.units['zh']}合计（{self.what['zh']}）")  # fmt: skip
        stats.append({"value": self.figures(self.total[1].sum())[0], "label": words})
        self.write_tables()
        return {
            "recipe": "forecast",
            "headline": {"value": value, "unit_key": "value", "low": low, "high": high, "label": label},
            "stats": stats,
            "chart": self.chart(),
            "table": table,
            "files": self.files,
            "units_done": {"series": len(everything)},
            "notes": self.notes(everything, test),
        }


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
        say("forecast", done, len(live), f"{s.name} {s.plan[1, 0]:.0f}", f"{s.name} {s.plan[1, 0]:.0f}")
    result = Report(calendar, live, hold, params).result(series)
    (WORK / "out" / "result.json").write_text(json.dumps(result, ensure_ascii=False), encoding="utf-8")
    say("write", 1, 1, "The plan is written", "计划已写好")


if __name__ == "__main__":
    main()
