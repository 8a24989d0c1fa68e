"""Forecast every series of a table, honestly: the method is chosen, tested and only then used.

Stand-alone: needs numpy, reads and writes below $WORK as marketplace/recipes/base.py says.

For each series (one a outlet, item, building ...):
  1. the last `horizon` periods are put away;
  2. on what is left, five methods forecast from up to six earlier days, each time blind to what came after
     (rolling origin); the one with the least absolute error is chosen, its errors are kept;
  3. it forecasts the periods put away: that error is reported, beside the naive rule's;
  4. it is fitted again on everything and forecasts the future; the 80 % range is the 10th and 90th
     percentile of the errors it really made.
Methods: same period last season, its average over four seasons, drift, Holt-Winters with additive and with
multiplicative season (damped or not), as in Hyndman & Athanasopoulos, Forecasting: Principles and Practice, ch. 8.
Holt-Winters is written out here in numpy, all candidate parameters at once: 10 ms a fit, against 50 to 500 ms and
6 s of imports for statsmodels, whose fit it matches (see tests/marketplace/recipes/forecast).
"""

from __future__ import annotations

import csv
import io
import json
import os
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # the sandbox gives one core and few processes

import numpy as np

WORK = Path(os.environ.get("WORK", "/work"))
LEVEL = 0.8
FOLDS = 6
ENDED = {"day": 28, "month": 3}  # silent for so long at the end: closed, not forecast
SPARSE = 0.3  # more missing than this: no line means nothing was sold
METHOD_WORDS = {
    "naive": ("same period last season", "沿用上一周期"),
    "average": ("average of the last four seasons", "近四个周期平均"),
    "drift": ("straight line", "线性趋势"),
    "hw_add": ("rhythm added to a trend", "趋势加季节"),
    "hw_mul": ("rhythm multiplied with a trend", "趋势乘季节"),
}
METHODS = tuple(METHOD_WORDS)
WEEKDAYS = (("Mon", "周一"), ("Tue", "周二"), ("Wed", "周三"), ("Thu", "周四"), ("Fri", "周五"), ("Sat", "周六"),
            ("Sun", "周日"))  # fmt: skip
TABLE_ROWS = 200
HISTORY = {"day": 120, "month": 144}


@dataclass
class Series:
    """One series on the file's calendar: values from its first period to the end of the file, nan = no line."""

    name: str
    start: int
    raw: np.ndarray
    items: dict[str, dict[int, float]] = field(default_factory=dict)
    ended: bool = False
    filled: int = 0
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
        en, zh = WEEKDAYS[day.weekday()]
        return f"{en} {day.isoformat()}", f"{day.isoformat()} {zh}"


def both(en: str, zh: str) -> dict[str, str]:
    return {"en": en, "zh": zh}


LOW, MADE, HIGH = both("Low", "低"), both("Forecast", "预测"), both("High", "高")


# Reading


def read(path: Path) -> tuple[Calendar, list[Series]]:
    """The series of input.csv (date,series,item,value), in the order of the file."""
    with path.open(encoding="utf-8", newline="") as lines:
        rows = [(r["date"], r["series"], r["item"], float(r["value"])) for r in csv.DictReader(lines)]
    unit = "month" if len(rows[0][0]) == 7 else "day"
    sums: dict[str, dict[int, float]] = {}
    items: dict[str, dict[str, dict[int, float]]] = defaultdict(lambda: defaultdict(dict))
    index: dict[str, int] = {}
    for text, name, item, value in rows:
        at = index.get(text)
        if at is None:
            at = index[text] = (int(text[:4]) * 12 + int(text[5:7]) - 1 if unit == "month"
                                else date.fromisoformat(text).toordinal())  # fmt: skip
        of = sums.setdefault(name, {})
        of[at] = of.get(at, 0.0) + value
        if item:
            items[name][item][at] = value
    end = max(index.values())
    found = []
    for name, values in sums.items():
        start = min(values)
        raw = np.full(end - start + 1, np.nan)
        for at, value in values.items():
            raw[at - start] = value
        found.append(Series(name, start, raw, dict(items[name]), ended=max(values) <= end - ENDED[unit]))
    return Calendar(unit, end), found


