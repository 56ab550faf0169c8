"""Sources that Django or their authors treat differently, each with a count model."""

from __future__ import annotations

import uuid
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.contrib.auth.models import Group, User
from django.db import models
from django.db.models import F, Q

from notifications_counter.counters import Counter
from notifications_counter.fields import KeyField


def owner(model: Any = settings.AUTH_USER_MODEL) -> Any:
    return models.OneToOneField(model, models.CASCADE, primary_key=True, db_constraint=False, related_name="+")


def first_user() -> Any:
    return User.objects.order_by("pk").first()


#: As decimals are compared: not as text, of which "9.5" is greater than "10".
LARGE = Q(total__gte=Decimal("9.50")) & ~Q(total__in=[Decimal("100"), Decimal("20.00")])


class GroupMembers(models.Model):
    """Over the automatic table of a many-to-many relation, of which Django sends no signals."""

    group = owner(Group)
    number = models.BigIntegerField(default=0)
    counter = Counter(User.groups.through, "group")


class PaperQuerySet(models.QuerySet[Any]):
    """Its methods have arguments of their own, and write other columns than they were called with."""

    def delete(self, forever: bool = False) -> Any:
        return super().delete() if forever else self.update(archived=True)

    def update(self, **values: Any) -> int:
        if values.pop("archived", False):
            values["binned"] = True
        return super().update(**values)

    def bulk_create(self, objs: Any, *args: Any, notify: bool = False, **kwargs: Any) -> Any:
        return super().bulk_create(objs, *args, **kwargs)


class Shelf(models.Manager[Any]):
    """Builds its querysets by itself."""

    def get_queryset(self) -> PaperQuerySet:
        return PaperQuerySet(self.model, using=self._db).filter(lost=False)


class Paper(models.Model):
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE)
    binned = models.BooleanField(default=False)
    lost = models.BooleanField(default=False)
    objects = PaperQuerySet.as_manager()
    shelf = Shelf()


class Papers(models.Model):
    user = owner()
    number = models.BigIntegerField(default=0)
    counter = Counter(Paper, "user", Q(binned=False))


class Line(models.Model):
    """With a composite primary key."""

    pk = models.CompositePrimaryKey("order", "place")
    order = models.IntegerField()
    place = models.IntegerField()
    sent = models.BooleanField(default=False)


class UnsentLines(models.Model):
    order = models.IntegerField(primary_key=True)
    number = models.BigIntegerField(default=0)
    counter = Counter(Line, "order", Q(sent=False))


class Person(models.Model):
    name = models.CharField(max_length=20)


class Member(models.Model):
    member_id = models.BigAutoField(primary_key=True)
    club = models.IntegerField()
    active = models.BooleanField(default=True)


class Player(Person, Member):
    """Its primary key is that of ``Person``."""


class Coach(Member):
    """It has a primary key of its own."""

    id = models.BigAutoField(primary_key=True)
    base = models.OneToOneField(Member, models.CASCADE, parent_link=True)
    grade = models.IntegerField(default=0)


class ActiveMembers(models.Model):
    club = models.IntegerField(primary_key=True)
    number = models.BigIntegerField(default=0)
    counter = Counter(Member, "club", Q(active=True))


class CoachesByGrade(models.Model):
    """Over a child whose parent is a source, too."""

    grade = models.IntegerField(primary_key=True)
    number = models.BigIntegerField(default=0)
    counter = Counter(Coach, "grade")


class Album(models.Model):
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE)
    cover = models.ForeignKey("Photo", models.SET_NULL, null=True, related_name="+")


class Photo(models.Model):
    album = models.ForeignKey(Album, models.CASCADE)


class AlbumsWithoutCover(models.Model):
    user = owner()
    number = models.BigIntegerField(default=0)
    counter = Counter(Album, "user", Q(cover__isnull=True))


