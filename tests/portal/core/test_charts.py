"""Charts: data in, coordinates out."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from portal.core.charts import bars, forecast, lines, routes
from portal.core.charts.scale import axis, figure, px, round_step

DAYS = [[str(date(2026, 11, 1) + timedelta(days=i)), 100 + 10 * (i % 7)] for i in range(28)]
AHEAD = [[str(date(2026, 11, 29) + timedelta(days=i)), 120, 110, 135] for i in range(14)]
CHART = {"kind": "forecast", "history": DAYS, "forecast": AHEAD, "x": "day"}


def pairs(text: str) -> list[tuple[float, float]]:
    return [tuple(map(float, pair.split(","))) for pair in text.split()]


@pytest.mark.parametrize(("span", "count", "step"), [(2500, 5, 500), (9, 4, 2.5), (0.4, 4, 0.1), (0, 4, 1)])
def test_steps_of_an_axis_are_round(span, count, step):
    assert round_step(span, count) == pytest.approx(step)


def test_an_axis_holds_its_values_and_may_begin_at_zero():
    bottom, top, step = axis(3120, 5710, 5)
    assert bottom <= 3120 and top >= 5710 and step == 1000
    assert axis(3, 9, 4, zero=True)[0] == 0


def test_figures_are_grouped_with_a_true_minus_sign():
    assert figure(12345) == "12,345"
    assert figure(-2.5, 0.5) == "−2.5"
    assert figure(-0.0001) == "0"
    assert px(12.0) == "12"


def test_a_forecast_keeps_everything_inside_the_picture():
    p = forecast.picture(CHART)
    drawn = pairs(p.history) + pairs(p.forecast) + pairs(p.band)
    assert len(pairs(p.history)) == 28 and len(pairs(p.forecast)) == 14 and len(pairs(p.band)) == 28
    assert all(0 <= x <= p.width and 0 <= y <= p.height for x, y in drawn)
    assert pairs(p.bridge) == [pairs(p.history)[-1], pairs(p.forecast)[0]]
    assert pairs(p.history)[-1][0] < float(p.split) < pairs(p.forecast)[0][0]


def test_a_thin_forecast_draws_less_but_its_table_has_all():
    p = forecast.picture(CHART, width=350, keep=14, ahead=7)
    assert len(pairs(p.history)) == 14 and len(pairs(p.forecast)) == 7
    assert len(p.rows) == 42
    assert p.rows[-1].is_forecast and (p.rows[-1].value, p.rows[-1].low, p.rows[-1].high) == (
        "120",
        "110",
        "135",
    )


def test_the_next_period_is_named_and_its_words_stay_in_the_picture():
    p = forecast.picture(CHART)
    assert p.callout is not None
    assert (p.callout.label, p.callout.date) == ("120", date(2026, 11, 29))
    assert 0 < float(p.callout.label_x) < p.width and 20 < float(p.callout.label_y) < float(p.base)


def _spiky(peak: int) -> dict:
    """A week with a peak two days after the named one, and history that falls steeply into the forecast."""
    history = [[day, 6200 if i % 7 == 5 else 4300] for i, (day, _) in enumerate(DAYS)]
    ahead = [[day, peak if i % 7 == 4 else 5186, 4700, 1.1 * peak] for i, (day, *_) in enumerate(AHEAD)]
    return {**CHART, "history": history, "forecast": ahead}


@pytest.mark.parametrize("shape", [{"width": 680, "keep": 42}, {"width": 1104, "keep": 42}, {"width": 350, "keep": 10}])
@pytest.mark.parametrize("named", range(14))
@pytest.mark.parametrize("peak", [5200, 6900, 12_000])
def test_the_named_point_has_its_words_above_it_clear_of_the_curve_and_of_the_range(shape, named, peak):
    chart = {**_spiky(peak), "callout": {"at": AHEAD[named][0]}}
    p = forecast.picture(chart, **shape)
    called, (left, top, right, base) = p.callout, p.callout.box
    assert (float(called.x), float(called.y)) == pairs(p.forecast)[named]
    assert left <= float(called.x) <= right and float(p.left) <= left and right <= float(p.right)
    assert top > 28 and base <= float(called.stem_from) < float(called.y)  # under the words of the two halves
    assert all(y > base for _, y in pairs(p.history) + pairs(p.forecast) + pairs(p.band))


def test_an_axis_of_amounts_begins_at_zero():
    p = forecast.picture(_spiky(6900))
    assert (p.lines[0].label, p.lines[0].at) == ("0", p.base)


def test_the_chart_may_ask_for_another_period_to_be_named():
    assert forecast.picture({**CHART, "callout": {"at": "2026-12-05"}}).callout.date == date(2026, 12, 5)


def test_months_may_be_written_without_a_day():
    months = [[f"{1949 + i // 12}-{i % 12 + 1:02d}", 100 + i] for i in range(132)]
    p = forecast.picture({"history": months, "forecast": [["1960-01", 300, 280, 320]], "x": "month"}, keep=48)
    assert p.by_month and p.ticks and p.last == date(1960, 1, 1)


@pytest.mark.parametrize(
    "history", [[["2026-11-01", 5]], [["2026-11-01", 5], ["2026-11-02", 5]], [["2026-11-01", 0]]]
)
def test_a_short_or_flat_history_can_be_drawn(history):
    assert forecast.picture({"history": history, "forecast": []}).callout is None


def test_nothing_to_draw_is_said():
    with pytest.raises(ValueError):
        forecast.picture({"history": [], "forecast": []})


ROUNDS = {
    "kind": "routes",
    "depot": {"x": 0, "y": 0, "name": "Depot"},
    "routes": [
        {
            "name": "1",
            "load": 12,
            "distance": 30.25,
            "points": [{"x": 1, "y": 1, "name": "A"}, {"x": 2, "y": 0, "name": "B"}],
        },
        {"name": "2", "load": 7.5, "distance": 8, "points": [{"x": -1, "y": -3, "name": "C"}]},
    ],
}


def test_rounds_begin_and_end_at_the_depot():
    p = routes.picture(ROUNDS)
    for route in p.routes:
        assert pairs(route.points)[0] == pairs(route.points)[-1] == (float(p.depot_x), float(p.depot_y))
    assert [r.stops for r in p.routes] == [("A", "B"), ("C",)]
    assert [(r.load, r.distance) for r in p.routes] == [("12", "30.2"), ("7.5", "8.0")]
    assert p.has_load and p.has_distance and p.stop_count == 3


def test_north_is_up_and_every_stop_is_on_the_paper():
    p = routes.picture(ROUNDS, width=330, height=206)
    a, b, c = p.stops
    assert float(a.y) < float(b.y) < float(c.y)
    assert all(0 <= float(s.x) <= 330 and 0 <= float(s.y) <= 206 for s in p.stops)


def test_each_round_has_its_own_pen():
    chart = {
        "depot": [0, 0],
        "stops": [[i, i * i % 5, f"S{i}"] for i in range(7)],
        "routes": [[i] for i in range(7)],
    }
    pens = {(r.css, r.dash) for r in routes.picture(chart).routes}
    assert len(pens) == 7


def test_a_map_of_one_place_can_be_drawn_and_of_none_cannot():
    assert routes.picture({"depot": [3, 3], "stops": [[3, 3, "here"]], "routes": [[0]]}).stop_count == 1
    with pytest.raises(ValueError):
        routes.picture({"depot": [3, 3], "stops": [], "routes": []})


def test_bars_stack_in_the_order_of_their_keys_and_sum():
    p = bars.picture([("a", (50, 30, 0)), ("b", (10, 0, 5))], ("x", "y", "z"))
    assert [part.key for part in p.bars[0].parts] == ["x", "y"]
    assert float(p.bars[0].parts[0].y) > float(p.bars[0].parts[1].y)
    assert p.totals == (60, 30, 5) and p.total == 95


def test_a_small_failure_is_still_visible():
    part = bars.picture([("a", (100_000, 1))], ("delivered", "failed")).bars[0].parts[1]
    assert float(part.height) >= 1


def test_empty_bars_can_be_drawn():
    assert bars.picture([("a", (0, 0))], ("x", "y")).bars[0].parts == ()


def test_a_line_ends_in_its_last_value():
    series = [(date(2026, 11, 1) + timedelta(days=i), 6 + i / 100) for i in range(20)]
    p = lines.picture(series)
    assert p.last_label == "6.19" and pairs(p.line)[-1] == (float(p.last_x), float(p.last_y))
    assert lines.picture(series, spark=True).ticks == ()
    assert lines.picture([(date(2026, 11, 1), 5.0)], spark=True).line
