"""The unified social credit code. The real codes are published in the companies' own imprints."""

import pytest

from portal.accounts import uscc
from portal.core.errors import Refused

PUBLISHED = [
    "91330100799655058B",  # Alibaba (China) Co., Ltd.
    "91440300708461136T",  # Tencent Technology (Shenzhen)
    "91110108551385082Q",  # Xiaomi Technology
    "914403001922038216",  # Huawei Technologies
    "91310000MA1FL4B24G",
]


def refused(text):
    with pytest.raises(Refused) as caught:
        uscc.parse(text)
    return caught.value


@pytest.mark.parametrize("code", PUBLISHED)
def test_it_takes_published_codes(code):
    assert uscc.parse(code) == code


@pytest.mark.parametrize("code", PUBLISHED)
def test_it_computes_both_check_characters_of_published_codes(code):
    assert uscc.organisation_check_character(code[8:16]) == code[16]
    assert uscc.check_character(code[:17]) == code[17]
    assert uscc.complete(code[:16]) == code


def test_it_tolerates_small_letters_blanks_dashes_and_full_width():
    assert uscc.parse(" 91330100-7996 5505-8b ") == "91330100799655058B"
    assert uscc.parse("９１３３０１００７９９６５５０５８Ｂ") == "91330100799655058B"


def test_it_says_how_long_the_code_is():
    error = refused("91330100799655058")
    assert (error.code, error.params) == ("uscc_length", {"length": 17})
    assert refused("").params == {"length": 0}


@pytest.mark.parametrize("letter", "IOZSV")
def test_it_refuses_the_five_letters_and_says_where(letter):
    error = refused(f"9133010079965505{letter}B")
    assert (error.code, error.params) == ("uscc_letter", {"character": letter, "position": 17})


def test_it_refuses_a_letter_in_the_region():
    error = refused("9133A100799655058B")
    assert (error.code, error.params) == ("uscc_region", {"character": "A", "position": 5})


def told(text: str) -> list[tuple[str, dict]]:
    return [(fault.code, fault.params) for fault in uscc.faults(text)]


def test_it_says_both_check_characters_at_once_and_never_what_they_should_be():
    assert told("91330100799655068B") == [
        ("uscc_organisation", {"check": "8", "part": "79965506"}),
        ("uscc_check_too", {"last": "B"}),
    ]
    said = " ".join(str(fault) for fault in uscc.faults("91330100799655068B"))
    assert "Position 17 (“8”) does not fit positions 9 to 16 (79965506)" in said
    assert "Position 18 (“B”)" in said and "should" not in said


def test_it_says_that_the_organisation_code_alone_does_not_fit():
    code = "9133010079965506" + "8"
    assert told(code + uscc.check_character(code)) == [("uscc_organisation", {"check": "8", "part": "79965506"})]


def test_it_says_that_the_rest_is_mistyped_when_the_organisation_code_fits():
    assert told("91330200799655058B") == [("uscc_check", {"last": "B", "part": "91330200"})]


def test_it_names_every_character_that_cannot_be_there_and_the_length():
    assert told("9133O1007996S5058") == [
        ("uscc_letter", {"character": "O", "position": 5}),
        ("uscc_letter", {"character": "S", "position": 13}),
        ("uscc_length", {"length": 17}),
    ]


def test_a_right_code_has_no_fault():
    assert told(PUBLISHED[0]) == []


def test_every_single_wrong_character_is_found():
    code = PUBLISHED[0]
    for position in range(18):
        for char in uscc.ALPHABET:
            if char != code[position]:
                refused(code[:position] + char + code[position + 1 :])


def test_every_swap_of_neighbours_is_found():
    code = PUBLISHED[1]
    for i in range(17):
        if code[i] != code[i + 1]:
            refused(code[:i] + code[i + 1] + code[i] + code[i + 2 :])
