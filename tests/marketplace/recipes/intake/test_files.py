"""What is dropped in before it is known to be a table: encodings, archives, pictures, size."""

import codecs
import gzip
import io
import zipfile

import pytest

from marketplace.recipes import intake
from marketplace.recipes.base import InputRefused

GOOD = "date,outlet,sold\n2026-11-21,Wulin,148\n2026-11-22,武林,96\n"
ROWS = [(2, "2026-11-21", "Wulin", 148.0), (3, "2026-11-22", "武林", 96.0)]


def codes(table):
    return [note.code for note in table.notes()]


def test_it_reads_a_plain_file_without_a_note(read):
    rows, table = read(GOOD)
    assert rows == ROWS
    assert codes(table) == []


@pytest.mark.parametrize(
    ("encode", "note"),
    [
        (lambda text: text.encode("gb18030"), "from_gb18030"),
        (lambda text: codecs.BOM_UTF8 + text.encode(), "bom_removed"),
        (lambda text: text.encode("utf-16"), "from_utf16"),
        (lambda text: codecs.BOM_UTF16_BE + text.encode("utf-16-be"), "from_utf16"),
    ],
)
def test_it_converts_other_encodings_and_says_so(read, encode, note):
    rows, table = read(encode(GOOD))
    assert rows == ROWS
    assert codes(table) == [note]
    assert table.notes()[0].text


def test_it_reads_gbk_when_the_first_chinese_character_comes_late(read):
    lines = "".join(f"2026-01-01,Outlet {n},1\n" for n in range(60_000))
    rows, table = read(("date,outlet,sold\n" + lines + "2026-01-02,武林,1\n").encode("gb18030"))
    assert rows[-1] == (60_002, "2026-01-02", "武林", 1.0)
    assert codes(table) == ["from_gb18030"]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_it_reads_the_line_ends_of_every_system(read, end):
    assert read(GOOD.replace("\n", end))[0] == ROWS


def test_it_names_the_line_that_is_in_no_known_encoding(refused):
    refusal = refused("date,outlet,sold\n2026-11-21,Wulin,1\n2026-11-22,Café,1\n".encode("latin-1"))
    assert (refusal.code, refusal.line) == ("encoding", 3)


@pytest.mark.parametrize("content", [b"", b"\n \r\n", codecs.BOM_UTF8, b"\x00\x00"])
def test_it_refuses_an_empty_file(refused, content):
    assert refused(content).code == "empty"


def test_it_refuses_a_bomb_in_a_zip_without_opening_it(refused):
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("sales.csv", b"0" * 20_000_000)
    assert refused(bomb.getvalue()).code == "archive"
    assert refused(gzip.compress(b"0" * 1_000_000), "sales.csv.gz").code == "archive"


def test_it_refuses_an_excel_workbook_whatever_its_name(refused):
    book = io.BytesIO()
    with zipfile.ZipFile(book, "w") as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("xl/workbook.xml", "<workbook/>")
    assert refused(book.getvalue(), "sales.xlsx").code == "excel"
    assert refused(book.getvalue(), "sales.csv").code == "excel"
    assert refused(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "sales.xls").code == "excel"
    assert "CSV" in refused(GOOD, "sales.xlsx").what_to_do


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"\x89PNG\r\n\x1a\n" + bytes(64), "picture"),
        (b"\xff\xd8\xff\xe0" + bytes(64), "picture"),
        (b"GIF89a....", "picture"),
        (b"%PDF-1.7\n1 0 obj", "pdf"),
        (b"\n<!DOCTYPE html><table><tr><td>1", "html"),
        (b"date,outlet,sold\n2026-11-21,Wulin\x00,1\n", "binary"),
        (bytes(range(1, 32)) * 40, "binary"),
    ],
)
def test_it_refuses_what_is_called_csv_but_is_not(refused, content, code):
    assert refused(content, "sales.csv").code == code


def test_it_refuses_a_kind_of_file_it_does_not_take(refused):
    refusal = refused(GOOD, "sales.docx")
    assert (refusal.code, refusal.params["suffix"]) == ("file_type", ".docx")


def test_it_stops_reading_a_file_that_is_too_large(refused):
    class Endless(io.RawIOBase):
        given = 0

        def seek(self, *_):
            return 0

        def read(self, count=-1):
            assert Endless.given < 30_000_000, "kept reading"
            Endless.given += count
            return b"2026-11-21,A,1\n" * (count // 15)

    with pytest.raises(InputRefused) as caught:
        intake.open_source(Endless(), "sales.csv", accepts=(".csv",), max_bytes=5_000_000)
    assert caught.value.code == "too_large"
    assert "5 MB" in caught.value.says


def test_it_refuses_an_absurdly_long_line(refused):
    refusal = refused("date,outlet,sold\n2026-11-21,A,1\n" + "x" * 30_000)
    assert (refusal.code, refusal.line) == ("long_line", 3)


def test_it_refuses_too_many_columns(refused):
    assert refused("date,sold," + ",".join(f"c{n}" for n in range(300)) + "\n").code == "too_many_columns"
