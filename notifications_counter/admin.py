"""The admin of the built-in models: notifications to be searched and marked, counts to be seen."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.contrib.auth import get_user_model
from django.core.paginator import Paginator
from django.http import HttpRequest
from django.utils.functional import cached_property
from django.utils.text import Truncator
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from .composite_admin import CompositePages
from .models import Notification, UserNotificationsCount
from .status_admin import StatusPages
from .user_counts_admin import UserCountsPages


def user_search_field() -> str:
    return f"user__{get_user_model().USERNAME_FIELD}"


#: How many characters of a text the list shows.
LONGEST_TEXT = 80

#: How many notifications are listed and counted at most, and of how many the newest the kinds are offered as a filter.
LISTED = 10_000


class NewestPaginator(Paginator):  # type: ignore[type-arg]
    """Counts no further than to ``LISTED``, however large the table is."""

    @cached_property
    def count(self) -> int:
        rows: Any = self.object_list
        number: int = rows.order_by()[:LISTED].count()
        return number


class KindFilter(admin.SimpleListFilter):
    """The kinds of the newest notifications: to list those of all would read the whole table."""

    title = _("kind")
    parameter_name = "kind"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        newest = Notification.objects.order_by("-pk").values_list("kind", flat=True)[:LISTED]
        kinds = {kind for kind in newest.iterator() if kind} | {self.value() or ""}
        return [(kind, kind) for kind in sorted(kinds) if kind]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        return queryset.filter(kind=self.value()) if self.value() else queryset


@admin.register(Notification)
class NotificationAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("short_text", "user", "actor", "kind", "has_read", "created_at")
    list_filter = ("has_read", KindFilter, "created_at")
    list_select_related = ("user", "actor")
    raw_id_fields = ("user", "actor")
    readonly_fields = ("created_at",)
    # By the primary key, which has an index: the last made are the newest, too.
    ordering = ("-id",)
    actions = ("mark_as_read", "mark_as_unread")
    paginator = NewestPaginator
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER  # each would count the whole table

    def get_search_fields(self, request: HttpRequest) -> tuple[str, ...]:
        return ("text", "kind", user_search_field())

    def get_autocomplete_fields(self, request: HttpRequest) -> tuple[str, ...]:
        """The users, where their own admin can be searched; else they are chosen by ``raw_id_fields``."""
        user = get_user_model()
        if not self.admin_site.is_registered(user):
            return ()
        return ("user", "actor") if self.admin_site.get_model_admin(user).get_search_fields(request) else ()

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> Any:
        return super().changelist_view(request, {"most_listed": LISTED, **(extra_context or {})})

    @admin.display(description=_("text"), ordering="text")
    def short_text(self, notification: Notification) -> str:
        """The beginning of the text, on one line."""
        return Truncator(" ".join(notification.text.split())).chars(LONGEST_TEXT) or "-"

    @admin.action(description=_("Mark selected notifications as read"), permissions=["change"])
    def mark_as_read(self, request: HttpRequest, queryset: Any) -> None:
        number = queryset.mark_as_read()
        said = ngettext("%d notification was marked as read.", "%d notifications were marked as read.", number)
        self.message_user(request, said % number, messages.SUCCESS)

    @admin.action(description=_("Mark selected notifications as unread"), permissions=["change"])
    def mark_as_unread(self, request: HttpRequest, queryset: Any) -> None:
        number = queryset.mark_as_unread()
        said = ngettext("%d notification was marked as unread.", "%d notifications were marked as unread.", number)
        self.message_user(request, said % number, messages.SUCCESS)


class CountList(ChangeList):
    """A page of counts, whose values are read together."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        values = UserNotificationsCount.counter.values([count.pk for count in self.result_list])
        for count in self.result_list:
            count.value = values[count.pk]


@admin.register(UserNotificationsCount)
class UserNotificationsCountAdmin(UserCountsPages, StatusPages, CompositePages):
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
