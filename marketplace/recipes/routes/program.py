"""Plan the rounds: the shortest tours from a depot past every stop, within capacity, hours and time windows.

Stand-alone, for the sandbox: needs numpy and pyvrp, imports nothing of the project.

reads    $WORK/input.csv    name, unit, x, y, demand, opens, closes, service_min: all filled, the depot first
                            unit: "deg" (x = longitude, y = latitude), "m" (metres on a plane),
                            "1" (TSPLIB: lengths without a unit, and no clock)
         $WORK/params.json  vehicles, capacity, shift_hours, speed_kmh, words, solve_s
writes   $WORK/progress.jsonl, $WORK/out/result.json, routes.csv, drivers.txt

Distances are whole metres. Between degrees: great circle times DETOUR, because roads are not straight.
On a plane: Euclid, rounded as TSPLIB's EUC_2D prescribes.
"""

from __future__ import annotations

import csv
import json
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pyvrp import Client, Depot, Location, ProblemData, Solution, SolveParams, VehicleType, solve
from pyvrp.IteratedLocalSearch import IteratedLocalSearchCallbacks, IteratedLocalSearchParams

WORK = Path(os.environ.get("WORK", "/work"))
OUT = WORK / "out"
DETOUR = 1.3  # towns: a road is typically 1.2 to 1.4 times the straight line
EARTH_M = 6_371_008.8  # mean radius (IUGG)
DAY_S = 86_400
MILLI = 1000  # loads are whole thousandths inside the solver
SEED = 1

WORDS = {
    "vehicle": {"en": "Vehicle", "zh": "车辆"},
    "stop": {"en": "Stops", "zh": "站点"},
    "load": {"en": "Load", "zh": "装载量"},
}


@dataclass(frozen=True)
class Stop:
    """A line of the input. Times are seconds after midnight, demand thousandths of the customer's unit."""

    name: str
    x: float
    y: float
    demand: int
    opens_s: int
    closes_s: int
    service_s: int


@dataclass(frozen=True)
class Job:
    """All there is to plan. stops[0] is the depot; metres and seconds are square matrices over stops."""

    stops: list[Stop]
    unit: str
    metres: np.ndarray
    seconds: np.ndarray
    vehicles: int | None
    capacity: int
    shift_s: int
    words: dict[str, dict[str, str]]

    @property
    def timed(self) -> bool:
        return self.unit != "1"


@dataclass(frozen=True)
class Visit:
    stop: int
    arrive_s: int
    leave_s: int
    leg_m: int


@dataclass(frozen=True)
class Round:
    """One vehicle's day: leaves the depot, makes its visits, is back at `back_s` after `length_m`."""

    visits: list[Visit]
    leave_s: int
    back_s: int
    length_m: int
    load: int


class Failed(Exception):
    """No result. args: what happened, in English and in Chinese, for the customer."""


def step(key: str, done: int, of: int, en: str, zh: str) -> None:
    line = {"step": key, "done": done, "of": of, "text_en": en, "text_zh": zh}
    with (WORK / "progress.jsonl").open("a", encoding="utf-8") as out:
        out.write(json.dumps(line, ensure_ascii=False) + "\n")


# reading


def clock(text: str) -> int:
    """'08:30' -> 30600."""
    hours, minutes = text.split(":")
    return int(hours) * 3600 + int(minutes) * 60


