import os

import polib
import pytest
from django.utils import translation

from portal.core import messages, translations
from portal.core.translations import Message, complaints, from_python, from_template, placeholders


def ids(found) -> list[tuple[str, str, str]]:
    return [(m.context, m.id, m.plural) for m in found]


def test_it_finds_what_a_template_marks():
    text = """{% load i18n %}{% translate "Pay" %} {% translate 'May' context "month" %} {{ _("Go") }}
    {% if x == _("here") %}{% endif %}
    {% blocktranslate trimmed with n=count %}
      It's {{ n }}
      "left"
    {% endblocktranslate %}
    {% blocktranslate count n=hours %}one hour{% plural %}{{ n }} hours{% endblocktranslate %}
    {# {% translate "not me" %} #}{% comment %}{% translate "nor me" %}{% endcomment %}"""
    assert ids(from_template(text, "x.html")) == [
        ("", "Pay", ""), ("month", "May", ""), ("", "Go", ""), ("", "here", ""),
        ("", 'It\'s %(n)s "left"', ""), ("", "one hour", "%(n)s hours"),
    ]


def test_it_finds_what_python_marks_under_any_name():
    text = (
        "from django.utils.translation import gettext_lazy as _, ngettext as many, pgettext\n"
        'A = _("Pay")\nB = _("long " "words")\nC = many("one", "%(n)s", n)\nD = pgettext("month", "May")\n'
        "E = _(variable)\nF = other('not me')\n"
    )
    assert sorted(ids(from_python(text, "x.py"))) == [
        ("", "Pay", ""), ("", "long words", ""), ("", "one", "%(n)s"), ("month", "May", ""),
    ]


def test_it_says_where_a_message_stands():
    text = '\n\nfrom django.utils.translation import gettext as _\n_("Pay")'
    assert next(from_python(text, "a.py")).places == ["a.py:4"]


@pytest.mark.parametrize(("text", "names"), [
    ("%(n)s of %(m)s", {"n", "m"}), ("{cap_uy} and %s", {"cap_uy", "%s"}), ("100%% sure", set()),
    ("{{ not }}", set()), ("", set()),
])
def test_it_knows_placeholders(text, names):
    assert placeholders(text) == names


def entry(**fields) -> polib.POFile:
    catalogue = polib.POFile()
    catalogue.append(polib.POEntry(**fields))
    return catalogue


WANTED = {("", "Pay %(n)s"): Message("Pay %(n)s", places=["a.html:1"])}


@pytest.mark.parametrize(("catalogue", "problem"), [
    (polib.POFile(), "has no translation"),
    (entry(msgid="Pay %(n)s", msgstr=""), "has an empty translation"),
    (entry(msgid="Pay %(n)s", msgstr="付款"), "has other placeholders"),
    (entry(msgid="Pay %(n)s", msgstr="付 %(m)s"), "has other placeholders"),
    (entry(msgid="Pay %(n)s", msgstr="付 %(n)s", flags=["fuzzy"]), "is marked fuzzy"),
    (entry(msgid="Pay %(n)s", msgid_plural="x", msgstr_plural={0: "y"}), "has a plural in one place"),
])
def test_it_says_what_a_catalogue_lacks(catalogue, problem):
    (said,) = complaints(catalogue, WANTED)
    assert said.startswith(f"a.html:1: {problem}")


@pytest.mark.parametrize("text", [
    "付款,然后 %(n)s", "付款: %(n)s", "%(n)s (元)", "%(n)s, 元", "付款? %(n)s", "“付款”; %(n)s", "(付款） %(n)s",
])
def test_it_refuses_half_width_punctuation_at_a_chinese_character(text):
    (said,) = complaints(entry(msgid="Pay %(n)s", msgstr=text), WANTED)
    assert said == "a.html:1: has half-width punctuation at a Chinese character: 'Pay %(n)s'"


@pytest.mark.parametrize("text", [
    "付款，%(n)s", "完整填写（order:ord_…）%(n)s", "在 H:i 付款：%(n)s（元）", "付 f(x)，%(n)s",
])
def test_full_width_punctuation_and_codes_are_right(text):
    assert complaints(entry(msgid="Pay %(n)s", msgstr=text), WANTED) == []


def test_it_has_nothing_to_say_of_a_good_catalogue():
    assert complaints(entry(msgid="Pay %(n)s", msgstr="付 %(n)s"), WANTED) == []


def test_english_is_the_source_and_needs_no_catalogue():
    with translation.override("en"):
        assert translation.gettext("A sentence that no catalogue has") == "A sentence that no catalogue has"
        assert translation.check_for_language("en")


def test_catalogues_are_compiled_once_and_again_when_they_change(tmp_path, settings):
    settings.LOCALE_PATHS = [tmp_path]
    source = tmp_path / "zh_Hans/LC_MESSAGES/django.po"
    source.parent.mkdir(parents=True)
    catalogue = entry(msgid="Pay", msgstr="付款")
    catalogue.metadata = {"Content-Type": "text/plain; charset=UTF-8"}
    catalogue.save(str(source))
    (target,) = messages.build()
    assert polib.mofile(str(target))[0].msgstr == "付款"
    assert messages.build() == []
    assert messages.build(force=True) == [target]
    stamp = target.stat().st_mtime_ns + 10**9
    os.utime(source, ns=(stamp, stamp))
    assert messages.build() == [target]


def test_the_project_marks_many_strings():
    found = translations.extract()
    assert len(found) > 1000
    assert all(message.id for message in found.values())
