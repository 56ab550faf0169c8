"""The declaration of a search index, and what is asked of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.db import models
from django.db.models.signals import class_prepared

from ...exceptions import InvalidSettings, quoted
from ...projections import declaration
from ...projections.documents import Outcome
from ...projections.links import Link, links
from ...projections.noting import follow
from ...projections.rebuilding import rebuild
from . import asking, auditing, bodies, values
from .conf import get_sink
from .declaration import SearchDeclaration
from .exceptions import NotSupported
from .fields import Field
from .problems import problems
from .results import Page, Suggestion

if TYPE_CHECKING:
    from ...counters import Counter
    from .sinks.base import SearchSink


class SearchIndex(SearchDeclaration):
    """Declares, as an attribute of a model or beside a model of somebody else's, how its rows are searched.

    Every argument can be an attribute of a subclass instead.

    Args:
        source: the model, or its name; the model that it is an attribute of where it is left out.
        fields: what documents have: name -> one of the kinds "text", "keyword", "autocomplete", "number", "date" and
            "boolean", or a ``Field``. A name with two underscores is a path of relations, ``"category__name"``.
        related: the other models whose changes matter: model, or its name, -> the path of relations that leads to it.
        filter: the condition under which a row can be found; all rows without it.
        popularity: by what suggestions are ranked: a field of kind "number", or a counter whose keys are the rows.
        language: the language of the texts, in English and lower case, so that words are found by their stems;
            "simple" for none.
        document: makes the document of a row, a dictionary, in place of ``SearchIndex.document``.
        name: what it is called where it is no attribute of its model.
        using: a database alias; without it the router's.
        capture: how changes become known: "signals", or "triggers" of the database, which see raw SQL and other
            programs too.

    Raises:
        InvalidSettings: a field's kind is none. What else is wrong the system checks say.
    """

    def __init__(
        self,
        source: Any = None,
        *,
        fields: Mapping[str, str | Field] | None = None,
        related: Mapping[Any, str] | None = None,
        filter: models.Q | None = None,
        popularity: str | Counter | None = None,
        language: str | None = None,
        document: Callable[[Any], Mapping[str, Any]] | None = None,
        name: str = "search",
        using: str | None = None,
        capture: str | None = None,
    ) -> None:
        given = {"source": source, "fields": fields, "related": related, "filter": filter, "popularity": popularity}
        given |= {"language": language, "using": using, "capture": capture}
        self.__dict__.update({key: value for key, value in given.items() if value is not None})
        self.fields = {one: _field(one, kind) for one, kind in self.fields.items()}
        self.attribute = name
        self.own_document = document
        self.is_custom = document is not None or type(self).document is not SearchIndex.document
        if self.source is not None:
            _bind_when_there(self)

    # Declaration

    def contribute_to_class(self, model: type[models.Model], name: str) -> None:
        """Django's way to tell an attribute what it is an attribute of."""
        setattr(model, name, self)
        if self.source is None:
            self.attribute = name
            class_prepared.connect(self._bind_prepared, sender=model)

    def _bind_prepared(self, sender: type[models.Model], **kwargs: Any) -> None:
        if not sender._meta.abstract and not sender._meta.proxy:
            self.bind(sender)

    def bind(self, model: type[models.Model]) -> None:
        """Make it the index of a model."""
        self.model = model
        if model._meta.apps is apps:
            declaration.register(self)
            if apps.ready:
                connect(self)

    def __get__(self, instance: Any, owner: Any = None) -> SearchIndex:
        if instance is not None:
            raise AttributeError(f"{self.attribute} is of the model: ask {type(instance).__name__}.{self.attribute}.")
        return self

    @property
    def sink(self) -> SearchSink:
        """Where the documents are."""
        sink: SearchSink = get_sink()
        return sink

    def columns(self) -> list[str]:
        return bodies.columns(self)

    def links(self) -> list[tuple[Link, Iterable[str]]]:
        found: list[tuple[Link, Iterable[str]]] = [(link, names) for link, names in bodies.parent_links(self)]
        for related, path in self.related_models.items():
            for link in links(self.model, related, path):
                is_end = link.model._meta.concrete_model is related._meta.concrete_model
                found.append((link, bodies.columns_of_related(self, related, path) if is_end else ()))
        return found

    def query(self, rows: models.QuerySet[Any]) -> models.QuerySet[Any]:
        return bodies.query(self, rows)

    def prepare(self, rows: Sequence[Any], using: str) -> None:
        bodies.look_up_popularity(self, rows, using)

    def body(self, row: Any) -> dict[str, Any]:
        return bodies.body(self, row)

    def read_columns(self, rows: models.QuerySet[Any], using: str) -> tuple[dict[str, Any], list[Outcome]] | None:
        return values.read(self, rows, using) if values.is_of_columns(self) else None

    def document(self, row: Any) -> Mapping[str, Any]:
        """The document of a row: field -> value, or list of values. A subclass may make another one of it."""
        return bodies.document(self, row)

    # Questions

    def search(
        self,
        text: str = "",
        filters: Mapping[str, Any] | None = None,
        page: int = 1,
        *,
        size: int = 20,
        order: str | None = None,
        facets: Sequence[str] = (),
        highlight: bool = False,
        typos: bool = False,
        using: str | None = None,
    ) -> Page:
        """Find documents.

        Args:
            text: words, of which each must be found in any field of text; empty for all documents.
            filters: field -> a value; a list, of which it must be one; or a dictionary with "gt", "gte", "lt", "lte".
            page: which page, from 1.
            size: how many hits a page has, at most 1,000.
            order: a field to sort by, with a minus in front for the greatest first; the best first without it.
            facets: fields whose most frequent values among all hits are counted.
            highlight: whether hits have passages in which what was found is marked.
            typos: whether words may differ by a letter or two.
            using: a database alias, where it is not the index's own.

        Raises:
            InvalidQuery: a field, a value or the page is wrong.
            NotSupported: the sink cannot do it.
            SinkUnavailable: the sink does not answer.
        """
        alias = using or self.alias()
        query = asking.query(self, text, filters or {}, page, size, order, facets)
        asking.refuse_unsupported(self.sink, alias, highlighting=highlight, typos=typos)
        query = asking.with_options(query, highlight=highlight, typos=typos)
        return self.sink.search(self, query, using=alias)

    def suggest(self, prefix: str, *, size: int = 10, using: str | None = None) -> list[Suggestion]:
        """What somebody may be about to type: texts of which any word begins so, the most popular first.

        Where the sink knows how, a word may differ by a letter or two.

        Raises:
            InvalidQuery: the index has no field for autocomplete, or the size is wrong.
            SinkUnavailable: the sink does not answer.
        """
        asking.refuse_size(self, size)
        if not any(one.is_suggested for one in self.fields.values()):
            raise NotSupported(f"{self.label} has no field of kind 'autocomplete' to suggest from.")
        words = prefix.replace("\0", " ").strip()
        return self.sink.suggest(self, words, size=size, using=using or self.alias()) if words else []

    def more_like(self, row: Any, *, size: int = 10, using: str | None = None) -> Page:
        """Documents that have much in common with one.

        Args:
            row: the row, or its primary key.
            size: how many at most.
            using: a database alias, where it is not the index's own.

        Raises:
            NotSupported: the sink cannot do it.
            SinkUnavailable: the sink does not answer.
        """
        alias = using or self.alias()
        asking.refuse_size(self, size)
        asking.refuse_unsupported(self.sink, alias, more_like=True)
        key = self.key.text(row.pk if isinstance(row, models.Model) else row)
        return self.sink.more_like(self, key, size=size, using=alias)

    def raw(self, query: Mapping[str, Any], *, using: str | None = None) -> Any:
        """What the sink itself answers to a query of its own language; documents that are gone are left out.

        Raises:
            NotSupported: the sink has no such language.
            SinkUnavailable: the sink does not answer.
        """
        alias = using or self.alias()
        asking.refuse_unsupported(self.sink, alias, raw=True)
        return self.sink.raw(self, query, using=alias)

    def rows_of(self, page: Page, *, using: str | None = None) -> list[Any]:
        """The rows of a page's hits, in their order; those that are gone meanwhile are left out."""
        keys = [self.key.value(hit.key) for hit in page]
        found = self.model._default_manager.using(using or self.alias()).in_bulk(keys)
        return [found[key] for key in keys if key in found]

    # Housekeeping

    def rebuild(self, *, using: str | None = None, report: Callable[[int], None] | None = None) -> int:
        """Make all documents anew, beside those that are read, and then read those.

        Returns:
            How many rows were sent.

        Raises:
            SinkUnavailable: the sink cannot be reached.
        """
        return rebuild(self, using, report=report)

    def refresh(self, *, using: str | None = None) -> None:
        """Let searches find at once what was sent, as each flush does."""
        self.sink.refresh(self, using=using or self.alias())

    def after_flush(self, sender: Any) -> None:
        if sender.result.documents:
            # An engine would do so by itself a second later, or, where nobody has searched lately, not at all.
            self.refresh(using=sender.using)
        auditing.after_flush(self, sender)


def _field(name: str, kind: str | Field) -> Field:
    if isinstance(kind, str):
        return Field(kind)
    if not isinstance(kind, Field):
        raise InvalidSettings(f"The field {quoted(name)} must be a kind or a Field, not {quoted(kind)}.")
    return kind


def _bind_when_there(index: SearchIndex) -> None:
    source = index.source
    if not isinstance(source, str):
        index.bind(source)
        return
    label, _, name = source.lower().partition(".")
    if not name:
        raise InvalidSettings(f"The source of a search index must be a model, or 'app.Model', not {quoted(source)}.")
    apps.lazy_model_operation(index.bind, (label, name))


def connect(index: SearchIndex) -> None:
    """Follow the changes of its rows; the checks say what keeps an index from being understood."""
    if not problems(index):
        follow(index)
