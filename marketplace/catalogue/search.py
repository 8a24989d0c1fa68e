"""Words of a sentence, Chinese or English, as they are indexed and compared. Pure.

A full-text index keeps a Chinese run as one token, so Chinese goes in as overlapping pairs of characters;
English as lower-case stems. What only makes a sentence polite ("how much should I …", 多少, 我想) is left out
on both sides: 明天备多少货 and 备货 then meet in 备货.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from math import log

TERM_CHARS = 40
QUERY_CHARS = 200
CLOSE_ENOUGH = 0.75  # difflib's ratio: "forcast" finds "forecast", "tomorow" finds "tomorrow"
RELEVANT_SHARE = 0.3  # of the best score; what is below only shares a common word

HELP_EN = frozenset(
    ["contact", "faq", "fapiao", "help", "hotline", "invoice", "invoices", "refund", "refunds", "support"]
)
HELP_ZH = re.compile("客服|帮助|发票|开票|退款|退钱|联系|人工(?!智能)|热线|投诉")
HELP_WORDS, HELP_SIGNS = 3, 8  # "help me plan thirty rounds" is no call for help

_RUN = re.compile(r"[一-鿿㐀-䶿]+|[a-z][a-z0-9]*")
_STOP_EN = frozenset(
    [
        "a",
        "an",
        "and",
        "any",
        "are",
        "as",
        "at",
        "be",
        "by",
        "can",
        "could",
        "do",
        "does",
        "each",
        "every",
        "for",
        "from",
        "get",
        "give",
        "has",
        "have",
        "how",
        "i",
        "in",
        "is",
        "it",
        "its",
        "just",
        "like",
        "make",
        "many",
        "me",
        "more",
        "most",
        "much",
        "my",
        "need",
        "next",
        "of",
        "on",
        "one",
        "or",
        "our",
        "out",
        "per",
        "please",
        "should",
        "so",
        "some",
        "than",
        "that",
        "the",
        "their",
        "them",
        "then",
        "there",
        "these",
        "this",
        "to",
        "us",
        "want",
        "was",
        "we",
        "what",
        "when",
        "where",
        "which",
        "who",
        "will",
        "with",
        "would",
        "you",
        "your",
    ]
)
_STOP_ZH = re.compile(
    "多少|怎么样|怎么|怎样|如何|什么|哪些|哪个|哪里|我们|我要|我想|想要|需要|应该|请问|帮我|可以|一下|能不能|一个月|一个|"
    "[的了吗呢啊吧我您你是要有和与及或就都把给让在请]"
)


def asks_for_help(text: str) -> bool:
    """Is this somebody who looks for a person, a refund or an invoice, and for nothing to buy?"""
    words = re.findall(r"[a-z]+", unicodedata.normalize("NFKC", text).lower())
    is_short = len(text.strip()) <= HELP_SIGNS
    return bool(is_short and HELP_ZH.search(text)) or (len(words) <= HELP_WORDS and not HELP_EN.isdisjoint(words))


def stem(word: str) -> str:
    """`planning`, `plans`, `planned` → `plan`; light, the same for index and question."""
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    for suffix in ("ing", "ed", "es", "s"):
        if word.endswith(suffix) and len(word) - len(suffix) >= 3 and not word.endswith("ss"):
            word = word[: -len(suffix)]
            break
    if len(word) > 4 and word[-1] == word[-2] and word[-1] not in "lsz":
        word = word[:-1]
    return word[:-1] if len(word) > 3 and word.endswith("e") else word


def terms(text: str) -> list[str]:
    """The terms of a text in its order, without repeats."""
    found: dict[str, None] = {}
    for run in _RUN.findall(unicodedata.normalize("NFKC", text).lower()):
        if run[0].isascii():
            if run not in _STOP_EN and len(run) > 1:
                found[stem(run)[:TERM_CHARS]] = None
            continue
        plain = _STOP_ZH.sub("", run)
        for i in range(max(len(plain) - 1, min(len(plain), 1))):
            found[plain[i : i + 2]] = None
    return list(found)


def all_terms(texts: Iterable[str]) -> list[str]:
    """The terms of several texts, sorted: what a package is found by."""
    return sorted({term for text in texts for term in terms(text)})


def corrected(asked: list[str], vocabulary: Iterable[str]) -> list[str]:
    """Terms with what nobody uses replaced by the nearest words that somebody does."""
    known = set(vocabulary)
    words = sorted(term for term in known if term[0].isascii())
    result: dict[str, None] = {}
    for term in asked:
        if term in known or not term[0].isascii() or len(term) < 4:
            result[term] = None
        else:
            result.update(dict.fromkeys(get_close_matches(term, words, n=2, cutoff=CLOSE_ENOUGH) or [term]))
    return list(result)


def ranked(asked: list[str], fields: Mapping[str, Iterable[tuple[str, int]]]) -> list[tuple[str, float]]:
    """Best first: (key, score) of every text collection that shares enough with what was asked.

    fields: key → (text, weight) pairs. A term counts by its rarity and by the weightiest text it stands in.
    """
    weights = {key: _weights(parts) for key, parts in fields.items()}
    spread = {term: sum(term in found for found in weights.values()) for term in asked}
    scores = {
        key: sum(found[term] * log(1 + len(weights) / spread[term]) for term in asked if term in found)
        for key, found in weights.items()
    }
    best = max(scores.values(), default=0)
    kept = [(key, score) for key, score in scores.items() if score > 0 and score >= RELEVANT_SHARE * best]
    return sorted(kept, key=lambda pair: (-pair[1], pair[0]))


def nearest(text: str, names: Mapping[str, str], count: int = 3) -> list[str]:
    """Keys of the names that share most with a text that found nothing: characters of Chinese, three letters
    in a row of English. May be empty.
    """
    wanted = _pieces(text)
    shared = {key: len(wanted & _pieces(name)) / (len(wanted) or 1) for key, name in names.items()}
    return sorted((key for key in names if shared[key] >= 0.4), key=lambda key: (-shared[key], key))[:count]


def _pieces(text: str) -> set[str]:
    found: set[str] = set()
    for run in _RUN.findall(unicodedata.normalize("NFKC", text).lower()):
        if run[0].isascii():
            found.update(run[i : i + 3] for i in range(len(run) - 2) if run not in _STOP_EN)
        else:
            found.update(_STOP_ZH.sub("", run))
    return found


def sort_key_zh(name: str) -> str:
    """Orders common Chinese names by pinyin: GB 2312 lists its first 3,755 characters so."""
    return name.encode("gb18030").hex()[:120]


def _weights(parts: Iterable[tuple[str, int]]) -> dict[str, int]:
    found: dict[str, int] = {}
    for text, weight in parts:
        for term in terms(text):
            found[term] = max(found.get(term, 0), weight)
    return found