def prepare(raw: np.ndarray, season: int, start: int) -> tuple[np.ndarray, np.ndarray, int]:
    """(values without nan, open: which slots of the season are ever open, how many were filled).

    A weekday without lines is a closed day. Where many periods lack a line nothing was sold then; where few do,
    the line is missing: it is filled with the mean of the same slot before and after.
    """
    missing = np.isnan(raw)
    slots = (start + np.arange(len(raw))) % season
    is_open = np.ones(season, bool)
    if season == 7 and len(raw) >= 28:
        is_open = np.array([(~missing[slots == slot]).mean() > 0.1 for slot in range(season)])
    values = np.where(missing, 0.0, raw)
    gaps = np.flatnonzero(missing & is_open[slots])
    if len(gaps) > SPARSE * is_open[slots].sum():
        return values, is_open, 0
    for gap in gaps:
        same = np.flatnonzero(~missing & (slots == slots[gap]))
        near = [*same[same < gap][-1:], *same[same > gap][:1]]
        values[gap] = raw[near].mean() if near else np.nanmean(raw)
    return values, is_open, len(gaps)


# Methods: each gives `steps` values after y, whose season is m long


def naive(y: np.ndarray, m: int, steps: int) -> np.ndarray:
    return np.resize(y[-m:], steps) if len(y) >= m else np.full(steps, y.mean())


