"""Counters that are declared wrongly, each for a reason of its own, and what ``manage.py check`` says of each."""

from __future__ import annotations

import datetime
import uuid
from typing import Any

from django.apps import apps
from django.conf import settings
from django.contrib.auth.models import User
from django.db import connection, models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.functional import SimpleLazyObject
from django.utils.translation import gettext_lazy

from notifications_counter.counters import Counter


class Ticket(models.Model):
    """A source."""

    assignee = models.ForeignKey(User, models.CASCADE, null=True, related_name="+")
    watchers = models.ManyToManyField(User, related_name="+")
    closed = models.BooleanField(default=False)
    title = models.CharField(max_length=9)
    state = models.CharField(max_length=9, choices=[("open", "open"), ("done", "done")])
    priority = models.IntegerField(default=0)
    token = models.UUIDField(default=uuid.uuid4)
    ends = models.DateTimeField(null=True)
    day = models.DateField(null=True)
    price = models.DecimalField(max_digits=9, decimal_places=2, default=0)


class Person(models.Model):
    """An owner to whom nothing else refers."""


class AbstractTicket(models.Model):
    assignee = models.ForeignKey(User, models.CASCADE, null=True, related_name="+")

    class Meta:
        abstract = True


class SwappedNote(models.Model):
    user = models.ForeignKey(User, models.CASCADE, related_name="+")

    class Meta:
        swappable = "SWAPPABLE_NOTE_MODEL"


class OtherNote(models.Model):
    user = models.ForeignKey(User, models.CASCADE, related_name="+")


#: Label of the counter -> what is said of it: an id, then what the message and its hint contain.
SAID: dict[str, tuple[str, ...]] = {}


def wrong(name: str, counter: Counter, /, *said: str, **fields: Any) -> None:
    """Declare a count model with a counter, of which that is said."""
    attributes: dict[str, Any] = {
        "__module__": __name__,
        "user": models.OneToOneField(User, models.CASCADE, primary_key=True, db_constraint=False, related_name="+"),
        "number": models.BigIntegerField(default=0),
        "counter": counter,
    }
    type(name, (models.Model,), attributes | fields)
    SAID[f"wrong_declarations.{name}.counter"] = said


def filtered(name: str, condition: Any, *said: str) -> None:
    wrong(name, Counter(Ticket, "assignee", condition), *said)


anything: Any = object()

wrong("Right", Counter(Ticket, "assignee", Q(closed=False)))

# The count model

wrong("NoField", Counter(Ticket, "assignee", field="nunber"), "E004", "'nunber'", "Did you mean 'number'?")
wrong("TwoFields", Counter(Ticket, "assignee"), "E004", "other, number", other=models.IntegerField(default=0))
wrong("TextField", Counter(field="text"), "E004", "'text' is not an integer", text=models.TextField(default=""))
wrong("FieldIsNoText", Counter(Ticket, "assignee", field=anything), "E004", "object", "Columns of")
wrong("NoDefault", Counter(Ticket, "assignee"), "E010", "'name'", name=models.TextField())
wrong("Positive", Counter(), "E011", "Make it a BigIntegerField", number=models.PositiveIntegerField(default=0))
wrong("NoAlias", Counter(using="nowhere"), "E060", "no database 'nowhere'", "default")
wrong("NoBuffer", Counter(buffer="fast"), "E002", "no buffer 'fast'", "Configured are")
wrong("BufferIsNoText", Counter(buffer=["default"]), "E002", "no buffer ['default']")  # type: ignore[arg-type]
wrong(
    "NoOwner",
    Counter(Ticket, "assignee"),
    "E061",
    "'user' refers to wrong_declarations.Nobody",
    user=models.OneToOneField("wrong_declarations.Nobody", models.CASCADE, primary_key=True, related_name="+"),
    Meta=type("Meta", (), {"managed": False}),  # Django could not create its table
)


RIGHT: Any = apps.get_registered_model("wrong_declarations", "Right")


class RightProxy(RIGHT):
    """It has no table of its own for the counts of a counter of its own."""

    counter_of_all = Counter(Ticket, "assignee")

    class Meta:
        proxy = True


SAID["wrong_declarations.RightProxy.counter_of_all"] = ("E063", "is a proxy", "on wrong_declarations.Right.")

