"""The template tags, on pages."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from unittest import mock

from asgiref.sync import async_to_sync
from django.contrib.auth.models import AnonymousUser, Group
from django.contrib.staticfiles.finders import find
from django.db import connection
from django.http import HttpResponse
from django.template import Context, RequestContext, Template, TemplateSyntaxError
from django.test import AsyncRequestFactory, RequestFactory, override_settings
from django.utils import translation

from notifications_counter import context_processors
from notifications_counter.counters import get_counter
from notifications_counter.exceptions import InvalidKey, InvalidSettings
from notifications_counter.middleware import unread_count
from tests.shop.models import Purchase
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


class ArgumentsTest(CounterTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.user, self.other = self.make_users(2)
        notify(self.other, 12)

    def render(self, text: str, **values: Any) -> str:
        request = RequestFactory().get("/")
        request.user = self.user
        return Template(LOAD + text).render(RequestContext(request, {"other": self.other, **values}))

    def test_a_user_may_be_given_by_the_primary_key(self) -> None:
        page = "{% unread_badge given %}{% unread_count given as n %}{{ n }}"
        for given in (self.other.pk, str(self.other.pk)):
            self.assertIn(">12</span>\n12", self.render(page, given=given))
        self.assertEqual(self.render(page, given=None).strip(), "")

    def test_what_is_no_user_is_refused_with_a_sentence_even_after_the_user_of_the_same_key(self) -> None:
        group = Group.objects.create(pk=self.other.pk, name="staff")
        for given in (group, "x", self.other.pk + 0.5):
            with self.subTest(given=given), self.assertRaisesMessage(InvalidKey, "cannot be a key of"):
                self.render("{% unread_badge other %}{% unread_badge given %}", given=given)

    def test_a_largest_number_that_is_none_is_refused_with_a_sentence(self) -> None:
        for given in (0, -1, "x", "9", 1.5, True):
            with self.subTest(given=given), self.assertRaisesMessage(TemplateSyntaxError, "integer of at least 1, not"):
                self.render("{% unread_badge other max=given %}", given=given)
        self.assertIn(">12<", self.render("{% unread_badge other max=missing %}"))

    def test_a_sum_of_decimals_is_shown_exactly(self) -> None:
        Purchase.objects.create(user=self.user, price=Decimal("12.75"))
        badge = '{% unread_badge counter="shop.Spent.prices" %}'
        count = '{% unread_count counter="shop.Spent.prices" as n %}{{ n }}'
        html = self.render(badge + count)
        self.assertIn('aria-label="12.75 unread">12.75</span>\n12.75', html)

    def test_of_another_user(self) -> None:
        self.assertIn(">12<", self.render("{% unread_badge other %}"))
        self.assertEqual(
            self.render("{% unread_count other %}|{% unread_count user=other %}|{% unread_count %}"), "12|12|0"
        )

    def test_of_nobody_is_nothing_and_not_ones_own(self) -> None:
        notify(self.user, 1)
        self.assertEqual(self.render("{% unread_badge missing.user %}[{% unread_count missing.user %}]").strip(), "[]")

    def test_with_another_cap(self) -> None:
        html = self.render("{% unread_badge other max=9 %}")
        self.assertIn(">9+<", html)
        self.assertIn("12 unread notifications", html)

    def test_of_another_counter_by_label_and_as_it_is(self) -> None:
        notify(self.user, 3, has_read=True)
        notify(self.user, 1)
        tags = "{% unread_badge counter='testapp.ReadNotifications' %}{% unread_count counter=own %}{% unread_count %}"
        html = self.render(tags, own=get_counter("testapp.ReadNotifications"))
        self.assertInHTML('<span class="unread-badge" role="img" aria-label="3 unread">3</span>', html)
        self.assertTrue(html.endswith("31"), html)

    def test_a_label_of_no_counter_says_so(self) -> None:
        with self.assertRaisesMessage(InvalidSettings, "testapp.Nothing"):
            self.render("{% unread_badge counter='testapp.Nothing' %}")

    def test_its_style_sheet_is_linked_once_a_page_and_only_where_there_is_a_badge(self) -> None:
        link = '<link rel="stylesheet" href="/static/notifications_counter/badge.css">'
        self.assertEqual(self.render("{% unread_badge other %}{% unread_badge other %}").count(link), 1)
        self.assertNotIn("link", self.render("{% unread_badge %}"))
        self.assertIsNotNone(find(link.split('"')[3].removeprefix("/static/")))


class OnTheRequestTest(CounterTestCase):
    def setUp(self) -> None:
        super().setUp()
        (self.user,) = self.make_users(1)
        notify(self.user, 3)
        counter.value(self.user)

    def request(self, user: Any = None) -> Any:
        request = RequestFactory().get("/")
        request.user = user or self.user
        return request

    def with_middleware(self, request: Any) -> Any:
        return unread_count(lambda request: request)(request)

    def test_the_middleware_reads_when_asked_and_once(self) -> None:
        with self.assertNumQueries(0):
            request = self.with_middleware(self.request())
        with self.assertNumQueries(0 if uses_redis() else 1):
            self.assertEqual(request.unread_count + 1, 4)
            self.assertTrue(request.unread_count == 3 and request.unread_count > 2 and int(request.unread_count) == 3)
            self.assertEqual(f"{request.unread_count}", "3")
            self.assertIn(">3<", Template(LOAD + "{% unread_badge %}").render(RequestContext(request)))

    def test_the_context_processor_reads_when_asked_and_once(self) -> None:
        with self.assertNumQueries(0):
            values = context_processors.unread_count(self.request())
        with self.assertNumQueries(0 if uses_redis() else 1):
            html = Template("{% if unread_count > 2 %}{{ unread_count|add:1 }}{% endif %}").render(Context(values))
        self.assertEqual(html, "4")

    def test_nobody_has_none(self) -> None:
        request = self.with_middleware(self.request(AnonymousUser()))
        values = context_processors.unread_count(request)
        with self.assertNumQueries(0):
            self.assertEqual(f"{request.unread_count}{Template('{{ unread_count }}').render(Context(values))}", "00")

    def test_an_asynchronous_view_awaits_it(self) -> None:
        async def view(request: Any) -> HttpResponse:
            return HttpResponse(await request.aunread_count())

        async def ask() -> bytes:
            request = AsyncRequestFactory().get("/")
            request.auser = auser
            return (await unread_count(view)(request)).content

        async def auser() -> Any:
            return self.user

        self.assertEqual(async_to_sync(ask)(), b"3")


class AtomicRequestTest(CounterTestCase):
    def test_a_request_that_fails_counts_nothing_and_one_that_succeeds_counts(self) -> None:
        (user,) = self.make_users(1)
        self.client.raise_request_exception = False
        with mock.patch.dict(connection.settings_dict, {"ATOMIC_REQUESTS": True}):
            self.assertEqual(self.client.post(f"/notify/{user.pk}/?fail=1").status_code, 500)
            self.assertEqual(counter.value(user), 0)
            self.assertEqual(self.client.post(f"/notify/{user.pk}/").content, b"1")
        self.assertEqual(counter.value(user), 1)
