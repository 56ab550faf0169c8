"""When users were last seen, in the admin; nothing can be changed there."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from . import presence
from .models import LastSeen


@admin.register(LastSeen)
class LastSeenAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """As of the last flush, and who is online now: one question for a page."""

    list_display = ("name", "seen_at", "is_online")
    search_fields = ("name",)
    ordering = ("-seen_at",)
    list_per_page = 200
    show_full_result_count = False

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        found = super().get_changelist_instance(request)
        rows = list(found.result_list)
        online = presence.online_names([row.name for row in rows if row.name])
        for row in rows:
            row.online = row.name in online
        found.result_list = rows
        return found

    @admin.display(description=_("online"), boolean=True)
    def is_online(self, row: Any) -> bool:
        return bool(row.online)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