class Claim(models.Model):
    """Its primary key may be given as text, and nothing may be deleted that it is needed for."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE)
    closed = models.BooleanField(default=False)


class Reply(models.Model):
    ticket = models.ForeignKey(Claim, models.PROTECT)


class OpenClaims(models.Model):
    user = owner()
    number = models.BigIntegerField(default=0)
    counter = Counter(Claim, "user", Q(closed=False))


class LowerCaseField(models.CharField):  # type: ignore[type-arg]
    """Changes a value on its way to the database, not in memory."""

    def get_prep_value(self, value: Any) -> Any:
        value = super().get_prep_value(value)
        return value.lower() if isinstance(value, str) else value


class Host(models.Model):
    domain = LowerCaseField(max_length=50)


class HostsOfDomain(models.Model):
    domain = KeyField(max_length=50, primary_key=True)
    number = models.BigIntegerField(default=0)
    counter = Counter(Host, "domain")


class Sheet(models.Model):
    """Columns with the names that Django gives to expressions."""

    f1 = models.IntegerField(default=1)
    f2 = models.IntegerField(default=2)
    case1 = models.IntegerField(default=3)
    state = models.CharField(max_length=10, default="open")


class Sheets(models.Model):
    f1 = models.IntegerField(primary_key=True)
    number = models.BigIntegerField(default=0)
    counter = Counter(Sheet, "f1", Q(state="open"))


class Payment(models.Model):
    """The key is worked out by the database."""

    amount = models.IntegerField()
    doubled = models.GeneratedField(expression=F("amount") * 2, output_field=models.IntegerField(), db_persist=True)


class PaymentsByDouble(models.Model):
    doubled = models.IntegerField(primary_key=True)
    number = models.BigIntegerField(default=0)
    counter = Counter(Payment, "doubled")


class Step(models.TextChoices):
    FIRST = "first"
    SECOND = "second"


class Job(models.Model):
    step = models.CharField(max_length=10, choices=Step.choices, default=Step.FIRST)


class JobsByStep(models.Model):
    step = KeyField(max_length=10, primary_key=True)
    number = models.BigIntegerField(default=0)
    counter = Counter(Job, "step")


class Purchase(models.Model):
    """Its columns are summed, by signals and by triggers."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, null=True)
    price = models.DecimalField(max_digits=9, decimal_places=2, null=True)
    size = models.IntegerField(null=True)
    quantity = models.PositiveIntegerField(default=1)
    void = models.BooleanField(default=False)
    note = models.CharField(max_length=10, default="")
    cost = models.GeneratedField(
        expression=F("price") * F("quantity"),
        output_field=models.DecimalField(max_digits=12, decimal_places=2, null=True),
        db_persist=True,
    )


class Spent(models.Model):
    """Sums of decimals; of the second the count model keeps more places."""

    user = owner()
    price = models.DecimalField(max_digits=15, decimal_places=2, default=0)
    all = models.DecimalField(max_digits=15, decimal_places=3, default=0)
    prices = Counter(Purchase, "user", Q(void=False), "price", sum="price")
    all_prices = Counter(Purchase, "user", field="all", sum="price")


class SpentByTriggers(models.Model):
    user = owner()
    price = models.DecimalField(max_digits=15, decimal_places=3, default=0)
    cost = models.DecimalField(max_digits=15, decimal_places=2, default=0)
    prices = Counter(Purchase, "user", Q(void=False), "price", sum="price", capture="triggers", buffer="rows")
    costs = Counter(Purchase, "user", field="cost", sum="cost", capture="triggers", buffer="rows")


class Sizes(models.Model):
    """Sums of integers, by signals, by triggers, and of a column without a sign."""

    user = owner()
    size = models.BigIntegerField(default=0)
    by_triggers = models.BigIntegerField(default=0)
    pieces = models.BigIntegerField(default=0)
    pieces_by_triggers = models.BigIntegerField(default=0)
    sizes = Counter(Purchase, "user", Q(void=False), "size", sum="size")
    triggers = Counter(Purchase, "user", Q(void=False), "by_triggers", sum="size", capture="triggers", buffer="rows")
    quantities = Counter(Purchase, "user", field="pieces", sum="quantity")
    all_pieces = Counter(
        Purchase, "user", field="pieces_by_triggers", sum="quantity", capture="triggers", buffer="rows"
    )


class Download(models.Model):
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE)
    bytes = models.BigIntegerField()


class Traffic(models.Model):
    """Sums that no double holds."""

    user = owner()
    bytes = models.BigIntegerField(default=0)
    counter = Counter(Download, "user", sum="bytes")


