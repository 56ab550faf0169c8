"""The tags where the inbox is installed: what the badge counts, and the live badge's markup."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.template import RequestContext, Template, TemplateSyntaxError
from django.test import RequestFactory, override_settings

from notifications_counter.models import Notification
from tests.support.base import CounterTestCase, notify

from .samples import with_kinds

LIVE = "{% unread_badge live=True %}"


class TagTest(CounterTestCase):
    def setUp(self) -> None:
        super().setUp()
        (self.user,) = self.make_users(1)
        notify(self.user, 2)
        Notification.objects.all().mark_as_seen()
        notify(self.user, 1)

    def render(self, text: str, user: Any = None, **of_request: Any) -> str:
        request = RequestFactory().get("/")
        request.user = user or self.user
        for name, value in of_request.items():
            setattr(request, name, value)
        return Template("{% load notifications_counter %}" + text).render(RequestContext(request))

    def test_the_badge_counts_unread_ones_or_unseen_ones_as_the_setting_says(self) -> None:
        self.assertIn('"3 unread notifications">3<', self.render("{% unread_badge %}"))
        with with_kinds(BADGE="unseen"):
            self.assertIn('"1 new notification">1<', self.render("{% unread_badge %}"))
            self.assertEqual(self.render("{% unread_count %}"), "3")

    def test_a_live_badge_is_the_same_for_everybody_and_reads_nothing(self) -> None:
        with self.assertNumQueries(0):
            mine, theirs = self.render(LIVE), self.render(LIVE, AnonymousUser())
        self.assertEqual(mine, theirs)
        self.assertInHTML(
            '<unread-badge src="/inbox/live/" poll="/inbox/api/unread/" counts="unread" max="99" lang="en-us"'
            """ labels='{"one": "# unread notification", "other": "# unread notifications"}'></unread-badge>""",
            mine,
        )
        script = '<script type="module" src="/static/notifications_counter/unread-badge.js"></script>'
        self.assertInHTML(script, mine)

    def test_its_cap_and_what_it_counts_are_told_to_it(self) -> None:
        with with_kinds(BADGE="unseen"):
            self.assertRegex(self.render("{% unread_badge live=True max=9 %}"), 'counts="unseen" max="9"')

    def test_script_and_style_sheet_are_linked_once(self) -> None:
        html = self.render(LIVE + LIVE + "{% unread_badge %}")
        self.assertEqual((html.count("<script"), html.count("<link"), html.count("<unread-badge ")), (1, 1, 2))

    def test_the_script_has_the_nonce_of_django_of_django_csp_or_of_the_tag(self) -> None:
        self.assertIn('nonce="abc"', self.render(LIVE, csp_nonce="abc"))
        self.assertIn('nonce="def"', self.render("{% with csp_nonce='def' %}" + LIVE + "{% endwith %}"))
        self.assertIn('nonce="ghi"', self.render("{% unread_badge live=True nonce='ghi' %}"))

    def test_a_live_badge_takes_no_user_and_no_counter(self) -> None:
        for arguments in ("request.user", "counter='notifications_counter.UserNotificationsCount'"):
            with self.assertRaises(TemplateSyntaxError):
                self.render("{% unread_badge " + arguments + " live=True %}")

    def test_it_is_where_the_inbox_is(self) -> None:
        with override_settings(ROOT_URLCONF="tests.inbox.elsewhere"):
            self.assertIn('src="/messages/in/live/"', self.render(LIVE))
