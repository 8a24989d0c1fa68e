"""People, companies and what people may do for them."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from django.contrib.auth.models import AbstractUser, BaseUserManager
from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from portal.core.ids import public_id
from portal.core.words import joined

from .sizing import measures_of

KEY_PREFIX = "sk"  # of an API key as a program holds it: sk_<id>_<secret>


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str, password: str | None = None, **fields) -> User:
        user = self.model(email=self.normalize_email(email).lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields) -> User:
        from portal.core import clock
        from portal.history import actions as history

        user = self.create_user(email, password, is_staff=True, is_superuser=True, **fields)
        history.record(
            user, before="", after="", now=clock.now(), actor="system:createsuperuser", reason="superuser_created"
        )
        return user


class User(AbstractUser):
    """A person, known by an e-mail address. Several companies may share one."""

    username = None  # type: ignore[assignment]
    email = models.EmailField(_("e-mail"), unique=True)
    language = models.CharField(_("language"), max_length=10, blank=True)

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []
    objects: ClassVar[UserManager] = UserManager()  # type: ignore[assignment,misc]

    class Meta:
        verbose_name = _("person with a sign-in")
        verbose_name_plural = _("people with a sign-in")

    def __str__(self) -> str:
        return self.email

    @property
    def public_id(self) -> str:
        """As history names a person, the subject as well as the actor: `user:12`."""
        return str(self.pk)


class Industry(models.TextChoices):
    """The 15 trades of the size standard (工信部联企业〔2011〕300号) and its residual class."""

    AGRICULTURE = "agriculture", _("Agriculture")
    INDUSTRY = "industry", _("Manufacturing")
    CONSTRUCTION = "construction", _("Construction")
    WHOLESALE = "wholesale", _("Wholesale")
    RETAIL = "retail", _("Retail")
    TRANSPORT = "transport", _("Transport")
    WAREHOUSING = "warehousing", _("Warehousing")
    POST = "post", _("Post and express")
    ACCOMMODATION = "accommodation", _("Hotels")
    CATERING = "catering", _("Catering")
    INFORMATION_TRANSMISSION = "information_transmission", _("Telecoms and internet")
    SOFTWARE_IT = "software_it", _("Software and IT")
    REAL_ESTATE = "real_estate", _("Real estate")
    PROPERTY_MANAGEMENT = "property_management", _("Property management")
    LEASING_BUSINESS = "leasing_business", _("Leasing and business services")
    OTHER = "other", _("Other trades")


class SizeClass(models.TextChoices):
    MICRO = "micro", _("micro")
    SMALL = "small", _("small")
    MEDIUM = "medium", _("medium")
    LARGE = "large", _("large")


class Organisation(models.Model):
    """A company. It may buy and provide at once; lenders and the platform itself are organisations too."""

    class State(models.TextChoices):
        REGISTERED = "registered", _("registered")
        APPROVED = "approved", _("approved")
        SUSPENDED = "suspended", _("suspended")

    MOVES: ClassVar[dict[str, set[str]]] = {
        State.REGISTERED: {State.APPROVED, State.SUSPENDED},
        State.APPROVED: {State.SUSPENDED},
        State.SUSPENDED: {State.APPROVED},
    }

    class Role(models.TextChoices):
        """What an organisation may be on this platform besides a buyer."""

        COMPANY = "company", _("company")
        LENDER = "lender", _("lender")
        PLATFORM = "platform", _("platform")

    public_id = models.CharField(_("reference"), max_length=40, unique=True, editable=False)
    slug = models.SlugField(_("short name in addresses"), max_length=60, unique=True)
    name = models.CharField(_("name"), max_length=120)
    uscc = models.CharField(_("unified social credit code"), max_length=18, unique=True)
    industry = models.CharField(_("industry"), max_length=40, choices=Industry)
    # null: the size rule of its trade does not count it, so nobody was asked
    employees = models.PositiveIntegerField(_("employees"), null=True, blank=True)
    revenue_wan = models.PositiveBigIntegerField(_("revenue last year, in 10,000 CNY"), null=True, blank=True)
    assets_wan = models.PositiveBigIntegerField(_("total assets, in 10,000 CNY"), null=True, blank=True)
    size_class = models.CharField(_("size class"), max_length=10, choices=SizeClass, editable=False)
    role = models.CharField(_("role"), max_length=10, choices=Role, default=Role.COMPANY)
    is_provider = models.BooleanField(_("has computers that can work for others"), default=False)
    state = models.CharField(_("state"), max_length=12, choices=State, default=State.REGISTERED)
    is_demo = models.BooleanField(_("demonstration"), default=False)
    created_at = models.DateTimeField(_("created"))

    class Meta:
        verbose_name = _("company")
        verbose_name_plural = _("companies")
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["role"], condition=Q(role="platform"), name="one_platform"),
        ]
        indexes = [models.Index(fields=["state", "created_at"])]

    def __str__(self) -> str:
        return self.name

    def save(self, *args, **kwargs) -> None:
        self.public_id = self.public_id or public_id("org")
        super().save(*args, **kwargs)

    def clean(self) -> None:
        """For the staff's desk: what the rule of the trade counts may not be empty."""
        missing = [measure for measure in measures_of(self.industry) if getattr(self, measure) is None]
        if missing:
            raise ValidationError(dict.fromkeys(missing, _("The size rule of this trade counts it.")))

    @property
    def is_sme(self) -> bool:
        return self.size_class != SizeClass.LARGE

    @property
    def industry_name(self) -> str:
        return str(Industry(self.industry).label)

    @property
    def size_name(self) -> str:
        return str(SizeClass(self.size_class).label)


