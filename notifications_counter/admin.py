"""The admin of the built-in models: notifications to be searched and marked, counts to be seen."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.contrib.auth import get_user_model
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from .composite_admin import CompositePages
from .models import Notification, UserNotificationsCount


def user_search_field() -> str:
    return f"user__{get_user_model().USERNAME_FIELD}"


@admin.register(Notification)
class NotificationAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("text", "user", "kind", "has_read", "created_at")
    list_filter = ("has_read", "kind", "created_at")
    list_select_related = ("user",)
    raw_id_fields = ("user",)
    readonly_fields = ("created_at",)
    ordering = ("-created_at", "-id")
    actions = ("mark_as_read",)

    def get_search_fields(self, request: HttpRequest) -> tuple[str, ...]:
        return ("text", "kind", user_search_field())

    @admin.action(description=_("Mark selected notifications as read"), permissions=["change"])
    def mark_as_read(self, request: HttpRequest, queryset: Any) -> None:
        number = queryset.mark_as_read()
        said = ngettext("%d notification was marked as read.", "%d notifications were marked as read.", number)
        self.message_user(request, said % number, messages.SUCCESS)


class CountList(ChangeList):
    """A page of counts, whose values are read together."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        values = UserNotificationsCount.counter.values([count.pk for count in self.result_list])
        for count in self.result_list:
            count.value = values[count.pk]


@admin.register(UserNotificationsCount)
class UserNotificationsCountAdmin(CompositePages):
    list_display = ("user", "unread_count", "unread")
    list_select_related = ("user",)
    ordering = ("-unread_count",)

    def get_search_fields(self, request: HttpRequest) -> tuple[str, ...]:
        return (user_search_field(),)

    @admin.display(description=_("unread"))
    def unread(self, count: UserNotificationsCount) -> int:
        """The value that everyone reads: stored plus pending."""
        return count.value  # type: ignore[attr-defined, no-any-return]

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return CountList

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Not here; but a user may be deleted, of whose page Django asks this too."""
        match = request.resolver_match
        own = f"{self.opts.app_label}_{self.opts.model_name}_"
        return match is not None and not (match.url_name or "").startswith(own)
