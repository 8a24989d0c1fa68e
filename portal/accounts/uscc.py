"""The 统一社会信用代码: 18 characters with two check characters. Pure.

GB 32100-2015: 1 registering department, 2 category, 3–8 administrative division, 9–17 organisation code,
18 check character (weights 3^i, modulo 31, letters without I O Z S V).
GB 11714-1997: the organisation code's own check character stands at position 17 (weights 3 7 9 10 5 8 4 2,
modulo 11; ten is written X).
"""

from __future__ import annotations

import re
import unicodedata

from portal.core.errors import Refused

ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
LENGTH = 18
WEIGHTS = tuple(pow(3, i, 31) for i in range(LENGTH - 1))
ORGANISATION_WEIGHTS = (3, 7, 9, 10, 5, 8, 4, 2)
SEPARATORS = re.compile(r"[\s\-‐-―·.]")


def normalise(text: str) -> str:
    """Capitals, without blanks and dashes; full-width characters become plain ones."""
    return SEPARATORS.sub("", unicodedata.normalize("NFKC", text)).upper()


def check_character(first17: str) -> str:
    """Position 18 from positions 1–17 (GB 32100)."""
    total = sum(ALPHABET.index(char) * weight for char, weight in zip(first17, WEIGHTS, strict=True))
    return ALPHABET[-total % 31]


def organisation_check_character(first8: str) -> str:
    """Position 17 from positions 9–16 (GB 11714)."""
    total = sum(int(char, 36) * weight for char, weight in zip(first8, ORGANISATION_WEIGHTS, strict=True))
    value = -total % 11
    return "X" if value == 10 else str(value)


def complete(first16: str) -> str:
    """The code whose first sixteen characters these are: both check characters added."""
    first17 = first16 + organisation_check_character(first16[8:])
    return first17 + check_character(first17)


def parse(text: str) -> str:
    """The code in its written form.

    Raises Refused with a code for each kind of fault: uscc_length (length), uscc_letter (character,
    position), uscc_region (character, position), uscc_organisation (positions 9–17 do not fit), uscc_check
    (the organisation code fits, so the fault is in 1–8 or 18).
    """
    code = normalise(text)
    for position, char in enumerate(code[:LENGTH], start=1):
        if char not in ALPHABET:
            raise Refused("uscc_letter", character=char, position=position)
    if len(code) != LENGTH:
        raise Refused("uscc_length", length=len(code))
    for position, char in enumerate(code[2:8], start=3):
        if not char.isdigit():
            raise Refused("uscc_region", character=char, position=position)
    if code[16] != organisation_check_character(code[8:16]):
        raise Refused("uscc_organisation", part=code[8:17])
    if code[17] != check_character(code[:17]):
        raise Refused("uscc_check", part=code[:8], last=code[17])
    return code
