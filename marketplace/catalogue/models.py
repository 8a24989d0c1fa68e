"""What stands on the shelves: regions, resource classes with dated prices, packages, offerings and plans.

A package says what a customer gets, in the words of one trade. An offering is one provider's promise to
run it; a plan is what that costs from one instant to the next. On which site an offering runs is known by
marketplace.dispatch. Columns in two languages end in `_zh` and `_en`; the property without the ending is
the one of the active language, or the other where that is empty.
"""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from django.conf import settings
from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import ArrayField, RangeOperators
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import F, Func, Q, Value
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from portal.accounts.models import Industry, Organisation
from portal.core.ids import public_id


def in_language(obj: models.Model, field: str) -> str:
    """`field_zh` or `field_en` as the active language wants it, the other where that is empty."""
    first, second = ("zh", "en") if (get_language() or "en").startswith("zh") else ("en", "zh")
    return getattr(obj, f"{field}_{first}") or getattr(obj, f"{field}_{second}")


class Region(models.Model):
    """Where a site stands and data stay."""

    key = models.SlugField(_("short name"), max_length=40, unique=True)
    name_zh = models.CharField(_("name in Chinese"), max_length=60)
    name_en = models.CharField(_("name in English"), max_length=60)

    class Meta:
        verbose_name = _("region")
        verbose_name_plural = _("regions")
        ordering = ["key"]

    def __str__(self) -> str:
        return self.name

    @property
    def name(self) -> str:
        return in_language(self, "name")


class ResourceClass(models.Model):
    """A kind of card or core. Its time is an asset of the books: 1 core-hour of `CH:CPU` = 3,600,000 cms."""

    class Kind(models.TextChoices):
        CPU = "cpu", _("processor cores")
        GPU = "gpu", _("accelerator cards")

    key = models.SlugField(_("short name"), max_length=40, unique=True)
    asset = models.CharField(_("counted in"), max_length=40, unique=True)
    kind = models.CharField(_("kind"), max_length=3, choices=Kind)
    name_zh = models.CharField(_("name in Chinese"), max_length=80)
    name_en = models.CharField(_("name in English"), max_length=80)
    unit_zh = models.CharField(_("unit in Chinese"), max_length=20)
    unit_en = models.CharField(_("unit in English"), max_length=20)
    spec = models.JSONField(_("data sheet"),
        default=dict, help_text="figures of the data sheet with their source and confidence"
    )
    is_sellable = models.BooleanField(
        _("can be sold"), default=False, help_text="an engine here can really run it"
    )

    class Meta:
        verbose_name = _("resource class")
        verbose_name_plural = _("resource classes")
        ordering = ["kind", "key"]

    def __str__(self) -> str:
        return self.name

    @property
    def name(self) -> str:
        return in_language(self, "name")

    @property
    def unit(self) -> str:
        return in_language(self, "unit")


class IndexPrice(models.Model):
    """The market price of one card-hour of a class on one day, with the quotes it was made from."""

    resource_class = models.ForeignKey(
        ResourceClass, verbose_name=_("resource class"), on_delete=models.PROTECT, related_name="index_prices"
    )
    date = models.DateField(_("date"))
    price_uy = models.BigIntegerField(_("price an hour, micro-yuan"))
    quotes = models.JSONField(
        _("prices it was made from"), default=list, help_text="[{price_uy, kind, source}]"
    )
    source = models.TextField(_("source"))

    class Meta:
        verbose_name = _("index price")
        verbose_name_plural = _("index prices")
        ordering = ["resource_class_id", "-date"]
        constraints = [
            models.UniqueConstraint(fields=["resource_class", "date"], name="index_price_one_a_day"),
            models.CheckConstraint(condition=Q(price_uy__gt=0), name="index_price_positive"),
        ]

    def __str__(self) -> str:
        return f"{self.resource_class_id} {self.date} {self.price_uy}"