class Order(models.Model):
    """A column is summed that the database works out."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE)
    price = models.DecimalField(max_digits=9, decimal_places=2)
    quantity = models.IntegerField(default=1)
    cost = models.GeneratedField(
        expression=F("price") * F("quantity"),
        output_field=models.DecimalField(max_digits=12, decimal_places=2, null=True),
        db_persist=True,
    )


class Ordered(models.Model):
    user = owner()
    cost = models.DecimalField(max_digits=15, decimal_places=2, default=0)
    counter = Counter(Order, "user", sum="cost")


class Message(models.Model):
    """Counted by two and by three columns, each of which may be missing."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, null=True)
    kind = KeyField(max_length=40, null=True)
    thread = models.UUIDField(null=True)
    has_read = models.BooleanField(default=False)


class MessagesByKind(models.Model):
    pk = models.CompositePrimaryKey("user", "kind")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, db_constraint=False, related_name="+")
    kind = KeyField(max_length=40)
    unread = models.BigIntegerField(default=0)
    counter = Counter(Message, ("user", "kind"), Q(has_read=False))


class MessagesByKindTriggers(models.Model):
    pk = models.CompositePrimaryKey("user", "kind")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, db_constraint=False, related_name="+")
    kind = KeyField(max_length=40)
    unread = models.BigIntegerField(default=0)
    counter = Counter(Message, ("user", "kind"), Q(has_read=False), capture="triggers", buffer="rows")


class MessagesByThread(models.Model):
    """Three parts, among them one that some databases keep in another form."""

    pk = models.CompositePrimaryKey("thread", "user", "kind")
    thread = models.UUIDField()
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, db_constraint=False, related_name="+")
    kind = KeyField(max_length=40)
    number = models.BigIntegerField(default=0)
    note = models.CharField(max_length=10, default="new")
    counter = Counter("shop.Message", ["thread", "user", "kind"])


class MessagesByThreadTriggers(models.Model):
    pk = models.CompositePrimaryKey("thread", "user", "kind")
    thread = models.UUIDField()
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, db_constraint=False, related_name="+")
    kind = KeyField(max_length=40)
    number = models.BigIntegerField(default=0)
    counter = Counter(Message, ("thread", "user", "kind"), capture="triggers", buffer="rows")


class Visits(models.Model):
    """Events by day and page."""

    pk = models.CompositePrimaryKey("day", "page")
    day = models.DateField()
    page = KeyField(max_length=100)
    number = models.BigIntegerField(default=0)
    counter = Counter()


class SpentByQuantity(models.Model):
    """Sums of decimals by two columns."""

    pk = models.CompositePrimaryKey("user", "quantity")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, db_constraint=False, related_name="+")
    quantity = models.PositiveIntegerField()
    price = models.DecimalField(max_digits=15, decimal_places=2, default=0)
    counter = Counter(Purchase, ("user", "quantity"), Q(void=False), sum="price")


class SpentByQuantityTriggers(models.Model):
    pk = models.CompositePrimaryKey("user", "quantity")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, db_constraint=False, related_name="+")
    quantity = models.PositiveIntegerField()
    price = models.DecimalField(max_digits=15, decimal_places=3, default=0)
    counter = Counter(Purchase, ("user", "quantity"), Q(void=False), sum="price", capture="triggers", buffer="rows")


class Invoice(models.Model):
    """With a composite primary key of which a part is its owner, and conditions that only the database answers."""

    pk = models.CompositePrimaryKey("user", "number")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET(first_user))
    number = models.IntegerField()
    state = models.CharField(max_length=10, default="open")
    total = models.DecimalField(max_digits=8, decimal_places=2, default=10)
    labels = models.JSONField(default=list)


class Invoices(models.Model):
    user = owner()
    by_signals = models.BigIntegerField(default=0)
    by_triggers = models.BigIntegerField(default=0)
    large = models.BigIntegerField(default=0)
    large_by_triggers = models.BigIntegerField(default=0)
    labelled = models.BigIntegerField(default=0)
    signals = Counter(Invoice, "user", Q(state="open"), "by_signals")
    triggers = Counter(Invoice, "user", Q(state="open"), "by_triggers", capture="triggers", buffer="rows")
    large_signals = Counter(Invoice, "user", LARGE, "large")
    large_triggers = Counter(Invoice, "user", LARGE, "large_by_triggers", capture="triggers", buffer="rows")
    labels = Counter(Invoice, "user", ~Q(labels=[]), "labelled")


