"""The inbox, the badge, the API and the admin speak the language that a browser asks for."""

from __future__ import annotations

import html
import json
from datetime import timedelta

from django.conf import settings
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.template import RequestContext, Template
from django.test import modify_settings, override_settings
from django.urls import path
from django.utils import timezone
from django.utils.translation import get_language, override

from notifications_counter.models import Notification
from tests import apps_urls
from tests.support.base import CounterTestCase, notify
from tests.support.browser import BrowserTestCase, once

from .samples import fill

#: Language -> what the page says: its title, a button, when something came, and under which heading.
PAGE = {
    "de": ("Posteingang", "Alle als gelesen markieren", "vor 2 Tagen", "Letzte sieben Tage"),
    "fr": ("Boîte de réception", "Tout marquer comme lu", "il y a 2 jours", "Ces sept derniers jours"),
    "es": ("Bandeja de entrada", "Marcar todas como leídas", "hace 2 días", "Últimos siete días"),
    "pt-br": ("Caixa de entrada", "Marcar todas como lidas", "há 2 dias", "Últimos sete dias"),
    "ja": ("受信トレイ", "すべて既読にする", "2 日前", "過去 7 日間"),
    "en": ("Inbox", "Mark all as read", "2 days ago", "Last seven days"),
}

#: Language -> what the badge says of 1 and of 3.
BADGE = {
    "de": ("1 ungelesene Benachrichtigung", "3 ungelesene Benachrichtigungen"),
    "fr": ("1 notification non lue", "3 notifications non lues"),
    "es": ("1 notificación no leída", "3 notificaciones no leídas"),
    "pt-br": ("1 notificação não lida", "3 notificações não lidas"),
    "ja": ("未読の通知 1 件", "未読の通知 3 件"),
    "en": ("1 unread notification", "3 unread notifications"),
}

#: What nothing may say but in English.
ENGLISH = ["Inbox", "Mark as read", "Mark all as read", "Delete", "Unread", "Everything", "Older", "Yesterday", " ago"]


def badges(request: HttpRequest) -> HttpResponse:
    """A page with a badge of each sort."""
    tags = "{% load notifications_counter %}{% unread_badge %}{% unread_badge live=True %}"
    return HttpResponse(Template(f"<!doctype html><title>Site</title>{tags}").render(RequestContext(request)))


urlpatterns = [*apps_urls.urlpatterns, path("badges/", badges)]

#: A site that asks the browser for its language.
in_languages = modify_settings(MIDDLEWARE={"append": "django.middleware.locale.LocaleMiddleware"})


@in_languages
@override_settings(ROOT_URLCONF=__name__)
class LanguageTest(CounterTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.enterContext(override(get_language()))  # a request leaves its language to what follows in its thread
        (self.user,) = self.make_users(1)
        self.client.force_login(self.user)

    def get(self, address: str, language: str) -> str:
        response = self.client.get(address, headers={"Accept-Language": language}, follow=True)
        return html.unescape(response.content.decode())

    def test_the_page_is_in_the_language_of_the_browser(self) -> None:
        for days in (2, 2, 9):
            moment = timezone.now() - timedelta(days=days, hours=1)
            Notification.objects.create(user=self.user, text="Hallo", kind="", url="/x/", created_at=moment)
        for language, words in PAGE.items():
            with self.subTest(language):
                page = self.get("/inbox/", language)
                self.assertIn(f'<html lang="{language}"', page)
                for said in words:
                    self.assertIn(said, page)
                found = [said for said in ENGLISH if f">{said}" in page or f'"{said}' in page or f"{said}<" in page]
                self.assertEqual(bool(found), language == "en", found)

    def test_an_empty_inbox_says_so_in_the_language_of_the_browser(self) -> None:
        self.assertIn("Noch keine Benachrichtigungen", self.get("/inbox/", "de"))
        self.assertIn("Alles gelesen", self.get("/inbox/?show=unread", "de"))

    def test_a_regional_language_falls_back_to_its_language(self) -> None:
        self.assertIn("Posteingang", self.get("/inbox/", "de-AT"))
        self.assertIn("Bandeja de entrada", self.get("/inbox/", "es-MX"))

    def test_the_badge_counts_in_the_plural_forms_of_the_language(self) -> None:
        for number, place in ((1, 0), (2, 1)):
            notify(self.user, number)
            for language, words in BADGE.items():
                with self.subTest(language):
                    self.assertIn(f'role="img" aria-label="{words[place]}">', self.get("/badges/", language))

    def test_a_live_badge_is_given_the_words_for_each_category_of_numbers(self) -> None:
        for language, (one, other) in BADGE.items():
            with self.subTest(language):
                page = self.get("/badges/", language)
                given = page.partition(' labels="')[2].partition('" lang="')
                labels = json.loads(given[0])
                self.assertEqual(given[2].partition('"')[0], language)
                self.assertEqual(labels["other"], other.replace("3", "#"))
                self.assertEqual(labels.get("one", labels["other"]), one.replace("1", "#"))

    def test_the_api_says_in_the_language_of_the_client_what_is_wrong(self) -> None:
        response = self.client.get("/inbox/api/notifications/7/", headers={"Accept-Language": "es"})
        said = "No tiene ninguna notificación con el identificador '7'."
        self.assertEqual(response.json()["detail"], said)
        self.assertIn("Accept-Language", response.headers["Vary"])

    def test_the_admin_is_in_the_language_of_the_browser(self) -> None:
        self.client.force_login(User.objects.create_superuser("admin"))
        notify(self.user)
        page = self.get("/admin/notifications_counter/notification/", "de")
        self.assertIn("Ausgewählte Benachrichtigungen als gelesen markieren", page)
        self.assertIn("Status der Zähler", self.get("/admin/notifications_counter/usernotificationscount/", "de"))
        self.assertIn("Letzte Übernahme", self.get("/admin/notifications_counter/usernotificationscount/status/", "de"))


@once
@in_languages
@override_settings(ROOT_URLCONF=__name__)
class BrowserInLanguagesTest(BrowserTestCase):
    def test_a_live_badge_speaks_the_language_of_its_page(self) -> None:
        users = self.make_users(2)
        notify(users[0], 1)
        notify(users[1], 3)
        for locale, language in (("de-DE", "de"), ("ja-JP", "ja")):
            for user, said in zip(users, BADGE[language], strict=True):
                page = self.new_page(user, locale=locale)
                page.goto("/badges/")
                page.locator(f'unread-badge [aria-label="{said}"]').wait_for()

    def test_it_does_where_the_browser_speaks_another_one(self) -> None:
        (user,) = self.make_users(1)
        notify(user)
        page = self.new_page(user, locale="ja-JP")  # in Japanese 1 has the form of any other number
        chosen = {"name": settings.LANGUAGE_COOKIE_NAME, "value": "de", "url": self.live_server_url}
        page.context.add_cookies([chosen])
        page.goto("/badges/")
        page.locator(f'unread-badge [aria-label="{BADGE["de"][0]}"]').wait_for()

    def test_the_page_fits_a_narrow_window_in_each_language(self) -> None:
        (user,) = self.make_users(1)
        fill(user)
        for language, words in PAGE.items():
            with self.subTest(language):
                page = self.new_page(user, locale=language, viewport={"width": 320, "height": 800})
                page.goto("/inbox/")
                page.get_by_role("heading", name=words[0]).wait_for()
                self.assertEqual(page.evaluate("document.documentElement.scrollWidth"), 320)