class Package(models.Model):
    """An outcome in the words of one trade. Runnable when a recipe here really does it."""

    class DataClass(models.TextChoices):
        PUBLIC = "public", _("public")
        INTERNAL = "internal", _("internal")
        CONFIDENTIAL = "confidential", _("confidential")
        PERSONAL = "personal", _("personal data")

    code = models.SlugField(_("code"), max_length=40, unique=True)
    recipe = models.CharField(_("recipe"),
        max_length=40, blank=True, help_text="key in marketplace.recipes; empty: cannot run yet"
    )
    industry = models.CharField(_("trade"), max_length=40, choices=Industry)
    name_zh = models.CharField(_("name in Chinese"), max_length=80)
    name_en = models.CharField(_("name in English"), max_length=120)
    outcome_zh = models.CharField(_("outcome in Chinese"), max_length=200)
    outcome_en = models.CharField(_("outcome in English"), max_length=300)
    bring_zh = models.TextField(_("what to bring, in Chinese"), blank=True)
    bring_en = models.TextField(_("what to bring, in English"), blank=True)
    columns_zh = models.JSONField(
        _("columns in Chinese"), default=list, blank=True, help_text="what each column of the file means"
    )
    columns_en = models.JSONField(_("columns in English"), default=list, blank=True)
    unit_key = models.CharField(_("what is counted"), max_length=40)
    unit_zh = models.CharField(_("unit in Chinese"), max_length=60)
    unit_en = models.CharField(_("unit in English"), max_length=60)
    value_zh = models.CharField(_("worth in Chinese"), max_length=60, blank=True)
    value_en = models.CharField(_("worth in English"), max_length=60, blank=True)
    sizing_zh = models.CharField(_("size in Chinese"), max_length=200, blank=True)
    sizing_en = models.CharField(_("size in English"), max_length=200, blank=True)
    sizing_default = models.PositiveIntegerField(_("usual size"), default=1)
    sizing_min = models.PositiveIntegerField(_("smallest size"), default=1)
    sizing_max = models.PositiveIntegerField(_("largest size"), default=1)
    firm_zh = models.CharField(_("for whom, in Chinese"), max_length=120, blank=True)
    firm_en = models.CharField(_("for whom, in English"), max_length=160, blank=True)
    params = models.JSONField(_("settings"), default=dict, blank=True)
    data_class = models.CharField(_("kind of data"), max_length=12, choices=DataClass)
    words = ArrayField(
        models.CharField(max_length=120), verbose_name=_("search words"), default=list, blank=True
    )
    search = ArrayField(models.CharField(max_length=40), default=list, blank=True, editable=False)
    sort_zh = models.CharField(_("order in Chinese"), max_length=120, editable=False)
    sample = models.CharField(
        _("sample file"), max_length=200, blank=True, help_text="path inside marketplace/recipes"
    )
    example_result = models.JSONField(
        null=True, blank=True, help_text="result.json of a real run on the sample"
    )
    example_digest = models.CharField(
        _("fingerprint of the example"), max_length=16, blank=True, editable=False
    )
    price_hint = models.JSONField(_("suggested price"),
        default=dict, blank=True, help_text="what its recipe suggests: fields of a Plan"
    )
    expected_cms = models.BigIntegerField(_("measured card-milliseconds"),
        default=0, help_text="card-time measured at sizing_default; 0: not measured"
    )
    reference_price_low_uy = models.BigIntegerField(_("market price from, micro-yuan"), default=0)
    reference_price_high_uy = models.BigIntegerField(_("market price to, micro-yuan"), default=0)
    source = models.TextField(_("source"), blank=True)
    is_runnable = models.BooleanField(_("can run"), default=False)

    class Meta:
        verbose_name = _("package")
        verbose_name_plural = _("packages")
        ordering = ["code"]
        indexes = [
            GinIndex(fields=["search"], name="package_search"),
            models.Index(fields=["industry", "is_runnable"]),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(
                    sizing_min__gte=1,
                    sizing_default__gte=F("sizing_min"),
                    sizing_max__gte=F("sizing_default"),
                ),
                name="package_sizing_in_order",
            ),
            models.CheckConstraint(
                condition=Q(is_runnable=False) | ~Q(recipe=""), name="package_runs_a_recipe"
            ),
            models.CheckConstraint(condition=Q(expected_cms__gte=0), name="package_expected_not_negative"),
        ]

    def __str__(self) -> str:
        return f"{self.code} {self.name}"

    def get_absolute_url(self) -> str:
        return f"/p/{self.code}/"  # a page of marketplace.orders, which stands above this room

    @property
    def name(self) -> str:
        return in_language(self, "name")

    @property
    def outcome(self) -> str:
        return in_language(self, "outcome")

    @property
    def bring(self) -> str:
        return in_language(self, "bring")

    @property
    def columns(self) -> list:
        return in_language(self, "columns")  # type: ignore[return-value]

    @property
    def unit(self) -> str:
        return in_language(self, "unit")

    @property
    def value(self) -> str:
        return in_language(self, "value")

    @property
    def sizing(self) -> str:
        return in_language(self, "sizing")

    @property
    def firm(self) -> str:
        return in_language(self, "firm")


