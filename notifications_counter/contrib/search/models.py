"""The documents of search indexes in the database itself, and the words in them by what they are mistyped as."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from ...fields import KeyField


class SearchDocument(models.Model):
    """What can be found of a row. What full text search needs beside it, each database has in its own way."""

    # Explicit, because SQLite's full text refers to rows by it: what is hidden there is renumbered when a table is made
    # anew.
    id = models.BigAutoField(primary_key=True)
    index_name = KeyField(_("index"), max_length=200)
    key = KeyField(_("key"), max_length=500)
    body = models.JSONField(_("document"))
    #: Field -> list of its values, for filters, order and facets.
    filterable = models.JSONField(_("values"))
    # The words of the fields by weight, the greatest first.
    text_a = models.TextField(default="")
    text_b = models.TextField(default="")
    text_c = models.TextField(default="")
    text_d = models.TextField(default="")
    #: The words of the fields for autocomplete, each between spaces.
    words = models.TextField(_("words that are suggested"), default="")
    popularity = models.FloatField(_("popularity"), default=0)
    digest = models.CharField(_("digest"), max_length=16)
    version = models.BigIntegerField(_("version"))

    class Meta:
        verbose_name = _("search document")
        verbose_name_plural = _("search documents")
        constraints: ClassVar = [models.UniqueConstraint(fields=["index_name", "key"], name="nc_search_document")]

    def __str__(self) -> str:
        return f"{self.index_name}: {self.key}"


class SearchWord(models.Model):
    """A word that some document has, or had: words are never counted, so that no writer waits for another."""

    index_name = KeyField(_("index"), max_length=200)
    word = KeyField(_("word"), max_length=80)

    class Meta:
        verbose_name = _("searched word")
        verbose_name_plural = _("searched words")
        indexes: ClassVar = [models.Index(fields=["index_name", "word"], name="nc_search_word")]

    def __str__(self) -> str:
        return str(self.word)


class SearchVariant(models.Model):
    """A hash of what a word, or its beginning, is without one of its letters."""

    hash = models.BigIntegerField(_("hash"), db_index=True)
    word = models.ForeignKey(
        SearchWord, models.CASCADE, verbose_name=_("word"), related_name="variants", db_constraint=False
    )

    class Meta:
        verbose_name = _("variant of a word")
        verbose_name_plural = _("variants of words")

    def __str__(self) -> str:
        return f"{self.hash}"