# The source

wrong("NoSource", Counter(key="assignee"), "E005", "there is no source")
wrong("FilterOnly", Counter(filter=Q(closed=False)), "E005", "there is no source")
wrong("SumOnly", Counter(sum="price"), "E030", "there is no source")
wrong("NoModel", Counter("wrong_declarations.Tickets", "assignee"), "E006", "Did you mean 'wrong_declarations.Ticket'?")
wrong("NoDot", Counter("Ticket", "assignee"), "E006", "no model 'Ticket'", "'app.Model'")
wrong("TwoDots", Counter("tests.wrong_declarations.Ticket", "assignee"), "E006", "'app.Model'")
wrong("EmptyName", Counter("", "assignee"), "E006", "no model ''")
wrong("NoClass", Counter(anything, "assignee"), "E006", "is no model")
wrong("ANumber", Counter(5, "assignee"), "E006", "5 is no model")  # type: ignore[arg-type]
wrong("OtherClass", Counter(int, "assignee"), "E006", "is no model")  # type: ignore[arg-type]
wrong("Abstract", Counter(AbstractTicket, "assignee"), "E006", "is abstract")
wrong("Swapped", Counter(SwappedNote, "user"), "E006", "has been swapped for", "settings.SWAPPABLE_NOTE_MODEL")
wrong("SwappedByName", Counter("wrong_declarations.SwappedNote", "user"), "E006", "has been swapped for")
wrong("Itself", Counter("wrong_declarations.Itself", "user"), "E006", "is the count model itself")

# The key

wrong("NoKey", Counter(Ticket), "E007", "key is missing", "Columns of wrong_declarations.Ticket are: id, assignee")
wrong("EmptyKey", Counter(Ticket, ()), "E007", "key is missing")
wrong("Misspelt", Counter(Ticket, "assigne"), "E007", "no column 'assigne'", "Did you mean 'assignee'?")
wrong("Elsewhere", Counter(Ticket, "assignee__pk"), "E007", "must be a column of the source itself")
wrong("ManyToMany", Counter(Ticket, "watchers"), "E007", "count the rows of wrong_declarations.Ticket_watchers")
wrong("KeyIsANumber", Counter(Ticket, 5), "E007", "key=5 is neither")  # type: ignore[arg-type]
wrong("KeyIsASet", Counter(Ticket, {"assignee"}), "E007", "is neither")  # type: ignore[arg-type]
wrong("KeyIsAField", Counter(Ticket, F("assignee")), "E007", "F(assignee)")  # type: ignore[arg-type]
wrong("TupleOfNumbers", Counter(Ticket, (1, 2)), "E007", "is neither")  # type: ignore[arg-type]
wrong("ATuple", Counter(Ticket, ("assignee",)), "E021", "not as many columns", "without a tuple")

# The filter

filtered("ADict", {"closed": False}, "E008", "{'closed': False} is no Q object", "Write filter=Q(closed=False)")
filtered("AnEmptyDict", {}, "E008", "is no Q object")
filtered("AText", "closed=False", "E008", "'closed=False' is no Q object")
filtered("AFunction", lambda: Q(closed=False), "E008", "is no Q object")
filtered("TheClass", Q, "E008", "is no Q object")
filtered("MisspeltColumn", Q(closd=False), "E008", "closd=False", "Did you mean 'closed'?")
filtered("ChildIsText", Q("closed"), "E008", "'closed' is no comparison")
filtered("ChildIsLong", Q(("closed", 1, 2)), "E008", "is no comparison")
filtered("OtherTable", Q(assignee__is_active=True), "E008", "assignee__is_active")
filtered("Contains", Q(title__contains="x"), "E008", "title__contains")
filtered("AnExpression", Q(title=F("state")), "E008", "title=F(state)", "an expression")
filtered("AQuerySet", Q(priority__in=Ticket.objects.values("pk")), "E008", "priority__in=a QuerySet")
filtered("Xor", Q(closed=True) ^ Q(priority=1), "E008", "XOR")
filtered("GreaterThanNone", Q(priority__gt=None), "E008", "compares with None")

# Values