class OfferingQuerySet(models.QuerySet["Offering"]):
    def of(self, organisation: Organisation) -> OfferingQuerySet:
        return self.filter(provider=organisation)

    def published(self) -> OfferingQuerySet:
        return self.filter(state=Offering.State.PUBLISHED, package__is_runnable=True)


class Offering(models.Model):
    """One provider's promise to run one package on one class of machine."""

    class State(models.TextChoices):
        DRAFT = "draft", _("draft")
        SUBMITTED = "submitted", _("waiting for approval")
        PUBLISHED = "published", _("published")
        PAUSED = "paused", _("paused")
        ARCHIVED = "archived", _("archived")

    MOVES: ClassVar[dict[str, set[str]]] = {
        State.DRAFT: {State.SUBMITTED, State.ARCHIVED},
        State.SUBMITTED: {State.PUBLISHED, State.DRAFT},
        State.PUBLISHED: {State.PAUSED, State.ARCHIVED},
        State.PAUSED: {State.PUBLISHED, State.ARCHIVED},
        State.ARCHIVED: set(),
    }

    public_id = models.CharField(_("reference"), max_length=40, unique=True, editable=False)
    package = models.ForeignKey(
        Package, verbose_name=_("package"), on_delete=models.PROTECT, related_name="offerings"
    )
    provider = models.ForeignKey(
        Organisation, verbose_name=_("provider"), on_delete=models.PROTECT, related_name="offerings"
    )
    state = models.CharField(_("state"), max_length=12, choices=State, default=State.DRAFT)
    name = models.CharField(_("own title"), max_length=120, blank=True, help_text="empty: the package's own")
    notes = models.TextField(_("what buyers should know"), blank=True)
    resource_class = models.ForeignKey(
        ResourceClass, verbose_name=_("resource class"), on_delete=models.PROTECT, related_name="+"
    )
    region = models.ForeignKey(Region, verbose_name=_("region"), on_delete=models.PROTECT, related_name="+")
    starts_in_s = models.PositiveIntegerField(_("seconds until a run starts"),
        null=True, blank=True, help_text="measured; empty: not known yet"
    )
    returned_reason = models.TextField(_("what the staff wrote"), blank=True)
    created_at = models.DateTimeField(_("created"))
    submitted_at = models.DateTimeField(_("handed in"), null=True, blank=True)
    published_at = models.DateTimeField(_("on the shelf since"), null=True, blank=True)
    price_seen_at = models.DateTimeField(
        _("price last looked at by staff"), null=True, blank=True, help_text="empty: when it came on the shelf"
    )
    price_raised_at = models.DateTimeField(
        _("price raised since review"), null=True, blank=True, help_text="much above what staff saw; they look again"
    )

    objects: ClassVar[models.Manager] = OfferingQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        verbose_name = _("offering")
        verbose_name_plural = _("offerings")
        ordering = ["id"]
        indexes = [models.Index(fields=["state", "submitted_at"]), models.Index(fields=["provider", "state"])]

    def __str__(self) -> str:
        return self.title

    def save(self, *args, **kwargs) -> None:
        self.public_id = self.public_id or public_id("off")
        super().save(*args, **kwargs)

    def get_absolute_url(self) -> str:
        return f"{self.package.get_absolute_url()}?offering={self.public_id}"

    @property
    def title(self) -> str:
        return self.name or self.package.name


