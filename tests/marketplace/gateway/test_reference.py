from datetime import date

import pytest
from django.core.management import call_command
from django.db import IntegrityError, transaction

from marketplace.catalogue import reference as shelves
from marketplace.gateway import reference
from marketplace.gateway.models import AiModel, PublishedFigure

pytestmark = pytest.mark.django_db


def test_load_reference_brings_the_models_and_a_second_time_changes_nothing(capsys):
    assert "+ aimodel deepseek-v4-flash" in shelves.load()
    assert AiModel.objects.count() == 21
    kimi = AiModel.objects.get(slug="kimi-k3")
    assert (kimi.maker, kimi.country, kimi.kind, kimi.context_tokens) == ("Moonshot AI", "CN", "chat", 1_048_576)
    call_command("load_reference")
    assert capsys.readouterr().out == "0 changed\n"


def test_every_model_names_its_source_and_none_a_price():
    reference.load()
    for model in AiModel.objects.all():
        assert model.source, model.slug
        assert model.slug == model.slug.lower() and " " not in model.slug
        assert "CNY" not in model.source


def test_the_random_model_says_in_both_languages_what_it_is():
    reference.load()
    tiny = AiModel.objects.get(slug="tiny-random")
    assert (tiny.maker, tiny.country, tiny.context_tokens) == ("Suanli", "CN", 2048)
    assert tiny.note_en == "a random model of this demonstration: real tokens, no sense"
    assert "没有意义" in tiny.note_zh


def test_a_model_that_the_operator_added_stays_as_it_is():
    AiModel.objects.create(slug="own", name="Own", maker="City", country="CN", context_tokens=8192)
    reference.load()
    assert AiModel.objects.get(slug="own").maker == "City"


def test_the_published_figures_are_those_of_one_week_with_their_source():
    reference.load()
    found = list(PublishedFigure.objects.values_list("week", "country", "tokens", "change_ppm"))
    assert found == [
        (date(2026, 3, 30), "CN", 12_960_000_000_000, 315_000),
        (date(2026, 3, 30), "US", 3_030_000_000_000, 7_600),
    ]
    for figure in PublishedFigure.objects.all():
        assert "30 March–5 April 2026" in figure.source_en and "press" in figure.source_en
        assert "2026年3月30日至4月5日" in figure.source_zh
        assert "http" not in figure.source_en + figure.source_zh


def test_a_published_week_begins_on_a_monday():
    reference.load()
    with pytest.raises(IntegrityError), transaction.atomic():
        PublishedFigure.objects.filter(country="US").update(week=date(2026, 3, 31))
    assert PublishedFigure.objects.get(country="US").week == date(2026, 3, 30)