filtered("NoBoolean", Q(closed="nope"), "E008", "closed='nope'", "BooleanField 'closed' does not take")
filtered("NoBooleanInside", ~Q(Q(closed="nope") | Q(priority=1)), "E008", "closed='nope'")
filtered("NoNumber", Q(priority__gte="high"), "E008", "priority__gte='high'", "'priority' does not take")
filtered("NoNumberInAList", Q(priority__in=[1, "high"]), "E008", "priority__in=[1, 'high']")
filtered("NoUUID", Q(token="nope"), "E008", "'token' does not take")
filtered("NoMoment", Q(ends__lt="yesterday"), "E008", "'ends' does not take")
filtered("NoUser", Q(assignee="ada"), "E008", "'assignee' does not take")
filtered("IsNullNumber", Q(ends__isnull=0), "E008", "ends__isnull=0", "True or __isnull=False")
filtered("IsNullText", Q(ends__isnull="false"), "E008", "ends__isnull='false'")
filtered("IsNullNone", Q(ends__isnull=None), "E008", "ends__isnull=None")
filtered("AGenerator", Q(priority__in=(one for one in [1, 2])), "E008", "an iterator", "list(...)")
filtered("AMap", Q(priority__in=map(int, "12")), "E008", "an iterator", "list(...)")
filtered("InText", Q(title__in="open"), "E008", "title__in='open' is no list")
filtered("InNumber", Q(priority__in=5), "E008", "priority__in=5 is no list")
filtered("InADict", Q(priority__in={1: 2}), "E008", "is no list")
filtered("Translated", Q(title=gettext_lazy("open")), "E008", "a lazy object", "Write the value itself")
filtered("LazyObject", Q(priority=SimpleLazyObject(lambda: 5)), "E008", "a lazy object")
filtered("NotCalled", Q(ends__gt=datetime.datetime.now), "E008", "a function, which is not called")
filtered("NotCalledInside", Q(priority__in=list), "E008", "a function")

# Sums

wrong("NoSum", Counter(Ticket, "assignee", sum="prize"), "E031", "no column 'prize'", "Did you mean 'price'?")
wrong("SumIsANumber", Counter(Ticket, "assignee", sum=5), "E031", "no column 5")  # type: ignore[arg-type]
wrong("SumOfText", Counter(Ticket, "assignee", sum="title"), "E031", "neither an integer nor a decimal")
wrong("SumOfDecimals", Counter(Ticket, "assignee", sum="price"), "E032", "cannot hold sums of decimals")

# Capture

wrong("NoCapture", Counter(Ticket, "assignee", capture="trigger"), "E015", "'trigger'", "triggers")
wrong("CaptureIsNone", Counter(Ticket, "assignee", capture=None), "E015", "None")  # type: ignore[arg-type]


class LoudTicket(Ticket):
    """Its assignee is in the table of its parent."""


by_triggers: dict[str, Any] = {"capture": "triggers", "buffer": "rows"}
wrong("OfTheParent", Counter(LoudTicket, "assignee", **by_triggers), "E018", "another table")
wrong("OtherKind", Counter(Ticket, "title", **by_triggers), "E019", "a trigger cannot write 'title'")
wrong("TriggersOfNothing", Counter(capture="triggers", buffer="rows"), "E016", "no source")

# Moments: frozen where the declaration is written, each in a way of its own

NOW = timezone.now()
DAY = datetime.timedelta(days=1)

filtered("Now", Q(ends__gt=NOW), "E062", "ends__gt=datetime.datetime(", "was worked out", "depend on the clock")
filtered("InThirtyDays", ~Q(ends__lt=NOW + 30 * DAY), "E062", "ends__lt=")
filtered("WithoutFractions", Q(ends__gt=NOW.replace(microsecond=0)), *(["E062"] if NOW.second not in (0, 59) else []))
filtered("AsText", Q(ends__gt=NOW.isoformat()), "E062", "ends__gt=")
filtered("OneOfTwo", Q(ends__in=[datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC), NOW]), "E062")
filtered("Today", Q(day__gte=NOW.date()), "W060", "day__gte=datetime.date(", "is today")
filtered("SinceMidnight", Q(ends__gte=NOW.replace(hour=0, minute=0, second=0, microsecond=0)), "W060")
filtered("ALongTimeAgo", Q(ends__gte=datetime.datetime(2020, 1, 1, 12, 30, tzinfo=datetime.UTC)))
filtered("EndOfADay", Q(ends__lte=datetime.datetime(2020, 1, 1, 23, 59, 59, 999_999, tzinfo=datetime.UTC)))
filtered("ADay", Q(day=datetime.date(2020, 1, 1)) | Q(day__isnull=True))