class PlanQuerySet(models.QuerySet["Plan"]):
    def at(self, now: datetime) -> PlanQuerySet:
        """The plans that hold at an instant."""
        return self.filter(Q(effective_to=None) | Q(effective_to__gt=now), effective_from__lte=now)


def _no_overlap(mode: str) -> ExclusionConstraint:
    return ExclusionConstraint(
        name=f"plan_one_{mode}_price_at_a_time",
        condition=Q(billing_mode=mode),
        expressions=[
            # int8range instead of `=` needs no extension
            (
                Func(F("offering_id"), F("offering_id"), Value("[]"), function="int8range"),
                RangeOperators.OVERLAPS,
            ),
            (Func(F("effective_from"), F("effective_to"), function="tstzrange"), RangeOperators.OVERLAPS),
        ],
    )


class Plan(models.Model):
    """What an offering costs from `effective_from` until `effective_to` (empty: until further notice).

    Never edited: a new row replaces it, and PostgreSQL refuses two at one time and a change of an old one.
    """

    class BillingMode(models.TextChoices):
        ON_DEMAND = "on_demand", _("per run")
        RESERVED = "reserved", _("reserved hours")

    offering = models.ForeignKey(Offering, on_delete=models.PROTECT, related_name="plans")
    billing_mode = models.CharField(max_length=12, choices=BillingMode, default=BillingMode.ON_DEMAND)
    base_uy = models.BigIntegerField(default=0)
    per_unit_uy = models.BigIntegerField(default=0)
    rate_uy_per_hour = models.BigIntegerField(default=0, help_text="per card-hour really used")
    core_limit_cms = models.BigIntegerField(
        help_text="the most card-time one run may use; it is stopped there"
    )
    cores = models.PositiveSmallIntegerField(default=1)
    effective_from = models.DateTimeField()
    effective_to = models.DateTimeField(null=True, blank=True)

    objects: ClassVar[models.Manager] = PlanQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        verbose_name = _("price")
        verbose_name_plural = _("prices")
        ordering = ["offering_id", "billing_mode", "effective_from", "id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(
                    base_uy__gte=0,
                    per_unit_uy__gte=0,
                    rate_uy_per_hour__gte=0,
                    core_limit_cms__gt=0,
                    cores__gte=1,
                ),
                name="plan_not_negative",
            ),
            models.CheckConstraint(
                condition=Q(effective_to=None) | Q(effective_to__gte=F("effective_from")),
                name="plan_ends_after_start",
            ),
            _no_overlap("on_demand"),
            _no_overlap("reserved"),
        ]

    def __str__(self) -> str:
        return f"{self.offering_id} {self.billing_mode} {self.effective_from:%F %T}"


class Interest(models.Model):
    """Somebody wants to be told when a package can be bought."""

    package = models.ForeignKey(
        Package, verbose_name=_("package"), on_delete=models.CASCADE, related_name="interests"
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("signed in as"),
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
    )
    email = models.EmailField(_("e-mail"))
    language = models.CharField(_("language"), max_length=10, blank=True)
    created_at = models.DateTimeField(_("created"))
    told_at = models.DateTimeField(_("told"), null=True, blank=True)

    class Meta:
        verbose_name = _("tell me when")
        verbose_name_plural = _("tell me when")
        ordering = ["id"]
        indexes = [models.Index(fields=["package"], condition=Q(told_at=None), name="interest_not_yet_told")]
        constraints = [models.UniqueConstraint(fields=["package", "email"], name="interest_once_per_address")]

    def __str__(self) -> str:
        return f"{self.package_id} {self.email}"
