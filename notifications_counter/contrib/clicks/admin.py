"""The admin of links: which are clicked most, by whom, and on which days. Nothing is changed there."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.urls import path
from django.utils.translation import gettext_lazy as _

from .chart import chart_of_all, chart_of_link
from .export import days_csv, links_csv
from .models import Click

EXPORTS = {"links": links_csv, "days": days_csv}


class ClickList(ChangeList):
    """A page of links, whose counts of now are read together."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        urls = [click.pk for click in self.result_list]
        people, programs = Click.humans.values(urls), Click.bots.values(urls)
        for click in self.result_list:
            click.people, click.programs = people[click.pk], programs[click.pk]


@admin.register(Click)
class ClickAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("url", "people", "programs")
    search_fields = ("url",)
    ordering = ("-click_count", "url")
    change_list_template = "admin/notifications_counter_clicks/click/change_list.html"
    change_form_template = "admin/notifications_counter_clicks/click/change_form.html"
    fields = ("url", "people", "programs")
    readonly_fields = fields

    @admin.display(description=_("clicks of people"), ordering="click_count")
    def people(self, click: Any) -> int:
        """As of now, whatever is stored."""
        return int(click.people if hasattr(click, "people") else Click.humans.value(click.pk))

    @admin.display(description=_("clicks of programs"), ordering="bot_count")
    def programs(self, click: Any) -> int:
        """As of now, whatever is stored."""
        return int(click.programs if hasattr(click, "programs") else Click.bots.value(click.pk))

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return ClickList

    def get_urls(self) -> list[Any]:
        exports = [
            path(f"{name}.csv", self._export(make), name=f"notifications_counter_clicks_{name}")
            for name, make in EXPORTS.items()
        ]
        return [*exports, *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> Any:
        return super().changelist_view(request, {"chart": chart_of_all(), **(extra_context or {})})

    def change_view(self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None) -> Any:
        chart = chart_of_link(unquote(object_id))
        return super().change_view(request, object_id, form_url, {"chart": chart, **(extra_context or {})})

    def _export(self, make: Any) -> Any:
        """The view that makes a table of what the list shows, searched as there."""

        def export(request: HttpRequest) -> Any:
            if not self.has_view_permission(request):
                raise PermissionDenied
            return make(self.get_changelist_instance(request).get_queryset(request))

        return self.admin_site.admin_view(export)
