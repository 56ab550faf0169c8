"""What people see: the tag, the admin; and what developers are told by checks."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.core.checks import run_checks
from django.core.management import call_command
from django.db import connection
from django.test import Client, override_settings
from django.test.utils import CaptureQueriesContext
from django.utils import translation

from notifications_counter.contrib.online import report_user
from notifications_counter.contrib.online.tasks import online_tick
from tests.support.base import CounterTestCase, uses_redis

from .test_presence import online, report_at


@override_settings(ROOT_URLCONF="tests.online.urls")
class TagTest(CounterTestCase):
    def page(self) -> str:
        return Client().get("/who/").content.decode()

    def test_it_names_users_and_says_how_many_they_are(self) -> None:
        self.assertIn('Online: <b class="nc-online-number">0</b>', self.page())
        for name in ("ada", "ben"):
            User.objects.create(username=name)
        report_user("ada")
        self.assertIn(">1</b>", self.page())
        report_at("ben", 60)
        page = self.page()
        self.assertIn(">2</b>", page)
        self.assertLess(page.index("ada"), page.index("ben"))

    def test_a_name_is_escaped(self) -> None:
        User.objects.create(username="<script>")
        report_user("<script>")
        self.assertNotIn("<script>", self.page())
        self.assertIn("&lt;script&gt;", self.page())

    def test_more_than_it_names_are_counted(self) -> None:
        users = User.objects.bulk_create(User(username=f"user{place}") for place in range(23))
        for user in users:
            report_user(user)
        page = self.page()
        self.assertIn(">23</b>", page)
        self.assertIn("+3", page)

    def test_it_speaks_the_language_of_the_page(self) -> None:
        with translation.override("fr"):
            self.assertIn("En ligne", self.page())


@override_settings(ROOT_URLCONF="tests.online.urls")
class AdminTest(CounterTestCase):
    def test_the_list_says_who_is_online_and_when_others_were_seen(self) -> None:
        admin = User.objects.create_superuser("root")
        client = Client()
        client.force_login(admin)
        for name, ago in (("ada", 0), ("ben", 3000)):
            report_at(name, ago)
        call_command("notification_update_counter", verbosity=0)
        with CaptureQueriesContext(connection) as few:
            page = client.get("/admin/notifications_counter_online/lastseen/").content.decode()
        self.assertLess(page.index("ada"), page.index("ben"))
        self.assertEqual((page.count("icon-yes"), page.count("icon-no")), (1, 1))
        for place in range(50):
            report_at(f"user{place}", 3)
        call_command("notification_update_counter", verbosity=0)
        with CaptureQueriesContext(connection) as many:
            client.get("/admin/notifications_counter_online/lastseen/")
        self.assertEqual(len(many), len(few))

    def test_nothing_can_be_changed_there(self) -> None:
        client = Client()
        client.force_login(User.objects.create_superuser("root"))
        self.assertEqual(client.get("/admin/notifications_counter_online/lastseen/add/").status_code, 403)


class CheckTest(CounterTestCase):
    def test_each_wrong_setting_is_named(self) -> None:
        for values, said in (
            ({"LAYOUT": "bucket"}, "Did you mean 'buckets'?"),
            ({"MINUTES": 0}, "['MINUTES'] must be an integer from 1 to 60, not 0"),
            ({"REPORT_INTERVAL": 600}, "must be shorter than MINUTES"),
            ({"KEY": "email"}, "must be 'username' or 'pk', not 'email'"),
            ({"INVISIBLE": "no.such.function"}, "cannot import 'no.such.function'"),
            ({"LOCATION": 7}, "['LOCATION'] must be a text or None"),
            ({"LOCATION": "http://:secret@host"}, "is no URL of a Redis: 'http://***@host'"),
            ({"GUESTS": 1}, "must be True or False, not 1"),
            ({"GUESTS": True, "LAYOUT": "two_sets"}, "needs the LAYOUT"),
            ({"MINUTE": 1}, "Did you mean 'MINUTES'?"),
        ):
            with online(**values):
                found = [
                    error for error in run_checks(tags=["compatibility"]) if error.id == "notifications_counter.E110"
                ]
                self.assertEqual(len(found), 1, values)
                self.assertIn(said, found[0].msg)
                self.assertNotIn("secret", found[0].msg)

    def test_a_layout_that_needs_redis_is_refused_where_there_is_none(self) -> None:
        if uses_redis():
            self.skipTest("there is one")
        with online(LAYOUT="two_sets"):
            found = [
                error.msg for error in run_checks(tags=["compatibility"]) if error.id == "notifications_counter.E110"
            ]
        self.assertIn("needs a Redis: configure a Redis buffer", found[0])

    def test_the_task_of_celery_ticks(self) -> None:
        report_user("ada")
        online_tick()
        self.assertEqual(online_tick.name, "notifications_counter.contrib.online.tasks.online_tick")
