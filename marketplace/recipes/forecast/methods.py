"""The arithmetic of the forecast: a method is chosen, tested, and only then used. Needs only numpy.

For each series (an outlet, an article, a building ...):
  1. the last `hold` periods are put away;
  2. on what is left, five methods forecast from up to six earlier points, each time blind to what came after
     (rolling origin); the one with the least absolute error is chosen, and its errors are kept;
  3. it forecasts the periods put away: that error is reported, beside the naive rule's;
  4. it is fitted again on everything and forecasts; the 80 % range is made of the errors it really made, those of
     the test too, and where the test had left its range too often, it is widened until it would have held it.
Looked at and left, as the rolling origin did not err less with them on the samples: adding half of the mean error
of the earlier origins, and the mean of the last weeks lifted by their damped growth.
Methods: see Hyndman & Athanasopoulos, Forecasting: Principles and Practice, chapters 5 and 8. Holt-Winters is
written out in numpy, all candidate parameters at once: 10 ms a fit, against 50 to 500 ms and 6 s of imports
for statsmodels (without compiled files), whose recursion it matches (in the tests).
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # the sandbox gives one core and few processes

import numpy as np

METHODS = ("naive", "average", "drift", "hw_add", "hw_mul")
LEVEL = 0.8
FOLDS = 6
LEARN_SEASONS = 30  # what Holt-Winters looks back: it has forgotten what is older
SPARSE = 0.3  # more missing than this: no line means nothing was sold


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
    calmed: np.ndarray = field(default_factory=lambda: np.empty(0, int))  # exceptional periods, not learnt from
    method: str = "average"
    # the test: a row a rolling origin, the periods put away last; what was forecast there, and what came
    made: np.ndarray = field(default_factory=lambda: np.empty((0, 0)))
    true: np.ndarray = field(default_factory=lambda: np.empty((0, 0)))
    naive: np.ndarray = field(default_factory=lambda: np.empty(0))
    plan: np.ndarray = field(default_factory=lambda: np.empty((3, 0)))  # low, forecast, high


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
    s.filled, s.calmed = len(gaps), s.start + np.flatnonzero(calmed != values)
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
    for name in METHODS if cuts else ():
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
    s.plan = limits(made, *learnt(s.true, s.made))


def scale(made: np.ndarray, usual: float) -> np.ndarray:
    """What errors are measured in: the forecast itself, or the usual size where less than a fifth of it was forecast.

    So three pieces against a forecast of none are an error of three times the usual, not of a billion.
    """
    return np.where(made >= max(0.2 * usual, 1e-9), made, max(usual, 1e-9))


def learnt(true: np.ndarray, made: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What today's range is made of: the errors at every origin (rows), and again those of the last one, the test."""
    if not made.size:
        return np.empty(0), np.empty(0)
    known = true[np.isfinite(true)]
    errors = (true - made) / scale(made, max(float(made.mean()), float(known.mean()) if known.size else 0.0))
    return errors[np.isfinite(errors)], errors[-1][np.isfinite(errors[-1])]


def limits(made: np.ndarray, errors: np.ndarray, last: np.ndarray | None = None) -> np.ndarray:
    """Low, forecast, high: the range that held LEVEL of the errors really made; never below zero.

    last: errors of the periods put away. Where the range held less than LEVEL of them, each side goes out to
    their own quantile of (1 - LEVEL) / 2, taken outwards, so that at most that share lies beyond on either side.
    Only the side they left on moves: errors of a growing series do not lower the low figure.
    """
    if len(errors) < 5:
        errors = np.append(errors, [-0.25, 0.25])
    edge = min(1.0, LEVEL + 0.05 + 1 / len(errors))  # origins overlap: errors too much alike
    low, high = np.quantile(errors, [(1 - edge) / 2, (1 + edge) / 2])
    if last is not None and last.size and ((low <= last) & (last <= high)).mean() < LEVEL:
        low = min(low, np.quantile(last, (1 - LEVEL) / 2, method="lower"))
        high = max(high, np.quantile(last, (1 + LEVEL) / 2, method="higher"))
    size = np.where(made > 0, scale(made, float(made.mean())), 0.0)
    return np.array([np.maximum(made + min(low, 0.0) * size, 0.0), made, made + max(high, 0.0) * size])


def wrong(true: np.ndarray, made: np.ndarray) -> float:
    """Sum of absolute errors over the sum of what came, in percent; nan when nothing came."""
    known = np.isfinite(true)
    came = float(true[known].sum())
    return 100 * float(np.abs(true[known] - made[known]).sum()) / came if came else np.nan
