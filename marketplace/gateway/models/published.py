"""What others published about the use of models: quoted with its source, never added to our own sums."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class PublishedFigure(models.Model):
    """Tokens of one week for the models of one country, as somebody else counted and published them."""

    key = models.SlugField(_("key"), max_length=40, unique=True)
    week = models.DateField(_("week"), help_text="the Monday it begins on")
    country = models.CharField(_("country of the models"), max_length=2, help_text="ISO 3166, two letters")
    tokens = models.PositiveBigIntegerField(_("tokens"))
    change_ppm = models.IntegerField(_("change on the week before, parts in a million"))
    source_zh = models.CharField(_("source in Chinese"), max_length=200)
    source_en = models.CharField(_("source in English"), max_length=200)

    class Meta:
        verbose_name = _("figure published elsewhere")
        verbose_name_plural = _("figures published elsewhere")
        ordering = ["-week", "-tokens"]
        constraints = [
            models.UniqueConstraint(fields=["week", "country"], name="one_published_figure_a_week"),
            models.CheckConstraint(condition=Q(week__iso_week_day=1), name="published_week_is_a_monday"),
        ]

    def __str__(self) -> str:
        return self.key
