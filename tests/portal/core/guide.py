"""What the style guide is filled with: a week of a kitchen and a mould maker. Invented figures."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

from django import forms

NOW = datetime(2026, 11, 23, 1, 12, tzinfo=UTC)
WEEK = (0.8, 1.0, 0.96, 0.93, 1.05, 1.28, 1.22)
TRADES = [
    "agriculture",
    "industry",
    "construction",
    "wholesale",
    "retail",
    "transport",
    "warehousing",
    "post",
    "accommodation",
    "catering",
    "information_transmission",
    "software_it",
    "real_estate",
    "property_management",
    "leasing_business",
    "other",
]
TRADE_NAMES = {
    "en": [
        "Agriculture",
        "Industry",
        "Construction",
        "Wholesale",
        "Retail",
        "Transport",
        "Warehousing",
        "Post",
        "Accommodation",
        "Catering",
        "Telecoms and internet",
        "Software and IT",
        "Real estate",
        "Property management",
        "Leasing and business",
        "Other trades",
    ],
    "zh": [
        "农林牧渔",
        "工业",
        "建筑",
        "批发",
        "零售",
        "交通运输",
        "仓储",
        "邮政",
        "住宿",
        "餐饮",
        "信息传输",
        "软件和信息技术",
        "房地产",
        "物业管理",
        "租赁和商务服务",
        "其他行业",
    ],
}
WORDS = {
    "ask": ("What do you want done?", "您想办成什么事？"),
    "ask_lede": (
        "Say it as you would to a colleague. You get a result, at a price that cannot be exceeded.",
        "像跟同事说话一样说出来。您得到的是结果，价格说好多少，最多就付多少。",
    ),
    "ask_placeholder": ("How much to prepare tomorrow?", "明天该备多少货？"),
    "find": ("Find", "查找"),
    "try_1": ("Plan rounds for 30 vans", "30 辆车怎么排线"),
    "try_2": ("Tomorrow’s parcels", "明天有多少件包裹"),
    "quote": ("Quote 2611-0412", "报价 2611-0412"),
    "run": ("Run it, CNY 79 at most", "开始，最多 79 元"),
    "run_short": ("Run it", "开始"),
    "results": ("Results other companies took home", "别的企业拿到的结果"),
    "all": ("All outcomes", "全部"),
    "trades": ("By trade", "按行业"),
    "trades_note": ("Number of outcomes, and the lowest cap", "可办事项数与最低封顶价"),
    "figures": ("The public meter", "公共电表"),
    "idle": ("Idle card-hours put to use this month", "本月用起来的闲置卡时"),
    "note": ("from 64 sites in 9 provinces", "来自 9 省 64 个站点"),
    "index": ("Price index, one card-hour", "价格指数，每卡时"),
    "covered": ("Trades that bought, of 15", "15 个行业中已有成交"),
    "solvency": ("Held for every 1.00 owed", "每欠 1.00 存有"),
    "steps": ("Learning from 420 days", "正在学习 420 天的记录"),
    "chart_title": ("Portions a day and the forecast", "每日份数与预测"),
    "caption": (
        "Portions a day, all twenty outlets. The red wash is where 8 days of 10 fall.",
        "二十家门店每日份数。红色区域：十天中有八天落在其中。",
    ),
    "meter": ("Meter, running", "电表，走字中"),
    "stop": ("Stop, and pay only the 31.18", "停下，只付 31.18"),
    "receipt": ("Receipt 2611-0412", "收据 2611-0412"),
    "map": ("Four rounds from one depot", "一个仓库，四条线路"),
    "grid": ("A week of idle hours", "一周的闲时"),
    "about": ("About, each week", "每周大约"),
    "deposit": ("Deposit these hours", "存入这些时段"),
    "became": ("What became of every hour", "每个小时的去向"),
    "borrow": ("Borrow against the rest", "用其余的作抵押"),
    "form": ("How big is your job?", "您的事有多大？"),
    "wallet": ("Wallet", "钱包"),
    "shelf": ("Catering", "餐饮"),
    "states": ("Empty, failed, refused", "空、败、拒"),
    "empty": ("Nothing counted yet", "还没有一笔"),
    "installing": ("Installing the forecast engine", "正在安装预测引擎"),
    "installing_2": ("Reading the file", "正在读取文件"),
    "bad_line": ("Line 48,213 has a negative number", "第 48,213 行有负数"),
    "bad_text": (
        "We did not take sales-2026.csv, and nothing was reserved.",
        "sales-2026.csv 未被采用，也没有预留款项。",
    ),
}


class Size(forms.Form):
    outlets = forms.IntegerField(label="Outlets", help_text="All that appear in the file.", max_value=500)
    name = forms.CharField(label="Company", required=False)
    kind = forms.ChoiceField(
        label="Paid as", choices=[("h", "Banked hours"), ("c", "Cash")], widget=forms.RadioSelect
    )
    agree = forms.BooleanField(label="I have read how prices are made", required=False)
    where = forms.ChoiceField(
        label="Where data stays", choices=[("zj", "Zhejiang"), ("cn", "Mainland China")]
    )


class Upload(forms.Form):
    sales = forms.FileField(
        label="Sales, one line for each outlet and day", help_text="CSV or Excel, up to 200 MB."
    )


def _forecast() -> dict[str, Any]:
    start = date(2026, 10, 12)
    sold = [
        [str(start + timedelta(days=i)), round(4100 * WEEK[i % 7] * (1 + (i * 37 % 11 - 5) / 90))]
        for i in range(42)
    ]
    first = start + timedelta(days=42)
    ahead = []
    for i in range(14):
        value = round(4180 * WEEK[i % 7])
        ahead.append(
            [str(first + timedelta(days=i)), value, round(value * 0.94), round(value * (1.05 + i / 400))]
        )
    return {"kind": "forecast", "history": sold, "forecast": ahead, "x": "day"}


def _rounds() -> dict[str, Any]:
    stops = [
        [round((i * 137 % 97) + (i % 5) * 3.1, 1), round((i * 61 % 53) * 1.1, 1), f"Stop {i + 1}"]
        for i in range(24)
    ]

    def angle(i: int) -> float:
        from math import atan2

        return atan2(stops[i][1] - 30, stops[i][0] - 50)

    order = sorted(range(24), key=angle)
    return {
        "kind": "routes",
        "depot": [50, 30],
        "stops": stops,
        "routes": [order[i : i + 6] for i in range(0, 24, 6)],
    }


def _lines(words: dict[str, str], zh: bool) -> dict[str, Any]:
    """Receipts, steps and files of one order."""
    return {
        "quote_lines": [
            {"label": "Forecast package", "amount_uy": 52_000_000},
            {"label": "Computing", "note": "56 core-hours at 0.11", "amount_uy": 6_160_000},
            {"label": "Room for a second pass", "amount_uy": 20_840_000},
            {"label": "The most it can cost" if not zh else "最多", "amount_uy": 79_000_000, "total": True},
        ],
        "paid_lines": [
            {"label": "Forecast package", "amount_uy": 52_000_000},
            {"label": "Hangzhou voucher, 10 %", "amount_uy": -5_830_000},
            {"label": "Paid", "amount_uy": 52_430_000, "total": True},
        ],
        "earn_lines": [
            {"label": "Painted", "text": "704 h"},
            {"label": "Service fee, 8 %", "amount_uy": -157_000_000},
            {"label": "Yours", "amount_uy": 1_804_000_000, "total": True},
        ],
        "steps": [
            {"label": "File checked", "note": "537,600 lines, 20 outlets", "state": "done", "at": NOW},
            {
                "label": "Money reserved",
                "note": "CNY 79.00 set aside; nothing charged yet",
                "state": "done",
                "at": NOW,
            },
            {"label": words["steps"], "note": "Outlet 13 of 20", "state": "now", "at": NOW},
            {"label": "Testing on four weeks it has not seen", "state": "todo", "about": NOW},
            {"label": "Stopped: the site lost power", "state": "failed", "at": NOW},
        ],
        "files": [
            {"url": "#", "label": "Prep plan, by outlet and dish", "size": 84_000, "kind": "Excel"},
            {"url": "#", "label": "This chart", "size": 11_300, "kind": "SVG", "icon": "picture"},
        ],
    }


def _shelf(words: dict[str, str], zh: bool) -> dict[str, Any]:
    """What stands on shelves, and what was wrong with a file."""
    forecast, rounds = _forecast(), _rounds()
    return {
        "cards": [
            {
                "title": "Demand forecast and prep plan" if not zh else "备货与销量预测",
                "text": "What each of 20 outlets will sell, dish by dish, tomorrow and for two weeks.",
                "cap_uy": 79_000_000,
                "expected_uy": 62_000_000,
                "unit": "20 outlets, one run",
                "picture": forecast,
            },
            {
                "title": "Delivery route planning" if not zh else "配送路径优化",
                "text": "Who drives where, in what order, with a map for each driver.",
                "cap_uy": 99_000_000,
                "unit": "30 vehicles, one month",
                "picture": rounds,
            },
            {
                "title": "Hotel occupancy" if not zh else "客房入住预测",
                "text": "Rooms taken, night by night.",
                "cap_uy": 59_500_000,
                "unit": "one hotel",
                "trade": "accommodation",
            },
        ],
        "trades": [
            {
                "key": key,
                "name": TRADE_NAMES["zh" if zh else "en"][i],
                "url": "#",
                "count": (i * 3) % 8,
                "from_uy": (29 + i * 10) * 1_000_000,
            }
            for i, key in enumerate(TRADES)
        ],
        "groups": [
            {
                "legend": "Where data stays",
                "name": "where",
                "options": [
                    {"value": "zj", "label": "Zhejiang", "count": 5, "checked": True},
                    {"value": "cn", "label": "Mainland China", "count": 6},
                ],
            }
        ],
        "actions": [{"url": "#", "label": words["ask"], "kind": "ink"}, {"url": "#", "label": words["find"]}],
        "excerpt": [
            {"line": 48212, "cells": ["2026-03-02", "Binjiang", "wontons", "88"]},
            {
                "line": 48213,
                "cells": ["2026-03-02", "Binjiang", "beef noodles", "-12"],
                "bad": True,
                "bad_cell": 3,
            },
            {"line": 48214, "cells": ["2026-03-02", "Binjiang", "cold tofu", "31"]},
        ],
    }


def _books() -> dict[str, Any]:
    """Figures of a wallet and of a bank."""
    day = date(2026, 11, 9)
    return {
        "trio": [
            {
                "label": "Available to spend",
                "amount_uy": 331_310_000,
                "note": "what is posted, less what is reserved",
            },
            {"label": "Reserved", "amount_uy": 99_000_000, "note": "for 1 order running", "url": "#"},
            {"label": "On its way", "amount_uy": 300_000_000, "note": "bank transfer SL-7F3K-22"},
        ],
        "rows": [
            {
                "date": NOW,
                "title": "Demand forecast, 20 outlets",
                "note": "Order 2611-0412, never more than 79",
                "amount_uy": -52_430_000,
                "balance_uy": 430_310_000,
                "remark": "Out 79.00, back 26.57.",
                "transfers": [
                    {
                        "number": "T-88120",
                        "at": NOW,
                        "source": "Wallet",
                        "target": "Reserved",
                        "amount_uy": 79_000_000,
                    },
                    {
                        "number": "T-88133",
                        "at": NOW,
                        "source": "Reserved",
                        "target": "Wallet",
                        "amount_uy": 26_570_000,
                    },
                ],
            },
            {
                "date": NOW - timedelta(days=20),
                "title": "Top-up by bank transfer",
                "note": "SL-7F3K-19",
                "amount_uy": 500_000_000,
                "balance_uy": 600_000_000,
            },
        ],
        "series": [(day + timedelta(days=i), 6.08 + (i * 29 % 13 - 6) / 60) for i in range(40)],
        "outcomes": [
            (
                day + timedelta(days=i),
                (54 + i * 7 % 40, 20 + i * 3 % 9, i % 4, 16 if i == 9 else 0, 3 if i % 6 == 2 else 0),
            )
            for i in range(14)
        ],
    }


def context(language: str = "en") -> dict[str, Any]:
    """Everything the style guide shows, in one language."""
    zh = language == "zh"
    words = {key: pair[zh] for key, pair in WORDS.items()}
    form = Size({"outlets": "9000", "kind": "h"})
    form.is_valid()
    forecast, rounds = _forecast(), _rounds()
    return {
        **_lines(words, zh),
        **_shelf(words, zh),
        **_books(),
        "words": words,
        "now": NOW,
        "until": NOW + timedelta(minutes=13, seconds=48),
        "crumbs": [{"label": words["shelf"], "url": "#"}, {"label": words["quote"]}],
        "forecast": forecast,
        "rounds": rounds,
        "weights": [
            (110 if 8 < h < 19 else 85 if 7 <= h < 23 else 62) - (10 if d > 4 else 0)
            for d in range(7)
            for h in range(24)
        ],
        "painted": {d * 24 + h for d in range(7) for h in range(24) if h < 8 or h > 21 or d == 6},
        "form": form,
        "chips": [{"label": "Zhejiang", "url": "#"}],
        "upload": Upload(),
        "nav": {
            "organisation": None,
            "organisations": [],
            "wallet_uy": 331_310_000,
            "demo": True,
            "section": "shop",
            "worker_ok": True,
        },
    }