class Membership(models.Model):
    """What one person may do for one company."""

    class Role(models.TextChoices):
        OWNER = "owner", _("owner: everything, and who may do what")
        BUYER = "buyer", _("buyer: order, deposit, withdraw")
        FINANCE = "finance", _("finance: money, bills, loans")

    # the word alone, for sentences and tables
    ROLE_NAMES: ClassVar[dict[str, Any]] = {
        Role.OWNER: pgettext_lazy("role", "owner"),
        Role.BUYER: pgettext_lazy("role", "buyer"),
        Role.FINANCE: pgettext_lazy("role", "finance"),
    }

    user = models.ForeignKey(
        User, verbose_name=_("e-mail"), on_delete=models.CASCADE, related_name="memberships"
    )
    organisation = models.ForeignKey(
        Organisation, verbose_name=_("company"), on_delete=models.CASCADE, related_name="memberships"
    )
    role = models.CharField(_("role"), max_length=10, choices=Role)
    created_at = models.DateTimeField(_("joined on"))

    class Meta:
        verbose_name = _("person of a company")
        verbose_name_plural = _("people of companies")
        constraints = [models.UniqueConstraint(fields=["user", "organisation"], name="one_role_per_person")]

    def __str__(self) -> str:
        return f"{self.user} · {self.organisation} · {self.role}"

    @property
    def role_name(self) -> str:
        return str(self.ROLE_NAMES[self.role])

    @property
    def actor(self) -> str:
        return f"user:{self.user_id}"

    def grants(self, scope: str) -> bool:
        """May this person use a REST door that needs that right? "owner" is a right that no key has."""
        if self.role == self.Role.OWNER:
            return True
        return scope in ROLE_SCOPES[self.Role(self.role)]


class Invitation(models.Model):
    """An offer to somebody, known by an e-mail address, to work for a company. Its link carries a secret."""

    class State(models.TextChoices):
        OPEN = "open", _("open")
        ACCEPTED = "accepted", _("accepted")
        WITHDRAWN = "withdrawn", _("withdrawn")

    MOVES: ClassVar[dict[str, set[str]]] = {
        State.OPEN: {State.ACCEPTED, State.WITHDRAWN},
        State.ACCEPTED: set(),
        State.WITHDRAWN: set(),
    }

    public_id = models.CharField(_("reference"), max_length=40, unique=True, editable=False)
    organisation = models.ForeignKey(
        Organisation, verbose_name=_("company"), on_delete=models.CASCADE, related_name="invitations"
    )
    email = models.EmailField(_("e-mail"))
    role = models.CharField(_("role"), max_length=10, choices=Membership.Role)
    secret_hash = models.CharField(max_length=64, editable=False)
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.OPEN)
    invited_by = models.ForeignKey(
        User, verbose_name=_("invited by"), on_delete=models.PROTECT, related_name="+"
    )
    created_at = models.DateTimeField(_("created"))
    expires_at = models.DateTimeField(_("valid until"))

    class Meta:
        verbose_name = _("invitation")
        verbose_name_plural = _("invitations")
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["organisation", "email"], condition=Q(state="open"), name="one_open_invitation_each"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.email} → {self.organisation}"

    def save(self, *args, **kwargs) -> None:
        self.public_id = self.public_id or public_id("inv")
        super().save(*args, **kwargs)

    @property
    def role_name(self) -> str:
        return str(Membership.ROLE_NAMES[self.role])


class ApiKey(models.Model):
    """A program's way in: a public id and a secret of which only a hash is kept. Belongs to one company."""

    class Scope(models.TextChoices):
        READ = "read", _("read")
        ORDER = "order", _("order and withdraw")
        PROVIDE = "provide", _("deposit and list")
        FINANCE = "finance", _("top up and borrow")
        PAY_OUT = "pay_out", _("withdraw cash to the bank")

    public_id = models.CharField(_("reference"), max_length=40, unique=True, editable=False)
    organisation = models.ForeignKey(
        Organisation, verbose_name=_("company"), on_delete=models.CASCADE, related_name="api_keys"
    )
    name = models.CharField(_("name"), max_length=60)
    secret_hash = models.CharField(max_length=64, editable=False)
    scopes = ArrayField(models.CharField(max_length=10, choices=Scope), verbose_name=_("may do"))
    created_by = models.ForeignKey(
        User, verbose_name=_("made by"), on_delete=models.PROTECT, related_name="+"
    )
    created_at = models.DateTimeField(_("created"))
    expires_at = models.DateTimeField(_("valid until"), null=True, blank=True)
    revoked_at = models.DateTimeField(_("revoked"), null=True, blank=True)
    last_used_at = models.DateTimeField(_("last used"), null=True, blank=True)

    class Meta:
        verbose_name = _("API key")
        verbose_name_plural = _("API keys")
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.name} ({self.public_id})"

    def save(self, *args, **kwargs) -> None:
        self.public_id = self.public_id or public_id("key")
        super().save(*args, **kwargs)

    @property
    def actor(self) -> str:
        return f"key:{self.public_id}"

    def grants(self, scope: str) -> bool:
        """Does this key have that right? None has "owner": a key never makes keys."""
        return scope in self.scopes

    @property
    def scope_names(self) -> str:
        return joined(str(self.Scope(scope).label) for scope in self.scopes)

    def works_at(self, now: datetime) -> bool:
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)


ROLE_SCOPES: dict[Membership.Role, set[str]] = {
    Membership.Role.BUYER: {ApiKey.Scope.READ, ApiKey.Scope.ORDER, ApiKey.Scope.PROVIDE},
    Membership.Role.FINANCE: {ApiKey.Scope.READ, ApiKey.Scope.FINANCE, ApiKey.Scope.PAY_OUT},
}