def owner() -> Any:
    return models.OneToOneField(User, models.CASCADE, primary_key=True, db_constraint=False, related_name="+")


class LastWeek(models.Model):
    """Its value could have been written; its code says that it was not."""

    user = owner()
    number = models.BigIntegerField(default=0)
    counter = Counter(Ticket, "assignee", Q(day__gte=timezone.localdate() - 7 * DAY))


SAID["wrong_declarations.LastWeek.counter"] = ("E062", "by timezone.localdate()")

# Choices

filtered("NoChoice", Q(state="opne"), "W061", "'opne' is none of the choices of 'state'", "'done', 'open'")
filtered("NoChoiceInAList", Q(state__in=["open", "dnoe"]), "W061", "'dnoe' is none of the choices")
filtered("AChoice", Q(state__in=["open", "done"]) & ~Q(state=""))

# Managers that go their own way


class RawQuerySet(models.QuerySet[Any]):
    def bulk_create(self, objs: Any, *args: Any, **kwargs: Any) -> Any:
        with connection.cursor() as cursor:
            cursor.execute("COPY ...")
        return list(objs)

    def update(self, **values: Any) -> int:
        return super().update(**values)


class Copied(models.Model):
    user = models.ForeignKey(User, models.CASCADE, related_name="+")
    objects = RawQuerySet.as_manager()


wrong("WritesSql", Counter(Copied, "user"), "W065", "RawQuerySet.bulk_create.", 'capture="triggers"')

# Collations

if settings.DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    wrong(
        "NoCase", Counter(), "W003", "different texts", user=models.CharField(primary_key=True, db_collation="NOCASE")
    )

# What nothing deletes

wrong(
    "NothingDeletes",
    Counter(Ticket, "assignee"),
    "W062",
    "'user' has DO_NOTHING and db_constraint=False",
    user=models.OneToOneField(User, models.DO_NOTHING, primary_key=True, db_constraint=False, related_name="+"),
)

if hasattr(models, "DB_CASCADE"):

    class ByDatabase(models.Model):
        """A source whose rows the database deletes and changes by itself, which it needs constraints for."""

        owner = models.ForeignKey(Person, models.DB_CASCADE, related_name="+")
        friend = models.ForeignKey(Person, models.DB_SET_NULL, null=True, related_name="+")
        closed = models.BooleanField(default=False)

    class Changed(models.Model):
        owner = models.ForeignKey(Person, models.DB_SET_NULL, null=True, related_name="+")
        friend = models.ForeignKey(Person, models.DB_SET_NULL, null=True, related_name="+")

    class Unconstrained(models.Model):
        owner = models.ForeignKey(Person, models.DB_CASCADE, db_constraint=False, related_name="+")

    def to_person(**more: Any) -> Any:
        return models.OneToOneField(Person, primary_key=True, related_name="+", **more)

    kept: dict[str, Any] = {"db_constraint": False, "on_delete": models.CASCADE}
    wrong("Deleted", Counter(ByDatabase, "owner"), "W004", "on_delete of owner.", user=to_person(**kept))
    wrong("DeletedAndChanged", Counter(ByDatabase, "friend"), "W004", "of owner, friend.", user=to_person(**kept))
    wrong("OwnerChanged", Counter(Changed, "owner"), "W004", "on_delete of owner.", user=to_person(**kept))
    wrong("NotToldToDelete", Counter(Unconstrained, "owner"), user=to_person(**kept))
    wrong(
        "FriendInFilter", Counter(Changed, "owner", Q(friend=None)), "W004", "of owner, friend.", user=to_person(**kept)
    )
    wrong(
        "NobodyDeletes",
        Counter(Unconstrained, "owner"),
        "W062",
        "'user' has DB_CASCADE and db_constraint=False",
        user=to_person(on_delete=models.DB_CASCADE, db_constraint=False),
    )
    wrong("DatabaseDeletes", Counter(Unconstrained, "owner"), user=to_person(on_delete=models.DB_CASCADE))
