"""How many spare seals should the workshop keep, so that a broken pump waits in at most 2 cases of 100?

Forty pumps fail now and then; every failure takes a seal from the shelf and orders a new one, which comes
after three weeks, sometimes much later. This plays 24,000 years of it and counts how many orders are on their
way whenever a pump fails: with S seals that pump is repaired at once if fewer than S are on their way.

Change the figures below for your own part.
"""

import csv
import heapq
import random

PUMPS = 40
FAILURES_A_YEAR = 0.9  # of one pump
LEAD_TIME_DAYS = 21  # median; the longest fifth takes a month or more
LEAD_TIME_SPREAD = 0.45
WANTED = 0.98
BATCHES = 60
YEARS_A_BATCH = 400
MOST = 15


def play(years, random):
    """How many orders were on their way at each failure: counts[k] failures met k."""
    counts = [0] * (MOST + 1)
    now, end, on_their_way = 0.0, years * 365.0, []
    rate_a_day = PUMPS * FAILURES_A_YEAR / 365
    while True:
        now += random.expovariate(rate_a_day)
        if now >= end:
            return counts
        while on_their_way and on_their_way[0] <= now:
            heapq.heappop(on_their_way)
        counts[min(len(on_their_way), MOST)] += 1
        days = LEAD_TIME_DAYS * random.lognormvariate(0, LEAD_TIME_SPREAD)
        heapq.heappush(on_their_way, now + days)


def main():
    dice = random.Random(20261123)
    total = [0] * (MOST + 1)
    for batch in range(1, BATCHES + 1):
        total = [a + b for a, b in zip(total, play(YEARS_A_BATCH, dice), strict=True)]
        print(f"progress {batch}/{BATCHES} {batch * YEARS_A_BATCH:,} years played")
    failures = sum(total)
    rows, served = [], 0
    for stock in range(1, MOST + 1):
        served += total[stock - 1]
        rows.append((stock, served / failures))
    with open("stock_levels.csv", "w", newline="", encoding="utf-8-sig") as file:  # noqa: PTH123
        out = csv.writer(file)
        out.writerow(["stock 库存", "repaired at once 立即修复率"])
        out.writerows((stock, f"{share:.4f}") for stock, share in rows)
    print(f"{failures:,} failures played")
    print("stock  repaired at once")
    for stock, share in rows[:10]:
        print(f"{stock:5}  {share:7.2%}")
    enough = next(stock for stock, share in rows if share >= WANTED)
    print(f"Keep {enough} seals: {rows[enough - 1][1]:.1%} of the pumps are repaired at once.")


if __name__ == "__main__":
    main()

# ruff: noqa: T201
