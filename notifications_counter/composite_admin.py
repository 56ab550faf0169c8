"""Pages of the admin for count models with composite keys, which ``AdminSite.register`` refuses: to be looked at."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.core.paginator import Page, Paginator
from django.db import models
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import path
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from .counters import Counter, counters
from .exceptions import InvalidKey

ROWS_A_PAGE = 100
NAME = "notifications_counter_composite"


def composite_models(request: HttpRequest) -> list[type[models.Model]]:
    """The count models with composite keys that whoever asks may view."""
    found = {counter.model for counter in counters() if counter.keys.is_composite}
    return sorted(filter(lambda model: may_view(request, model), found), key=lambda model: model._meta.label)


def may_view(request: HttpRequest, model: type[models.Model]) -> bool:
    """Whether whoever asks may view the rows of a model."""
    app, name = model._meta.app_label, model._meta.model_name
    return any(request.user.has_perm(f"{app}.{action}_{name}") for action in ("view", "change"))


class CompositePages(admin.ModelAdmin):  # type: ignore[type-arg]
    """The admin of another model, with a list of the counts of each count model with composite keys below it."""

    def get_urls(self) -> list[Any]:
        guarded = self.admin_site.admin_view
        return [
            path("composite/", guarded(self.composite_index), name=NAME),
            path("composite/<str:label>/", guarded(self.composite_page), name=f"{NAME}_page"),
            *super().get_urls(),
        ]

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> Any:
        context = {"composite_models": composite_models(request), **(extra_context or {})}
        return super().changelist_view(request, context)

    def composite_index(self, request: HttpRequest) -> HttpResponse:
        """The count models with composite keys."""
        listed = [(model._meta.label, capfirst(model._meta.verbose_name_plural)) for model in composite_models(request)]
        return self._render(request, "index", {"title": _("Counts with composite keys"), "listed": listed})

    def composite_page(self, request: HttpRequest, label: str) -> HttpResponse:
        """The counts of one count model: as stored, and as everyone reads them."""
        own = [counter for counter in counters() if counter.model._meta.label == label and counter.keys.is_composite]
        if not own:
            raise Http404(label)
        model, searched = own[0].model, request.GET.get("q", "")
        if not may_view(request, model):
            raise PermissionDenied
        page = Paginator(found_rows(own[0], searched), ROWS_A_PAGE).get_page(request.GET.get("p"))
        context = {
            "title": capfirst(model._meta.verbose_name_plural),
            "first": own[0].keys.parts[0].column.verbose_name,
            "searched": searched,
            "page": page,
            "columns": list(column_names(own)),
            "rows": list(shown_rows(own, page)),
        }
        return self._render(request, "page", context)

    def _render(self, request: HttpRequest, name: str, context: dict[str, Any]) -> HttpResponse:
        template = f"admin/notifications_counter/composite_{name}.html"
        return TemplateResponse(request, template, {**self.admin_site.each_context(request), **context})


def found_rows(counter: Counter, searched: str) -> models.QuerySet[Any]:
    """The count rows, in the order of their keys; only those whose first part is what was searched for."""
    parts = counter.keys.parts
    rows = counter.model._base_manager.using(counter.store().using).order_by(*(part.column.attname for part in parts))
    if not searched:
        return rows
    try:
        return rows.filter(**{parts[0].column.attname: parts[0].value(parts[0].text(searched))})
    except InvalidKey:
        return rows.none()


def column_names(own: list[Counter]) -> Iterator[str]:
    """The heads of the columns: the parts of the key, then two for each counter."""
    for part in own[0].keys.parts:
        yield str(capfirst(part.column.verbose_name))
    value = str(_("value"))
    for counter in own:
        yield str(capfirst(counter.field.verbose_name))
        yield str(capfirst(value)) if len(own) == 1 else f"{counter.name}: {value}"


def shown_rows(own: list[Counter], page: Page[Any]) -> Iterator[list[Any]]:
    """The cells of a page, whose values are read together."""
    rows = list(page)
    values = [counter.values([row.pk for row in rows]) for counter in own]
    for row in rows:
        cells = list(row.pk)
        for counter, found in zip(own, values, strict=True):
            cells += [getattr(row, counter.field.attname), found[row.pk]]
        yield cells
