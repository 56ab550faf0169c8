"""A user searches the own notifications, and nobody else's."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import AnonymousUser, User
from django.test import RequestFactory
from django.utils.functional import SimpleLazyObject

from notifications_counter.contrib.search import InvalidQuery
from notifications_counter.contrib.search.conf import search_settings
from notifications_counter.contrib.search.inbox import declare, search_inbox
from notifications_counter.contrib.search.models import SearchDocument
from notifications_counter.exceptions import InvalidSettings
from notifications_counter.models import Notification
from notifications_counter.projections.declaration import get_projection, unregister
from notifications_counter.projections.noting import unfollow
from tests.support.base import CounterTestCase

from .base import settings_with


def tell(user: User, text: str, kind: str = "") -> Notification:
    return Notification.objects.create(user=user, text=text, kind=kind)


def forget() -> None:
    index = get_projection("notifications_counter.Notification.inbox")
    unfollow(index)
    unregister(index)


class InboxTest(CounterTestCase):
    def setUp(self) -> None:
        super().setUp()
        settings = settings_with(SINK="database", INBOX=True)
        settings.enable()
        self.addCleanup(settings.disable)
        declare()
        self.addCleanup(forget)
        self.index: Any = get_projection("notifications_counter.Notification.inbox")
        self.index.rebuild()
        self.anna, self.ben = self.make_users(2)
        tell(self.anna, "Ben likes your photo of the sea", "like")
        tell(self.anna, "Ben wrote about the sea", "comment")
        tell(self.ben, "Anna likes your photo of the sea", "like")

    def texts(self, user: Any, *given: Any, **options: Any) -> list[str]:
        return [one.text for one in search_inbox(user, *given, **options).notifications]

    def test_the_own_notifications_are_found_the_newest_first(self) -> None:
        self.assertEqual(self.texts(self.anna, "sea"), ["Ben wrote about the sea", "Ben likes your photo of the sea"])
        self.assertEqual(self.texts(self.anna, "photo sea"), ["Ben likes your photo of the sea"])
        self.assertEqual(self.texts(self.ben, "sea"), ["Anna likes your photo of the sea"])
        self.assertEqual(self.texts(self.ben, "wrote"), [])
        self.assertEqual(len(self.texts(self.anna)), 2)

    def test_of_one_kind_only(self) -> None:
        self.assertEqual(self.texts(self.anna, "sea", "like"), ["Ben likes your photo of the sea"])
        self.assertEqual(self.texts(self.anna, kind="comment"), ["Ben wrote about the sea"])
        self.assertEqual(self.texts(self.ben, kind="comment"), [])

    def test_no_text_and_no_kind_leads_to_those_of_another_user(self) -> None:
        for given in ("sea", "", f"user:{self.ben.pk} sea", "' OR 1=1 --", '" OR user:*', "Anna OR sea", "*", "%"):
            for kind in (None, "like", f"like' OR user='{self.ben.pk}", "*", "%"):
                found = search_inbox(self.anna, given, kind).notifications
                self.assertLessEqual({one.user_id for one in found}, {self.anna.pk}, (given, kind))
        for kind in (["like"], {"gte": ""}, 1):
            with self.assertRaises(InvalidQuery):
                search_inbox(self.anna, "sea", kind)  # type: ignore[arg-type]
        with self.assertRaises(TypeError):
            search_inbox(self.anna, "sea", filters={"user": str(self.ben.pk)})  # type: ignore[call-arg]

    def test_only_a_stored_user_has_an_inbox(self) -> None:
        for user in (None, AnonymousUser(), User(username="new"), self.anna.pk, [self.anna, self.ben], "1"):
            with self.assertRaisesMessage(InvalidQuery, "a user who is logged in"):
                search_inbox(user, "sea")

    def test_the_user_of_a_request_will_do(self) -> None:
        request = RequestFactory().get("/")
        request.user = SimpleLazyObject(lambda: self.anna)  # type: ignore[assignment]
        self.assertEqual(len(self.texts(request.user, "sea")), 2)

    def test_a_document_that_is_behind_shows_nobody_what_is_not_theirs(self) -> None:
        SearchDocument.objects.filter(body__user=str(self.ben.pk)).delete()
        mine = Notification.objects.get(user=self.anna, kind="like")
        Notification.objects.filter(pk=mine.pk)._raw_delete("default")  # type: ignore[attr-defined]
        mine.user = self.ben
        Notification.objects.bulk_create([mine])
        document = SearchDocument.objects.get(key=str(mine.pk))
        document.exact = {**document.exact, "user": [str(self.anna.pk)]}
        document.save()
        self.assertEqual(self.texts(self.anna, "photo"), [])

    def test_what_changes_is_found_as_it_is_now(self) -> None:
        Notification.objects.filter(user=self.anna, kind="like").update(user=self.ben)
        self.assertEqual(self.texts(self.anna, "photo"), [])
        self.assertEqual(len(self.texts(self.ben, "photo")), 2)
        Notification.objects.filter(user=self.ben).delete()
        self.assertEqual(self.texts(self.ben), [])

    def test_reading_writes_no_document(self) -> None:
        SearchDocument.objects.update(digest="untouched")
        Notification.objects.filter(user=self.anna).update(has_read=True)
        self.assertEqual(SearchDocument.objects.exclude(digest="untouched").count(), 0)
        self.assertEqual(SearchDocument.objects.count(), 3)

    def test_pages_and_what_is_marked(self) -> None:
        for number in range(5):
            tell(self.anna, f"<b>{number}</b> & more")
        page = search_inbox(self.anna, "more", page=2, size=3, highlight=True)
        self.assertEqual((len(page.notifications), page.total, page.pages), (2, 5, 2))
        self.assertEqual(page.hits[0].highlights["text"], ["&lt;b&gt;1&lt;/b&gt; &amp; <mark>more</mark>"])


class NotDeclaredTest(CounterTestCase):
    def test_a_site_that_has_not_asked_for_it_is_told_how(self) -> None:
        (user,) = self.make_users(1)
        with self.assertRaisesMessage(InvalidSettings, "['INBOX'] must be True"):
            search_inbox(user, "sea")

    def test_the_setting_is_checked(self) -> None:
        with settings_with(SINK="database", INBOX="yes"), self.assertRaisesMessage(InvalidSettings, "not 'yes'"):
            search_settings()