def hhmm(seconds: int) -> str:
    """Minutes rounded up: nobody should be told a time that is too early. 24:00 and later read 00:10+1."""
    days, minutes = divmod(-(-seconds // 60), 1440)
    return f"{minutes // 60:02d}:{minutes % 60:02d}" + (f"+{days}" if days else "")


def read(params: dict[str, Any]) -> Job:
    with (WORK / "input.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    stops = [
        Stop(
            name=row["name"],
            x=float(row["x"]),
            y=float(row["y"]),
            demand=round(float(row["demand"]) * MILLI),
            opens_s=clock(row["opens"]),
            closes_s=clock(row["closes"]),
            service_s=round(float(row["service_min"]) * 60),
        )
        for row in rows
    ]
    unit = rows[0]["unit"]
    metres = distances(stops, unit)
    metres_a_second = float(params.get("speed_kmh") or 30) / 3.6
    capacity, shift_hours = params.get("capacity"), params.get("shift_hours")
    return Job(
        stops=stops,
        unit=unit,
        metres=metres,
        seconds=np.zeros_like(metres) if unit == "1" else np.ceil(metres / metres_a_second).astype(np.int64),
        vehicles=int(params["vehicles"]) if params.get("vehicles") else None,
        capacity=round(float(capacity) * MILLI) if capacity else sum(stop.demand for stop in stops),
        shift_s=round(float(shift_hours) * 3600) if shift_hours else DAY_S,
        words=WORDS | params.get("words", {}),
    )


def distances(stops: list[Stop], unit: str) -> np.ndarray:
    """Square int64 matrix in metres (TSPLIB: in its own unit)."""
    xy = np.array([(stop.x, stop.y) for stop in stops])
    if unit != "deg":
        apart = np.hypot(*(xy[:, None] - xy[None]).transpose(2, 0, 1))
        return np.floor(apart + 0.5).astype(np.int64)
    lon, lat = np.radians(xy).T
    half = (
        np.sin((lat[:, None] - lat[None]) / 2) ** 2
        + np.cos(lat[:, None]) * np.cos(lat[None]) * np.sin((lon[:, None] - lon[None]) / 2) ** 2
    )
    return np.rint(2 * EARTH_M * np.arcsin(np.sqrt(half)) * DETOUR).astype(np.int64)


# solving


def problem(job: Job, vehicles: int, fixed_cost: int) -> ProblemData:
    depot, *stops = job.stops
    fleet = VehicleType(
        vehicles,
        [job.capacity],
        tw_early=depot.opens_s,
        tw_late=depot.closes_s,
        shift_duration=job.shift_s,
        fixed_cost=fixed_cost,
    )
    clients = [
        Client(n, [s.demand], service_duration=s.service_s, tw_early=s.opens_s, tw_late=s.closes_s)
        for n, s in enumerate(stops, start=1)
    ]
    places = [Location(x=stop.x, y=stop.y) for stop in job.stops]
    return ProblemData(places, clients, [Depot(0)], [fleet], [job.metres], [job.seconds])


def budget_s(stops: int) -> float:
    """Most seconds to search: 7 for 60 stops, 10 for 100, 45 for 400, 203 for 1,000, never over 300."""
    return min(300.0, 3 + 0.05 * stops + 1.5 * (stops / 100) ** 2)


class Watch(IteratedLocalSearchCallbacks):
    """Says once a second how far the search is; stops it at its time, or when it has stopped finding.

    "Stopped finding": 3 s, a third of the budget and twice the time to the last improvement brought nothing.
    """

    def __init__(self, budget: float, job: Job) -> None:
        self.budget, self.job = budget, job
        self.began = self.improved = self.said = time.perf_counter()
        self.iterations = 0
        self.best_m: int | None = None

    def __call__(self, best_cost: float) -> bool:
        now = time.perf_counter()
        quiet = now - self.improved
        return now - self.began >= self.budget or (
            self.best_m is not None and quiet >= max(3.0, self.budget / 3, 2 * (self.improved - self.began))
        )

    def on_best(self, best: Solution) -> None:
        self.improved = time.perf_counter()
        if best.is_feasible():
            self.best_m = best.distance()

    def on_iteration(self, current: Any, candidate: Any, best: Solution, cost_evaluator: Any) -> None:
        self.iterations += 1
        now = time.perf_counter()
        if now - self.said >= 1:
            self.said = now
            if self.best_m is None and best.is_feasible():
                self.best_m = best.distance()
            self.say(now - self.began)

    def say(self, elapsed: float) -> None:
        tried = f"{self.iterations:,}"
        best = "–" if self.best_m is None else length(self.job, self.best_m)
        en, zh = f"best so far {best}; {tried} plans tried", f"目前最短 {best}；已试 {tried} 个方案"
        of = max(1, round(self.budget))
        step("solve", min(of, int(elapsed)), of, en, zh)


def search(job: Job, vehicles: int, budget: float, fixed_cost: int = 0) -> tuple[Solution, Watch]:
    watch = Watch(budget, job)
    params = SolveParams(ils=IteratedLocalSearchParams(callbacks=watch))
    data = problem(job, vehicles, fixed_cost)
    best = solve(data, watch, seed=SEED, collect_stats=False, display=False, params=params).best
    if best.is_feasible():
        watch.best_m = best.distance()
    watch.say(budget)
    return best, watch


def plan(job: Job, budget: float) -> tuple[list[Round], Watch]:
    """The rounds found. Raises Failed, saying how many vehicles would be enough, when there are too few."""
    many = len(job.stops) - 1
    fleet = job.vehicles or many
    best, watch = search(job, fleet, budget)
    if best.is_feasible():
        rounds = [
            driven(job, [visit.idx + 1 for visit in route if visit.is_client()], route.start_time())
            for route in best.routes()
        ]
        return sorted(rounds, key=lambda a_round: (a_round.leave_s, -a_round.length_m)), watch
    roomy, _ = search(job, many, max(3.0, budget / 2), fixed_cost=int(job.metres.max()) * many)
    en = f"No plan found in which {fleet} vehicles keep every time window, working time and load."
    zh = f"以 {fleet} 辆车（人），找不到满足全部时间窗、工时和装载量的方案。"
    if roomy.is_feasible():
        enough = roomy.num_routes()
        en += f" There is one with {enough}: add vehicles, lengthen the shift or widen the windows."
        zh += f"增加到 {enough} 辆（人）即可；也可延长工时或放宽时间窗。"
    raise Failed(en, zh)


def driven(job: Job, order: list[int], leave_s: int) -> Round:
    """The round by our own clock, so that no figure rests on the solver's word."""
    at, now, visits, total = 0, leave_s, [], 0
    for number in order:
        leg = int(job.metres[at, number])
        arrive = now + int(job.seconds[at, number])
        now = max(arrive, job.stops[number].opens_s) + job.stops[number].service_s
        visits.append(Visit(number, arrive, now, leg))
        at, total = number, total + leg
    return Round(
        visits=visits,
        leave_s=leave_s,
        back_s=now + int(job.seconds[at, 0]),
        length_m=total + int(job.metres[at, 0]),
        load=sum(job.stops[number].demand for number in order),
    )


# what it would have been without planning


def nearest_next(job: Job) -> tuple[int, int, int]:
    """(length, vehicles, stops reached too late) when every driver always goes to the nearest stop left.

    He turns back when load or hours are full and never waits, whatever the time windows say: that flatters
    this way of doing it, so the saving shown is never too large.
    """
    left = set(range(1, len(job.stops)))
    total = vehicles = late = 0
    home_m, home_s = job.metres[:, 0].tolist(), job.seconds[:, 0].tolist()
    while left:
        at = spent = load = 0
        vehicles += 1
        while True:
            legs, times = job.metres[at].tolist(), job.seconds[at].tolist()
            served = {n: spent + times[n] + job.stops[n].service_s for n in left}
            near = [
                (legs[n], n)
                for n in left
                if at == 0  # the check made sure that any stop can be served alone
                or (load + job.stops[n].demand <= job.capacity and served[n] + home_s[n] <= job.shift_s)
            ]
            if not near:
                break
            leg, to = min(near)
            late += job.stops[0].opens_s + spent + times[to] > job.stops[to].closes_s
            total, load, spent, at = total + leg, load + job.stops[to].demand, served[to], to
            left.remove(to)
        total += home_m[at]
    return total, vehicles, late


# writing


def length(job: Job, metres: int) -> str:
    return f"{metres / 1000:,.1f} km" if job.timed else f"{metres:,}"


def number(job: Job, metres: int) -> float:
    return round(metres / 1000, 1) if job.timed else metres


def plain(thousandths: int) -> float:
    return thousandths // MILLI if thousandths % MILLI == 0 else thousandths / MILLI


def span(seconds: int) -> str:
    minutes = -(-seconds // 60)
    return f"{minutes // 60}:{minutes % 60:02d}"


def both(en: str, zh: str) -> dict[str, str]:
    return {"en": en, "zh": zh}


def chart(job: Job, rounds: list[Round]) -> dict[str, Any]:
    """Degrees become metres east and north of the depot; x, y stay as they came."""
    xy = np.array([(stop.x, stop.y) for stop in job.stops])
    if job.unit == "deg":
        squeeze = np.array([np.cos(np.radians(xy[0, 1])), 1])
        xy = np.rint(np.radians(xy - xy[0]) * squeeze * EARTH_M)
    depot, *stops = xy.tolist()
    return {
        "kind": "routes",
        "depot": depot,
        "stops": [[x, y, stop.name] for (x, y), stop in zip(stops, job.stops[1:], strict=True)],
        "routes": [[visit.stop - 1 for visit in a_round.visits] for a_round in rounds],
    }


def table(job: Job, rounds: list[Round]) -> dict[str, Any]:
    columns = [("vehicle", job.words["vehicle"]), ("stops", job.words["stop"]), ("load", job.words["load"])]
    columns += [("length", both("Kilometres", "公里") if job.timed else both("Length", "长度"))]
    if job.timed:
        columns += [("leaves", both("Leaves", "出发")), ("back", both("Back", "返回"))]
        columns += [("hours", both("Hours", "用时"))]
    rows: list[list[Any]] = [
        [n, len(r.visits), plain(r.load), number(job, r.length_m)]
        + ([hhmm(r.leave_s), hhmm(r.back_s), span(r.back_s - r.leave_s)] if job.timed else [])
        for n, r in enumerate(rounds, start=1)
    ]
    stops, load, metres = len(job.stops) - 1, sum(r.load for r in rounds), sum(r.length_m for r in rounds)
    hours = span(sum(r.back_s - r.leave_s for r in rounds))
    total = ["", stops, plain(load), number(job, metres)] + (["", "", hours] if job.timed else [])
    heads = [{"key": k, "label": w, "align": "left" if k == "vehicle" else "right"} for k, w in columns]
    return {"columns": heads, "rows": rows, "total": total}


def stats(job: Job, rounds: list[Round], nearest: tuple[int, int, int]) -> list[dict[str, Any]]:
    total, (nearest_m, nearest_vehicles, late) = sum(r.length_m for r in rounds), nearest
    shown: list[tuple[Any, str, str]] = [
        (len(rounds), "vehicles or people needed", "需要的车辆（人）"),
        (nearest_vehicles, "needed that way", "那样做需要的车辆（人）"),
        (len(job.stops) - 1, "stops, every one served", "站点，全部完成"),
    ]
    if nearest_m > total:
        less = f"{100 * (nearest_m - total) / nearest_m:.1f} %"
        shown.insert(0, (less, "less than always taking the nearest next stop", "比“只去最近的下一站”缩短"))
    if late:
        shown.append((late, "stops reached too late that way", "那样做会迟到的站点"))
    if job.timed:
        longest = max(r.back_s - r.leave_s for r in rounds)
        shown.append((span(longest), "hours, the longest round", "最长一趟用时（时:分）"))
    return [{"value": value, "label": both(en, zh)} for value, en, zh in shown]


def notes(job: Job, watch: Watch) -> list[dict[str, str]]:
    how = {
        "deg": both(
            f"Distances: straight line × {DETOUR}, as roads in towns usually are; no map service was asked.",
            f"距离按直线距离 × {DETOUR} 估算（城市道路的常见绕行系数），未查询地图服务。",
        ),
        "m": both("Distances are straight lines between x, y points.", "距离为坐标点之间的直线距离。"),
        "1": both("TSPLIB distances (EUC_2D), in the file's unit.", "TSPLIB 距离（EUC_2D），单位同原文件。"),
    }
    times = both(
        "Times follow the average speed you gave; traffic at your hours may differ.",
        "时间按您给的平均车速计算，实际路况可能不同。",
    )
    found = both(
        f"The shortest of {watch.iterations:,} plans tried; a shorter one may exist.",
        f"共试 {watch.iterations:,} 个方案，取其中最短；不排除还有更短的方案。",
    )
    return [how[job.unit], times, found] if job.timed else [how[job.unit], found]


def write_routes_csv(job: Job, rounds: list[Round]) -> None:
    """One line a visit, in driving order. BOM: Excel on Chinese Windows needs it."""
    with (OUT / "routes.csv").open("w", encoding="utf-8-sig", newline="") as file:
        out = csv.writer(file)
        times = ["arrive 到达", "leave 离开"] if job.timed else []
        leg = "leg_m 本段米数" if job.timed else "leg 本段长度"
        out.writerow(["vehicle 车辆", "order 顺序", "stop 站点", *times, "load 装载", leg])
        for n, a_round in enumerate(rounds, start=1):
            for order, visit in enumerate(a_round.visits, start=1):
                stop = job.stops[visit.stop]
                times = [hhmm(visit.arrive_s), hhmm(visit.leave_s)] if job.timed else []
                out.writerow([n, order, stop.name, *times, plain(stop.demand), visit.leg_m])


def write_drivers(job: Job, rounds: list[Round]) -> None:
    """A sheet for every driver, to print or to send."""
    depot, lines = job.stops[0].name, []
    for n, r in enumerate(rounds, start=1):
        vehicle = f"{job.words['vehicle']['zh']} {job.words['vehicle']['en']} {n}"
        facts = f"{len(r.visits)} 站 stops, {length(job, r.length_m)}, {plain(r.load)}"
        lines += [f"{vehicle}    {facts}", "-" * 56]
        lines.append(f"  {hhmm(r.leave_s) if job.timed else '':5}      {depot}")
        for order, visit in enumerate(r.visits, start=1):
            stop = job.stops[visit.stop]
            always = (stop.opens_s, stop.closes_s) == (0, DAY_S)
            window = "" if always else f"  [{hhmm(stop.opens_s)}-{hhmm(stop.closes_s)}]"
            arrive = hhmm(visit.arrive_s) if job.timed else ""
            lines.append(f"  {arrive:5} {order:3d}. {stop.name}  ({plain(stop.demand)}){window}")
        lines += [f"  {hhmm(r.back_s) if job.timed else '':5}      {depot}", "", ""]
    (OUT / "drivers.txt").write_text("\n".join(lines), encoding="utf-8-sig")


def write_result(job: Job, rounds: list[Round], watch: Watch) -> None:
    total, nearest = sum(r.length_m for r in rounds), nearest_next(job)
    was = length(job, nearest[0])
    files = {
        "routes.csv": both("All rounds, stop by stop", "全部路线逐站明细"),
        "drivers.txt": both("A sheet for every driver", "司机（人员）派车单"),
    }
    result = {
        "recipe": "routes",
        "headline": {
            "value": number(job, total),
            "unit_key": "value" if job.timed else "",
            "low": None,
            "high": None,
            "label": both(
                f"for all rounds together; {was} if everybody always took the nearest next stop",
                f"全部路线合计；若人人只去最近的下一站则为 {was}",
            ),
        },
        "stats": stats(job, rounds, nearest),
        "chart": chart(job, rounds),
        "table": table(job, rounds),
        "files": [{"name": n, "label": w, "bytes": (OUT / n).stat().st_size} for n, w in files.items()],
        "units_done": {"vehicles": len(rounds), "stops": len(job.stops) - 1},
        "notes": notes(job, watch),
    }
    (OUT / "result.json").write_text(json.dumps(result, ensure_ascii=False, indent=1), encoding="utf-8")


def main() -> int:
    OUT.mkdir(parents=True, exist_ok=True)
    params = json.loads((WORK / "params.json").read_text(encoding="utf-8"))
    job = read(params)
    stops = len(job.stops) - 1
    step("read", 1, 1, f"{stops} stops", f"{stops} 个站点")
    try:
        longest = float(os.environ.get("WALL_S", 600)) / 3  # a failed search is followed by a shorter one
        rounds, watch = plan(job, min(longest, float(params.get("solve_s") or budget_s(stops))))
    except Failed as failure:
        step("failed", 1, 1, *failure.args)
        return 1
    step("write", 0, 1, "drawing the map and the drivers' sheets", "绘制地图与派车单")
    write_routes_csv(job, rounds)
    write_drivers(job, rounds)
    write_result(job, rounds, watch)
    done = f"{stops} stops in {len(rounds)} rounds", f"{stops} 个站点，{len(rounds)} 条路线"
    step("write", stops, stops, *done)
    return 0


if __name__ == "__main__":
    sys.exit(main())
