from django.db import models
from django.db.models import Q

from notifications_counter.contrib.search import Field, SearchIndex


class Category(models.Model):
    name = models.CharField(max_length=50)
    note = models.CharField(max_length=50, default="")

    def __str__(self) -> str:
        return self.name


class Tag(models.Model):
    name = models.CharField(max_length=50)

    def __str__(self) -> str:
        return self.name


class Item(models.Model):
    """What is searched in the tests."""

    title = models.CharField(max_length=200)
    text = models.TextField(default="")
    category = models.ForeignKey(Category, models.SET_NULL, null=True, related_name="items")
    tags = models.ManyToManyField(Tag, related_name="items")
    price = models.DecimalField(max_digits=8, decimal_places=2, default=0)
    stock = models.IntegerField(default=0)
    views = models.IntegerField(default=0)
    is_new = models.BooleanField(default=False)
    added_at = models.DateTimeField(null=True)
    is_hidden = models.BooleanField(default=False)
    unseen = models.IntegerField(default=0)

    search = SearchIndex(
        fields={
            "title": Field("autocomplete", weight=3),
            "text": "text",
            "category": Field("keyword", "category__name"),
            "tags": Field("keyword", "tags__name"),
            "reviews": Field("text", "reviews__text"),
            "price": "number",
            "stock": "number",
            "is_new": "boolean",
            "added_at": "date",
        },
        related={Category: "category", Tag: "tags", "search_tests.Review": "reviews"},
        filter=Q(is_hidden=False),
        popularity="views",
        language="english",
    )

    def __str__(self) -> str:
        return self.title


class Review(models.Model):
    item = models.ForeignKey(Item, models.CASCADE, related_name="reviews")
    text = models.TextField()

    def __str__(self) -> str:
        return self.text


class Shelf(models.Model):
    name = models.CharField(max_length=50)

    def __str__(self) -> str:
        return self.name


class Crate(models.Model):
    """What other programs change too."""

    code = models.CharField(max_length=20, primary_key=True)
    name = models.CharField(max_length=50)
    shelf = models.ForeignKey(Shelf, models.CASCADE, null=True)
    labels = models.ManyToManyField(Tag)
    unseen = models.IntegerField(default=0)

    search = SearchIndex(
        fields={
            "name": "text",
            "shelf": Field("keyword", "shelf__name"),
            "labels": Field("keyword", "labels__name"),
        },
        related={Shelf: "shelf", Tag: "labels"},
        capture="triggers",
    )

    def __str__(self) -> str:
        return self.name


class Goods(models.Model):
    """What benchmarks write."""

    title = models.CharField(max_length=200)
    text = models.TextField(default="")
    price = models.IntegerField(default=0)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.title


class PlainGoods(Goods):
    """Without an index."""


class FoundGoods(Goods):
    """With one."""

    search = SearchIndex(fields={"title": "autocomplete", "text": "text", "price": "number"})


class TriggeredGoods(Goods):
    """With one that triggers follow."""

    search = SearchIndex(
        fields={"title": "autocomplete", "text": "text", "price": "number"},
        capture="triggers",
    )