#: As libraries copy them when a class is complete (``FieldTracker`` of django-model-utils).
SAVE_BASE = models.Model.save_base
UPDATE = models.QuerySet.update


class SlotQuerySet(models.QuerySet[Any]):
    """Updates by a copy of Django's method."""

    def update(self, **values: Any) -> int:
        return UPDATE(self, **values)


class Slot(models.Model):
    """Keyed by a text that people change, and saved by a copy of Django's method."""

    name = models.CharField(max_length=20, primary_key=True)
    place = models.SmallIntegerField(null=True)
    taken = models.BooleanField(default=False)
    objects = SlotQuerySet.as_manager()

    def save_base(self, *args: Any, **kwargs: Any) -> None:
        SAVE_BASE(self, *args, **kwargs)


class SlotsByPlace(models.Model):
    """The second condition is one that no small integer fails, and NULL neither."""

    place = models.IntegerField(primary_key=True)
    number = models.BigIntegerField(default=0)
    counter = Counter(Slot, "place", Q(taken=False))


class SlotsByName(models.Model):
    name = KeyField(max_length=20, primary_key=True)
    number = models.BigIntegerField(default=0)
    counter = Counter(Slot, "name", Q(place__lt=40_000))


class LooseField(models.CharField):  # type: ignore[type-arg]
    """Text of which capital and small letters are the same, on every database."""

    COLLATIONS = {"sqlite": "NOCASE", "mysql": "utf8mb4_general_ci", "postgresql": "loose_words"}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{**kwargs, "db_collation": "loose_words", "max_length": 100})

    def db_parameters(self, connection: Any) -> Any:
        return {**super().db_parameters(connection), "collation": self.COLLATIONS[connection.vendor]}


class Reading(models.Model):
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, null=True)
    word = LooseField(null=True)
    exact = KeyField(max_length=100, null=True)
    is_open = models.BooleanField(default=True)


class WordReadings(models.Model):
    """The source's columns are as loose as the key, or stricter."""

    word = LooseField(primary_key=True)
    open = models.BigIntegerField(default=0)
    exact = models.BigIntegerField(default=0)
    events = models.BigIntegerField(default=0)
    counter = Counter(Reading, "word", Q(is_open=True), "open")
    by_exact = Counter(Reading, "exact", field="exact")
    added = Counter(field="events")


class ExactReadings(models.Model):
    """The source's column is looser than the key."""

    word = KeyField(max_length=100, primary_key=True)
    number = models.BigIntegerField(default=0)
    counter = Counter(Reading, "word")


class UserWordReadings(models.Model):
    pk = models.CompositePrimaryKey("user", "word")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, db_constraint=False, related_name="+")
    word = LooseField()
    number = models.BigIntegerField(default=0)
    counter = Counter(Reading, ("user", "word"), Q(is_open=True))


class WordUserReadings(models.Model):
    """A group is a word."""

    pk = models.CompositePrimaryKey("word", "user")
    word = LooseField()
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, db_constraint=False, related_name="+")
    number = models.BigIntegerField(default=0)
    counter = Counter(Reading, ("word", "user"))


class Page(models.Model):
    """Counted by a text that may be empty, or as long as a key may be."""

    address = KeyField(max_length=500, db_index=True)
    seen = models.BooleanField(default=False)
    reader = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.DO_NOTHING, null=True, db_constraint=False, related_name="+"
    )


class PagesByReader(models.Model):
    """Of readers who may be gone, while what they have read stays."""

    user = owner()
    number = models.BigIntegerField(default=0)
    counter = Counter(Page, "reader")


class PagesByAddress(models.Model):
    """Columns of counts whose rows begin with no number, or with another than 0."""

    address = KeyField(max_length=500, primary_key=True)
    number = models.BigIntegerField(default=0)
    seen = models.BigIntegerField(null=True)
    unseen = models.BigIntegerField(default=7)
    counter = Counter(Page, "address", field="number")
    of_seen = Counter(Page, "address", Q(seen=True), "seen")
    of_unseen = Counter(Page, "address", Q(seen=False), "unseen")
