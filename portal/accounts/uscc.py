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
    """The code in its written form. Raises the first of `faults`."""
    for fault in faults(text):
        raise fault
    return normalise(text)


def faults(text: str) -> list[Refused]:
    """Everything that is wrong with a code, so that it is typed once more and not three times.

    uscc_letter (character, position) and uscc_region (character, position) for each such character,
    uscc_length (length). Where the form is right: uscc_organisation (check, part) when position 17 does not fit
    9–16, and of position 18 uscc_check (last, part) or, with the other, uscc_check_too (last).
    """
    code = normalise(text)
    found = []
    for position, char in enumerate(code[:LENGTH], start=1):
        if char not in ALPHABET:
            found.append(Refused("uscc_letter", character=char, position=position))
        elif 3 <= position <= 8 and not char.isdigit():
            found.append(Refused("uscc_region", character=char, position=position))
    if len(code) != LENGTH:
        found.append(Refused("uscc_length", length=len(code)))
    return found or _check_faults(code)


def _check_faults(code: str) -> list[Refused]:
    """Of the two check characters; they name what does not fit, never what would."""
    found = []
    if code[16] != organisation_check_character(code[8:16]):
        found.append(Refused("uscc_organisation", check=code[16], part=code[8:16]))
    if code[17] != check_character(code[:17]):
        too = Refused("uscc_check_too", last=code[17])
        found.append(too if found else Refused("uscc_check", last=code[17], part=code[:8]))
    return found