def average(y: np.ndarray, m: int, steps: int) -> np.ndarray:
    seasons = min(4, len(y) // m)
    if seasons == 0:
        return np.full(steps, y.mean())
    return np.resize(y[len(y) - seasons * m :].reshape(seasons, m).mean(axis=0), steps)


def drift(y: np.ndarray, m: int, steps: int) -> np.ndarray:
    slope = (y[-1] - y[0]) / max(1, len(y) - 1)
    return y[-1] + slope * np.arange(1, steps + 1)


def start_values(y: np.ndarray, m: int, mul: bool) -> tuple[float, float, np.ndarray]:
    """Level and trend before the first period and one season, from the means of up to four seasons."""
    cycles = max(1, min(4, len(y) // m))
    first = y[: cycles * m].reshape(cycles, m)
    means = first.mean(axis=1)
    trend = (means[-1] - means[0]) / ((cycles - 1) * m) if cycles > 1 else 0.0
    expected = means[:, None] + trend * (np.arange(m) - (m - 1) / 2)
    season = (first / np.maximum(expected, 1e-9)).mean(axis=0) if mul else (first - expected).mean(axis=0)
    return float(means[0] - trend * (m + 1) / 2), float(trend), season


def smooth(y: np.ndarray, m: int, mul: bool, p: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Run Holt-Winters through y for many parameters at once: (sum of squares, level, trend, season to come).

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
    """The parameters (4 x 1) with the least squared one-step error: a grid, then three finer ones around the best."""
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


# One series


@dataclass
class Method:
    """A method with its parameters fixed; forecasts on the calendar, closed weekdays as nothing."""

    name: str
    is_open: np.ndarray
    fitted: np.ndarray | None = None

    @classmethod
    def learn(cls, name: str, y: np.ndarray, start: int, is_open: np.ndarray) -> Method | None:
        """The method fitted to y, or None where it does not apply."""
        if not name.startswith("hw"):
            return cls(name, is_open)
        m, mul = int(is_open.sum()), name == "hw_mul"
        y = y[is_open[(start + np.arange(len(y))) % len(is_open)]]
        if m < 2 or len(y) < 2 * m or not y.any() or (mul and y.min() <= 0):
            return None
        return cls(name, is_open, fit(y, m, mul))

    def after(self, y: np.ndarray, start: int, steps: int) -> np.ndarray:
        """The `steps` periods after y, never below zero."""
        opens = self.is_open[(start + np.arange(len(y) + steps)) % len(self.is_open)]
        y, ahead, m = y[opens[: len(y)]], opens[len(y) :], int(self.is_open.sum())
        count, out = int(ahead.sum()), np.zeros(steps)
        if count and len(y):
            if self.fitted is not None:
                values = holt_winters(y, m, count, self.name == "hw_mul", self.fitted)
            else:
                values = {"naive": naive, "average": average, "drift": drift}[self.name](y, m, count)
            out[ahead] = np.maximum(values, 0.0)
        return out


def origins(length: int, season: int, hold: int) -> list[int]:
    """Where the rolling origins stand, the earliest first: two seasons at least lie before each."""
    step = max(1, hold // 2)
    return sorted(cut for k in range(FOLDS) if (cut := length - hold - k * step) >= 2 * season)


def choose(
    y: np.ndarray, start: int, is_open: np.ndarray, season: int, hold: int
) -> tuple[str, np.ndarray, np.ndarray]:
    """The method with the least rolling-origin error on y; what it forecast, and what came (folds x hold).

    Parameters are fitted before the first origin, so that no fold has seen its own future.
    """
    cuts = origins(len(y), season, hold)
    best: tuple[float, str, np.ndarray] = (np.inf, "average", np.empty((0, hold)))
    true = np.array([y[cut : cut + hold] for cut in cuts]).reshape(-1, hold)
    for name in METHODS if cuts else ():
        method = Method.learn(name, y[: cuts[0]], start, is_open)
        if method is not None:
            made = np.array([method.after(y[:cut], start, hold) for cut in cuts])
            error = float(np.abs(true - made).mean())
            if error < best[0]:
                best = (error, name, made)
    return best[1], best[2], true


def test(s: Series, season: int, hold: int) -> None:
    """Choose a method on all but the last `hold` periods, then forecast those."""
    if len(s.raw) < hold + 2 * season:
        return
    y, is_open, _ = prepare(s.raw[:-hold], season, s.start)
    s.method, made, true = choose(y, s.start, is_open, season, hold)
    s.made = np.vstack([made, learned(s.method, y, s.start, is_open).after(y, s.start, hold)])
    s.true = np.vstack([true, s.raw[-hold:]])
    s.naive = Method("naive", is_open).after(y, s.start, hold)


def learned(name: str, y: np.ndarray, start: int, is_open: np.ndarray) -> Method:
    """The method fitted to y; the average where newer zeros rule it out."""
    return Method.learn(name, y, start, is_open) or Method("average", is_open)


def foresee(s: Series, season: int, horizon: int) -> None:
    """Fit the chosen method on everything and forecast what comes."""
    y, is_open, s.filled = prepare(s.raw, season, s.start)
    s.plan = limits(learned(s.method, y, s.start, is_open).after(y, s.start, horizon), relative(s.true, s.made))


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
    edge = min(1.0, LEVEL * (1 + 1 / len(errors)))  # the errors to come are not those the quantile was made of
    low, high = np.quantile(errors, [(1 - edge) / 2, (1 + edge) / 2])
    size = np.where(made > 0, scale(made), 0.0)
    return np.array([np.maximum(made + min(low, 0.0) * size, 0.0), made, made + max(high, 0.0) * size])


# The result


def say(step: str, done: int, of: int, en: str, zh: str) -> None:
    with (WORK / "progress.jsonl").open("a", encoding="utf-8") as log:
        line = {"step": step, "done": done, "of": of, "text_en": en, "text_zh": zh}
        log.write(json.dumps(line, ensure_ascii=False) + "\n")


def share_wrong(true: np.ndarray, made: np.ndarray) -> float | None:
    """Sum of absolute errors over the sum of what came, in percent; None when nothing came."""
    known = np.isfinite(true)
    came = float(np.abs(true[known]).sum())
    return 100 * float(np.abs(true[known] - made[known]).sum()) / came if came else None


def percent(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f} %"


def item_shares(s: Series, season: int, at: int) -> list[tuple[str, float]]:
    """Each item's share of the series in the last four slots like `at`, the largest first."""
    sums = {item: sum(v.get(at - k * season, 0.0) for k in range(1, 5)) for item, v in s.items.items()}
    whole = sum(sums.values())
    return sorted(((item, v / whole) for item, v in sums.items() if v > 0), key=lambda pair: -pair[1])


class Report:
    """Everything written to out/: result.json and the tables."""

    def __init__(self, calendar: Calendar, live: list[Series], hold: int, params: dict) -> None:
        self.calendar, self.live, self.hold, self.params = calendar, live, hold, params
        self.tested = [s for s in live if s.made.size]
        self.lang = "zh" if str(params.get("language", "en")).startswith("zh") else "en"
        self.is_day = calendar.unit == "day"
        self.series_word = params.get("series_word") or both("series", "序列")
        self.value_word = params.get("value_word") or both("units", "数量")
        values = np.concatenate([s.raw[np.isfinite(s.raw)] for s in live])
        self.decimals = None if (values == np.round(values)).all() or values.mean() >= 1000 else 1
        self.next = calendar.end + 1
        self.files: list[dict] = []
        self.wrong: tuple[float | None, float | None] = (None, None)
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
        place = len(s.raw) - self.calendar.season
        return s.raw[place] if place >= 0 else np.nan

    def write_csv(self, name: str, label: dict[str, str], header: list[dict[str, str]], rows: list) -> None:
        if rows:
            text = io.StringIO()
            csv.writer(text).writerows([[words[self.lang] for words in header], *rows])
            data = text.getvalue().encode("utf-8-sig")  # Excel reads Chinese only with the mark
            (WORK / "out" / name).write_bytes(data)
            self.files.append({"name": name, "label": label, "bytes": len(data)})

    def table(self) -> dict:
        """The next period by series, the plan, and its total."""
        heads = {"series": self.series_word, "low": LOW, "forecast": MADE, "high": HIGH, "season_ago": self.rule()}
        rows = [[self.name(s), *self.figures(*s.plan[:, 0], self.season_ago(s))] for s in self.live]
        last = float(np.nansum([self.season_ago(s) for s in self.live]))
        self.write_csv("plan.csv", both("Plan for the next period", "下一期计划"), [*heads.values()], rows)
        return {
            "columns": [{"key": key, "label": label, "align": "left" if key == "series" else "right"}
                        for key, label in heads.items()],
            "rows": rows[:TABLE_ROWS],
            "total": [both("Total", "合计")[self.lang], *self.figures(*self.total[:, 0], last)] if rows[1:] else None,
        }  # fmt: skip

    def write_tables(self) -> None:
        one, when = self.series_word, both("Date", "日期")
        ahead, back = range(self.total.shape[1]), range(self.hold)
        iso, name, begin = self.calendar.iso, self.name, self.next - self.hold
        rows = [[name(s), iso(self.next + k), *self.figures(*s.plan[:, k])] for s in self.live for k in ahead]
        self.write_csv("forecast.csv", both("The whole forecast", "全部预测"), [one, when, LOW, MADE, HIGH], rows)
        rows = [[name(s), iso(begin + k), *self.figures(s.true[-1, k], s.made[-1, k], s.naive[k])]
                for s in self.tested for k in back]  # fmt: skip
        header = [one, when, both("What came", "实际"), MADE, self.rule()]
        self.write_csv("test.csv", both("The test, line by line", "检验明细"), header, rows)
        rows = [[name(s), item, *self.figures(part * s.plan[1, 0])]
                for s in self.live for item, part in item_shares(s, self.calendar.season, self.next)]  # fmt: skip
        self.write_csv("items.csv", both("Next period by item", "下一期按品名"), [one, both("Item", "品名"), MADE], rows)

    def rule(self) -> dict[str, str]:
        return both("Same day last week", "上周同日") if self.is_day else both("Same month last year", "去年同月")

    def chart(self) -> dict:
        sums: dict[int, float] = defaultdict(float)
        for s in self.live:
            for k, value in enumerate(np.nan_to_num(s.raw)):
                sums[s.start + k] += value
        iso, shown = self.calendar.iso, sorted(sums)[-HISTORY[self.calendar.unit] :]
        ahead = [[iso(self.next + k), *self.figures(*self.total[[1, 0, 2], k])] for k in range(self.total.shape[1])]
        history = [[iso(at), *self.figures(sums[at])] for at in shown]
        return {"kind": "forecast", "x": self.calendar.unit, "history": history, "forecast": ahead}

    def stats(self) -> list[dict]:
        """The honest figures: our error, the naive rule's, how often the range held; then the sum ahead."""
        en, zh = (f"{self.hold} days", f"{self.hold} 天") if self.is_day else (f"{self.hold} months", f"{self.hold} 个月")
        out = []
        if self.tested:
            true, made = (np.array([getattr(s, a)[-1] for s in self.tested]) for a in ("true", "made"))
            ranges = [limits(s.made[-1], relative(s.true[:-1], s.made[:-1])) for s in self.tested]
            inside = np.array([(low <= t) & (t <= high) for (low, _, high), t in zip(ranges, true, strict=True)])
            rule = self.rule()
            self.wrong = share_wrong(true, made), share_wrong(true, np.array([s.naive for s in self.tested]))
            out = [
                (percent(self.wrong[0]), f"wrong on average, on {en} it had not seen", f"平均误差（未见过的最近 {zh}）"),
                (percent(self.wrong[1]), f"“{rule['en']}” on the same {en}", f"“{rule['zh']}”在同样 {zh}的误差"),
                (percent(100 * inside[np.isfinite(true)].mean()), "of the test inside its 80 % range", "落在 80% 区间内"),
            ]
        ahead = self.total.shape[1]
        unit = ("days", "天") if self.is_day else ("months", "个月")
        words = f"{self.value_word['en']} in the next {ahead} {unit[0]}", f"未来 {ahead} {unit[1]}合计（{self.value_word['zh']}）"
        out.append((self.figures(self.total[1].sum())[0], *words))
        return [{"value": value, "label": both(en, zh)} for value, en, zh in out]

    def notes(self, everything: list[Series]) -> list[dict[str, str]]:
        chosen = Counter(s.method for s in self.live).most_common()
        said = [
            both(
                "Methods chosen: " + "; ".join(f"{METHOD_WORDS[m][0]} ({n})" for m, n in chosen) + ".",
                "选用方法：" + "；".join(f"{METHOD_WORDS[m][1]}（{n}）" for m, n in chosen) + "。",
            )
        ]
        ended = [self.name(s) for s in everything if s.ended]
        if ended:
            names = ", ".join(ended[:5])
            said.append(both(f"Silent at the end of the file, so not forecast: {names} ({len(ended)}).",
                             f"文件末尾已无数据，未作预测：{names}（{len(ended)}）。"))  # fmt: skip
        filled = sum(s.filled for s in self.live)
        if filled:
            said.append(both(f"{filled} missing lines were filled with the same weekday or month before and after.",
                             f"{filled} 处缺失按前后同一星期（月份）的均值补齐。"))  # fmt: skip
        if self.wrong[0] is not None and self.wrong[1] is not None and self.wrong[0] > self.wrong[1]:
            said.append(both("In this test the rule of thumb did better. More history usually helps.",
                             "本次检验中经验法更准；通常更长的历史会有帮助。"))  # fmt: skip
        return said

    def result(self, everything: list[Series]) -> dict:
        low, value, high = self.figures(*self.total[:, 0])
        count, when = len(self.live), self.calendar.words(self.next)
        en = f"{self.value_word['en']}, {when[0]}" + (f", all {count} {self.series_word['en']}" if count > 1 else "")
        zh = f"{when[1]}" + (f"，全部 {count} 个{self.series_word['zh']}" if count > 1 else "") + f"（{self.value_word['zh']}）"
        stats, table = self.stats(), self.table()
        self.write_tables()
        return {
            "recipe": "forecast",
            "headline": {"value": value, "unit_key": "value", "low": low, "high": high, "label": both(en, zh)},
            "stats": stats,
            "chart": self.chart(),
            "table": table,
            "files": self.files,
            "units_done": {"series": len(everything)},
            "notes": self.notes(everything),
        }


def main() -> None:
    params = json.loads((WORK / "params.json").read_text("utf-8")) if (WORK / "params.json").exists() else {}
    (WORK / "out").mkdir(exist_ok=True)
    calendar, series = read(WORK / "input.csv")
    say("read", 1, 1, f"{len(series)} series read", f"已读取 {len(series)} 个序列")
    live, season = [s for s in series if not s.ended], calendar.season
    longest = max(len(s.raw) for s in live)
    horizon = int(params.get("horizon", 0)) if params.get("period", calendar.unit) == calendar.unit else 0
    horizon = horizon or {"day": 14, "month": 12}[calendar.unit]
    hold = min(horizon, max(season // 2, longest // 6))
    for done, s in enumerate(live, start=1):
        test(s, season, hold)
        wrong = percent(share_wrong(s.true[-1], s.made[-1])) if s.made.size else "–"
        en, zh = METHOD_WORDS[s.method]
        say("test", done, len(live), f"{s.name}: {en}, wrong by {wrong}", f"{s.name}：{zh}，误差 {wrong}")
    for done, s in enumerate(live, start=1):
        foresee(s, season, horizon)
        say("forecast", done, len(live), s.name, s.name)
    result = Report(calendar, live, hold, params).result(series)
    (WORK / "out" / "result.json").write_text(json.dumps(result, ensure_ascii=False), encoding="utf-8")
    say("write", 1, 1, "The plan is written", "计划已写好")


if __name__ == "__main__":
    main()
