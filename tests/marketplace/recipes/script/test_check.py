"""A script is refused, with its line, when it could not even begin."""

from __future__ import annotations

import pytest

from marketplace import recipes
from marketplace.recipes.base import InputRefused


def refused(check, text, code, line=None, filename="mine.py") -> InputRefused:
    with pytest.raises(InputRefused) as caught:
        check(text, filename)
    assert (caught.value.code, caught.value.line) == (code, line)
    assert "%(" not in caught.value.says + caught.value.what_to_do
    return caught.value


def test_it_takes_a_script_as_it_is(check):
    checked = check("import csv\nimport numpy as np\nprint(np.ones(3), '好')\n")
    assert checked.clean.decode() == "import csv\nimport numpy as np\nprint(np.ones(3), '好')\n"
    assert checked.size == {"lines": 3}
    assert checked.preview[0] == ("import csv",)


def test_a_bom_and_windows_line_ends_are_repaired(check):
    assert check(b"\xef\xbb\xbfx = 1\r\nprint(x)\r\n").clean == b"x = 1\nprint(x)\n"


def test_a_syntax_error_is_refused_with_its_line(check):
    refusal = refused(check, "x = 1\ny = = 2\n", "script_syntax", 2)
    assert refusal.excerpt is not None
    assert (2, ("y = = 2",)) in refusal.excerpt.rows


def test_what_parses_but_does_not_compile_is_refused(check):
    refused(check, "x = 1\nreturn x\n", "script_syntax", 2)


def test_a_library_that_is_not_there_is_refused_with_its_line(check):
    refusal = refused(check, "import os\nimport pandas as pd\n", "script_import", 2)
    assert refusal.params["module"] == "pandas"
    assert "numpy" in refusal.what_to_do


def test_a_neighbouring_module_is_refused(check):
    refused(check, "from .helper import x\n", "script_import", 1)


def test_an_import_that_may_fail_is_the_scripts_own_business(check):
    assert check("try:\n    import pandas\nexcept ImportError:\n    pandas = None\n")


def test_gbk_is_refused(check):
    refused(check, "print('库存预测')\n".encode("gb18030"), "script_not_utf8")
    refused(check, "# -*- coding: gbk -*-\nprint(1)\n", "script_not_utf8", 1)


def test_an_unknown_encoding_is_refused(check):
    refused(check, "# coding: martian\nprint(1)\n", "script_syntax", 1)


def test_endless_nesting_is_refused(check):
    with pytest.raises(InputRefused) as caught:
        check("x = " + "[" * 5000 + "]" * 5000 + "\n")
    assert caught.value.code in ("script_syntax", "script_too_deep")


@pytest.mark.parametrize(
    ("data", "filename", "code"),
    [
        (b"", "a.py", "empty"),
        (b"x = 1\n", "a.sh", "file_type"),
        (b"\x89PNG....", "a.py", "picture"),
        (b"PK\x03\x04" + bytes(60), "a.py", "archive"),
        (b"# x\n" * 300_000, "a.py", "too_large"),
    ],
)
def test_what_is_no_script_is_refused(check, data, filename, code):
    with pytest.raises(InputRefused) as caught:
        check(data, filename)
    assert caught.value.code == code


def test_the_sample_passes(check):
    files = list(recipes.get("script").sample.glob("*.py"))
    assert files
    for path in files:
        assert check(path.read_bytes(), path.name)
