"""Rules of the house that no linter knows. Reads files only."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TOPS = ("portal", "marketplace", "bank")
MAX_LINES = 500
MAX_FUNCTION_LINES = 60
DOMAIN = ("actions", "queries", "models")
HANDLER = re.compile(r"<[^>]*\son[a-z]+\s*=", re.I)
INLINE_STYLE = re.compile(r"<[^>]*\sstyle\s*=|<style\b|javascript:", re.I)
SCRIPT = re.compile(r"<script\b(?P<attributes>[^>]*)>(?P<body>.*?)</script>", re.S | re.I)
DATA_SCRIPT = re.compile(r'type="application/(ld\+)?json"')
DJANGO_TAG = re.compile(r"\{%.*?%\}|\{\{.*?\}\}|\{#.*?#\}", re.S)
# paths of one machine: this checkout's, somebody's home
MACHINE = re.compile(rf"(?<![\w.])({re.escape(str(ROOT))}\b|/root/\w|/(home|Users)/\w+/)")


def python_files(*tops: str) -> list[Path]:
    return sorted(p for top in tops for p in (ROOT / top).rglob("*.py") if "migrations" not in p.parts)


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def rooms() -> set[str]:
    """Every package directly below portal, marketplace and bank."""
    return {f"{top}.{p.parent.name}" for top in TOPS for p in (ROOT / top).glob("*/__init__.py")}


def contracts() -> dict[str, dict]:
    text = (ROOT / "pyproject.toml").read_text()
    return {c["name"].partition(":")[0]: c for c in tomllib.loads(text)["tool"]["importlinter"]["contracts"]}


def test_the_contract_of_imports_names_every_room():
    named = {room.strip() for layer in contracts()["Rooms"]["layers"] for room in layer.split("|")}
    assert rooms() <= named
    assert named - rooms() == {"portal.urls"}


def test_the_contract_inside_rooms_covers_every_room_with_a_domain():
    with_domain = {
        room for room in rooms()
        if any(list((ROOT / room.replace(".", "/")).glob(f"{part}*")) for part in DOMAIN)
    }
    assert with_domain <= set(contracts()["Inside a room"]["containers"])


def test_the_contract_of_the_domain_covers_every_room():
    sources = set(contracts()["The domain imports no DRF, htmx or Celery"]["source_modules"])
    assert sources == {f"{top}.*.{part}" for top in TOPS for part in DOMAIN}


def test_every_room_is_an_installed_app_or_has_no_tables():
    from django.conf import settings

    with_tables = {room for room in rooms() if list((ROOT / room.replace(".", "/")).glob("models*"))}
    assert with_tables <= set(settings.INSTALLED_APPS)


def test_there_is_no_drawer_for_everything():
    drawers = {"utils", "util", "helpers", "misc", "common"}
    assert [name(p) for p in python_files(*TOPS, "tests") if {p.stem, *p.parent.parts} & drawers] == []


def test_no_file_is_longer_than_a_person_reads():
    lines = {name(p): len(p.read_text().splitlines()) for p in python_files(*TOPS, "tests")}
    assert {path: n for path, n in lines.items() if n > MAX_LINES} == {}


def functions(path: Path) -> Iterator[tuple[str, int]]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield f"{name(path)}:{node.lineno} {node.name}", (node.end_lineno or 0) - node.lineno + 1


def test_no_function_is_longer_than_a_screen():
    found = dict(pair for path in python_files(*TOPS, "tests") for pair in functions(path))
    assert {where: n for where, n in found.items() if n > MAX_FUNCTION_LINES} == {}


def test_no_machine_is_named():
    texts = [p for pattern in ("*.py", "*.html", "*.json", "*.md", "*.toml", "*.txt", "*.css", "*.js", "run")
             for top in (*TOPS, "templates", "static", "tests", "docs", "requirements", ".ci")
             for p in (ROOT / top).rglob(pattern)]
    texts += [p for p in ROOT.iterdir() if p.is_file()]
    found = [
        f"{name(p)}: {hit[0]}" for p in texts if p.is_file() and p != Path(__file__)
        for hit in MACHINE.finditer(p.read_text(encoding="utf-8", errors="replace"))
    ]
    assert found == []


def templates() -> list[Path]:
    return sorted((ROOT / "templates").rglob("*.html"))


@pytest.mark.parametrize("pattern", [HANDLER, INLINE_STYLE], ids=["handler", "style"])
def test_templates_have_nothing_inline(pattern):
    found = []
    for path in templates():
        text = DJANGO_TAG.sub("", path.read_text(encoding="utf-8"))
        found += [f"{name(path)}: {hit[0][:80]}" for hit in pattern.finditer(text)]
    assert found == []


def test_templates_have_no_inline_script():
    found = []
    for path in templates():
        for script in SCRIPT.finditer(path.read_text(encoding="utf-8")):
            is_inline = "src=" not in script["attributes"] or script["body"].strip()
            if is_inline and not DATA_SCRIPT.search(script["attributes"]):
                found.append(f"{name(path)}: {script[0][:80]}")
    assert found == []


def test_what_is_pinned_names_no_index():
    named = re.compile(r"^\s*(--?(index|extra|find|trusted)|-i\b|[\w.-]+ @ )", re.M)
    assert [name(p) for p in (ROOT / "requirements").glob("*.txt") if named.search(p.read_text())] == []


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield node.module or ""


def test_the_embedded_services_know_neither_rooms_nor_django():
    """They run before Django is loaded."""
    known = {(name(p), module) for p in python_files("portal/embedded") for module in imported(p)}
    assert {pair for pair in known if pair[1].split(".")[0] in (*TOPS, "django", "celery")} == set()
