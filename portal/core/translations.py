"""Which strings the project shows, and whether a catalogue has them all. Needs no GNU gettext.

English is the source: a message's id is its English text, so only the other languages have catalogues.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import polib
from django.conf import settings
from django.utils.translation.template import templatize

ROOMS = ("portal", "marketplace", "bank")
_PLAIN = {"gettext", "gettext_lazy", "gettext_noop"}
_PLURAL = {"ngettext", "ngettext_lazy"}
_CONTEXT = {"pgettext", "pgettext_lazy"}
_BOTH = {"npgettext", "npgettext_lazy"}
_STRING = r"""u?'(?:[^'\\]|\\.)*'|u?"(?:[^"\\]|\\.)*\""""
_TEMPLATE_CALL = re.compile(
    rf"\b(_|ngettext|pgettext|npgettext|gettext)\(({_STRING})"
    rf"(?:\s*,\s*({_STRING}))?(?:\s*,\s*({_STRING}))?",
    re.S,
)
_PLACEHOLDER = re.compile(r"%\((\w+)\)[sdif]|(?<!%)(?:%%)*(%[sdif])|(?<!\{)\{(\w+)[^{}]*\}")

# a comma, a colon … of the Latin script at a Chinese character, a blank between them or not
_HALF_WIDTH = re.compile("[\u3400-\u9fff”’」』》][,:;?!()]|[,:;?!()] ?[\u3400-\u9fff“‘「『《]")

Key = tuple[str, str]  # context, id


@dataclass
class Message:
    """One string, and where it stands (`file:line`)."""

    id: str
    context: str = ""
    plural: str = ""
    places: list[str] = field(default_factory=list)

    @property
    def key(self) -> Key:
        return self.context, self.id


def extract() -> dict[Key, Message]:
    """Every string that templates and rooms mark for translation."""
    found: dict[Key, Message] = {}
    for message in _all():
        known = found.setdefault(message.key, message)
        if known is not message:
            known.places += message.places
            known.plural = known.plural or message.plural
    return found


def complaints(catalogue: polib.POFile, wanted: dict[Key, Message]) -> list[str]:
    """What a catalogue lacks: a sentence for each message."""
    have = {(entry.msgctxt or "", entry.msgid): entry for entry in catalogue if not entry.obsolete}
    said = []
    for key, message in wanted.items():
        problem = _problem(have.get(key), message)
        if problem:
            said.append(f"{message.places[0]}: {problem}: {message.id!r}")
    return said


def unused(catalogue: polib.POFile, wanted: dict[Key, Message]) -> list[str]:
    """Messages of a catalogue that nothing shows any more."""
    return [e.msgid for e in catalogue if not e.obsolete and (e.msgctxt or "", e.msgid) not in wanted]


def placeholders(text: str) -> set[str]:
    return {name or sign or brace for name, sign, brace in _PLACEHOLDER.findall(text)}


def _problem(entry: polib.POEntry | None, message: Message) -> str:
    if entry is None:
        return "has no translation"
    if entry.fuzzy:
        return "is marked fuzzy"
    if bool(message.plural) != bool(entry.msgid_plural):
        return "has a plural in one place and none in the other"
    texts = list(entry.msgstr_plural.values()) if message.plural else [entry.msgstr]
    if not texts or not all(text.strip() for text in texts):
        return "has an empty translation"
    expected = placeholders(message.plural or message.id)
    if any(placeholders(text) != expected for text in texts):
        return "has other placeholders"
    if any(_HALF_WIDTH.search(text) for text in texts):
        return "has half-width punctuation at a Chinese character"
    return ""


def _all() -> Iterator[Message]:
    templates = settings.BASE_DIR / "templates"
    for path in sorted(p for p in templates.rglob("*") if p.suffix in (".html", ".txt")):
        yield from from_template(path.read_text(encoding="utf-8"), _name(path))
    for room in ROOMS:
        for path in sorted((settings.BASE_DIR / room).rglob("*.py")):
            yield from from_python(path.read_text(encoding="utf-8"), _name(path))


def _name(path: Path) -> str:
    return path.relative_to(settings.BASE_DIR).as_posix()


def from_template(text: str, name: str) -> Iterator[Message]:
    """Of {% translate %}, {% blocktranslate %} and _("…") in a template."""
    soup = templatize(text, origin=name)
    for call in _TEMPLATE_CALL.finditer(soup):
        strings = [ast.literal_eval(string) for string in call.groups()[1:] if string]
        line = soup.count("\n", 0, call.start()) + 1
        yield _message("gettext" if call[1] == "_" else call[1], strings, f"{name}:{line}")


def from_python(text: str, name: str) -> Iterator[Message]:
    """Of calls to gettext and its sisters with literal strings, whatever name they were imported under."""
    tree = ast.parse(text)
    names = {each: each for each in _PLAIN | _PLURAL | _CONTEXT | _BOTH}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module == "django.utils.translation":
            names |= {alias.asname or alias.name: alias.name for alias in node.names if alias.name in names}
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if called not in names:
            continue
        strings = []
        for arg in node.args:
            if not (isinstance(arg, ast.Constant) and isinstance(arg.value, str)):
                break
            strings.append(arg.value)
        if strings:
            yield _message(names[called], strings, f"{name}:{node.lineno}")


def _message(called: str, strings: list[str], place: str) -> Message:
    if called in _BOTH:
        return Message(strings[1], context=strings[0], plural=strings[2], places=[place])
    if called in _CONTEXT:
        return Message(strings[1], context=strings[0], places=[place])
    if called in _PLURAL:
        return Message(strings[0], plural=strings[1], places=[place])
    return Message(strings[0], places=[place])
