"""The template tags, on pages."""

from __future__ import annotations

from typing import Any
from unittest import mock

from django.contrib.auth.models import AnonymousUser
from django.db import connection
from django.template import Context, RequestContext, Template
from django.test import RequestFactory, override_settings
from django.utils import translation

from tests.support.base import CounterTestCase, counter, notify, uses_redis

LOAD = "{% load notifications_counter %}"


class BadgeTest(CounterTestCase):
    def setUp(self) -> None:
        super().setUp()
        (self.user,) = self.make_users(1)
        self.request = RequestFactory().get("/")
        self.request.user = self.user

    def render(self, text: str, user: Any = None) -> str:
        request = RequestFactory().get("/")
        request.user = user or self.user
        return Template(LOAD + text).render(RequestContext(request, {"page": 1}))

    def test_a_badge_shows_the_count_with_a_label(self) -> None:
        notify(self.user, 3)
        html = self.render("{% unread_badge %}")
        self.assertInHTML('<span class="unread-badge" role="img" aria-label="3 unread notifications">3</span>', html)

    def test_one_is_said_in_the_singular_and_none_shows_nothing(self) -> None:
        self.assertEqual(self.render("{% unread_badge %}").strip(), "")
        notify(self.user)
        self.assertIn('"1 unread notification"', self.render("{% unread_badge %}"))

    def test_a_large_count_is_capped_and_localised_with_the_exact_number_in_the_label(self) -> None:
        counter.add({self.user: 1234})
        with override_settings(USE_THOUSAND_SEPARATOR=True), translation.override("de"):
            html = self.render("{% unread_badge %}")
        self.assertIn(">99+<", html)
        self.assertIn("1.234 ", html)

    def test_the_cap_is_a_setting(self) -> None:
        counter.add({self.user: 100})
        from django.conf import settings

        with override_settings(NOTIFICATIONS_COUNTER={**settings.NOTIFICATIONS_COUNTER, "BADGE_MAX": 100}):
            self.assertIn(">100<", self.render("{% unread_badge %}"))
        self.assertIn(">99+<", self.render("{% unread_badge %}"))

    def test_the_count_itself_can_be_had(self) -> None:
        notify(self.user, 2)
        self.assertEqual(self.render("{% unread_count as n %}{{ n|add:1 }}"), "3")

    def test_anonymous_visitors_get_nothing_and_cost_nothing(self) -> None:
        with self.assertNumQueries(0):
            html = self.render("{% unread_badge %}{% unread_count as n %}[{{ n }}]", AnonymousUser())
        self.assertEqual(html.strip(), "[]")

    def test_a_page_costs_no_query_with_redis_and_one_with_the_database(self) -> None:
        notify(self.user, 2)
        self.render("{% unread_badge %}")
        page = "{% unread_badge %}{% unread_badge %}{% unread_count as n %}{{ n }}"
        with self.assertNumQueries(0 if uses_redis() else 1):
            self.render(page)

    def test_without_a_request_the_user_of_the_context_is_taken_and_read_once(self) -> None:
        notify(self.user, 2)
        template = Template(LOAD + "{% unread_badge %}{% with x=1 %}{% unread_count as n %}{{ n }}{% endwith %}")
        counter.value(self.user)
        with self.assertNumQueries(0 if uses_redis() else 1):
            self.assertIn("2", template.render(Context({"user": self.user})))
        self.assertEqual(Template(LOAD + "{% unread_badge %}").render(Context()).strip(), "")

    def test_the_template_can_be_overridden(self) -> None:
        notify(self.user, 2)
        own = {"notifications_counter/badge.html": "<b>{{ count }} of {{ most }}</b>"}
        loaders = [("django.template.loaders.locmem.Loader", own)]
        options = {"loaders": loaders, "context_processors": ["django.template.context_processors.request"]}
        templates = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "OPTIONS": options}]
        with override_settings(TEMPLATES=templates):
            self.assertEqual(self.render("{% unread_badge %}"), "<b>2 of 99</b>")


class AtomicRequestTest(CounterTestCase):
    def test_a_request_that_fails_counts_nothing_and_one_that_succeeds_counts(self) -> None:
        (user,) = self.make_users(1)
        self.client.raise_request_exception = False
        with mock.patch.dict(connection.settings_dict, {"ATOMIC_REQUESTS": True}):
            self.assertEqual(self.client.post(f"/notify/{user.pk}/?fail=1").status_code, 500)
            self.assertEqual(counter.value(user), 0)
            self.assertEqual(self.client.post(f"/notify/{user.pk}/").content, b"1")
        self.assertEqual(counter.value(user), 1)
