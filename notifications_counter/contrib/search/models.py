"""The tables of the embedded sink: documents in the database of their rows."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from ...fields import KeyField

#: The longest primary key, as text, of a row that can have a document.
LONGEST_KEY = 500


class SearchDocument(models.Model):
    """A document. Its words are kept apart by how much they count, from ``words_a`` for the fields of most weight.

    What the database searches by is made of those columns by the database itself, or beside this table: see
    ``sinks.database``.
    """

    id = models.BigAutoField(primary_key=True)
    #: The name of the search index.
    index = KeyField(max_length=150)
    key = KeyField(max_length=LONGEST_KEY)
    language = models.CharField(max_length=20)
    words_a = models.TextField()
    words_b = models.TextField()
    words_c = models.TextField()
    words_d = models.TextField()
    #: The words of what is suggested.
    names = models.TextField()
    popularity = models.FloatField(default=0)
    body = models.JSONField()
    #: Field -> a list of its values, of those that filter and sort.
    exact = models.JSONField()
    digest = models.CharField(max_length=16)

    class Meta:
        db_table = "notifications_counter_search_document"
        constraints: ClassVar = [models.UniqueConstraint(fields=["index", "key"], name="nc_search_document")]
        indexes: ClassVar = [models.Index(fields=["index", "-popularity"], name="nc_search_popular")]

    def __str__(self) -> str:
        return f"{self.index} {self.key}"


class SearchWord(models.Model):
    """A word of what is suggested: where the database can, words that were typed wrongly are looked for among these."""

    id = models.BigAutoField(primary_key=True)
    index = KeyField(max_length=150)
    word = KeyField(max_length=100)

    class Meta:
        db_table = "notifications_counter_search_word"
        # Not unique: two transactions with the same new words would wait for each other. One may be there twice.
        indexes: ClassVar = [models.Index(fields=["index", "word"], name="nc_search_word")]

    def __str__(self) -> str:
        return str(self.word)
