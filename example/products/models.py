"""The tutorial's product, its counters and its search index."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime

from django.db import models
from django.db.models import Q
from django.utils import timezone

from notifications_counter import Counter
from notifications_counter.contrib.search import SearchIndex
from notifications_counter.fields import KeyField


def this_minute() -> datetime:
    return timezone.now().astimezone(UTC).replace(second=0, microsecond=0)


def this_hour() -> datetime:
    return this_minute().replace(minute=0)


class Status(models.IntegerChoices):
    """The article's numbers."""

    INACTIVE = 0, "Inactive"
    ACTIVE = 1, "Active"
    PROCESSING = 2, "Processing"


class Category(models.TextChoices):
    CLOTHES = "clothes", "Clothes"
    HOUSE = "house", "House"
    TOOLS = "tools", "Tools"
    OTHER = "other", "Other"


class ProductViews(models.Model):
    """How often the page of each product was looked at: by that suggestions are ranked."""

    product = models.OneToOneField("Product", models.CASCADE, primary_key=True, db_constraint=False, related_name="+")
    number = models.BigIntegerField(default=0)

    counter = Counter()

    def __str__(self) -> str:
        return f"{self.pk}: {self.number}"


class Product(models.Model):
    """A product: it is there at once, and active when its picture is.

    Attributes:
        token: who has added it knows it before it is saved, so that a task that comes twice saves it once.
        refusal: why it is inactive.
        minute, hour: when it was added.
    """

    token = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    status = models.SmallIntegerField(choices=Status, default=Status.PROCESSING)
    title = models.CharField(max_length=200)
    image_url = models.URLField(max_length=2000)
    category = KeyField(max_length=20, choices=Category, default=Category.OTHER)
    refusal = models.CharField(max_length=300, blank=True)
    added = models.DateTimeField(default=timezone.now, editable=False)
    minute = models.DateTimeField(default=this_minute, editable=False)
    hour = models.DateTimeField(default=this_hour, editable=False)

    search = SearchIndex(
        fields={"title": "autocomplete", "category": "keyword", "added": "date"},
        filter=Q(status=Status.ACTIVE),
        popularity=ProductViews.counter,
        language="english",
    )

    class Meta:
        indexes = [models.Index(fields=["-added"], name="products_newest")]

    def __str__(self) -> str:
        return self.title


class Thumbnail(models.Model):
    """A small picture of a product; in the database, so that it is there exactly when the product is active."""

    product = models.ForeignKey(Product, models.CASCADE, related_name="thumbnails")
    size = models.PositiveSmallIntegerField()
    content = models.BinaryField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["product", "size"], name="products_one_of_each_size")]

    def __str__(self) -> str:
        return f"{self.product_id}, {self.size} px"


class ProductsByMinute(models.Model):
    """How many products of each status were added in each minute."""

    pk = models.CompositePrimaryKey("status", "minute")
    status = models.SmallIntegerField(choices=Status)
    minute = models.DateTimeField()
    number = models.BigIntegerField(default=0)

    counter = Counter(source=Product, key=("status", "minute"), field="number")

    def __str__(self) -> str:
        return f"{self.status}, {self.minute}: {self.number}"


class ProductsByHour(models.Model):
    """How many products of each status were added in each hour."""

    pk = models.CompositePrimaryKey("status", "hour")
    status = models.SmallIntegerField(choices=Status)
    hour = models.DateTimeField()
    number = models.BigIntegerField(default=0)

    counter = Counter(source=Product, key=("status", "hour"), field="number")

    def __str__(self) -> str:
        return f"{self.status}, {self.hour}: {self.number}"


class ProductsByCategory(models.Model):
    """How many products of each status each category has."""

    pk = models.CompositePrimaryKey("status", "category")
    status = models.SmallIntegerField(choices=Status)
    category = KeyField(max_length=20, choices=Category)
    number = models.BigIntegerField(default=0)

    counter = Counter(source=Product, key=("status", "category"), field="number")

    def __str__(self) -> str:
        return f"{self.status}, {self.category}: {self.number}"


class Revision(models.Model):
    """Rises with every change of the counters above: by it the live pages know what is newer."""

    status = models.SmallIntegerField(choices=Status, primary_key=True)
    number = models.BigIntegerField(default=0)

    counter = Counter()

    def __str__(self) -> str:
        return f"{self.status}: {self.number}"
