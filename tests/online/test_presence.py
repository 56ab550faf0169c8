"""Who is online, in each layout."""

from __future__ import annotations

import time
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import override_settings

from notifications_counter.contrib.online import (
    get_users_online,
    guests_online,
    is_online,
    is_online_many,
    last_seen,
    number_online,
    report_user,
    tick,
    users_online,
)
from notifications_counter.contrib.online.layouts import layout
from notifications_counter.contrib.online.models import LastSeen
from notifications_counter.contrib.online.presence import report_guest
from notifications_counter.exceptions import InvalidKey, InvalidOption
from tests.support.base import CounterTestCase, uses_redis


def online(**values: Any) -> override_settings:
    """Settings of who is online."""
    return override_settings(NOTIFICATIONS_COUNTER={**settings.NOTIFICATIONS_COUNTER, "ONLINE": values})


def report_at(name: str, ago: int, area: str = "u:") -> None:
    """A report of some seconds ago."""
    layout().report(name, [area], 600, int(time.time()) - ago)


class OnlineTest(CounterTestCase):
    """With the layout of the buffer that is tested: buckets or database."""

    def test_who_reports_is_online_under_the_username(self) -> None:
        ada = User.objects.create(username="ada")
        report_user("ada")
        report_user("nobody's user")
        self.assertEqual(get_users_online(), {"ada", "nobody's user"})
        self.assertTrue(is_online(ada))
        self.assertTrue(is_online("ada"))
        self.assertFalse(is_online("bob"))
        self.assertEqual(list(users_online()), [ada])
        self.assertEqual(number_online(), 2)

    def test_a_user_is_online_once_whatever_the_number_of_reports(self) -> None:
        for ago in (90, 60, 30, 0):
            report_at("ada", ago)
        self.assertEqual(number_online(), 1)
        self.assertEqual(get_users_online(), {"ada"})

    def test_names_that_are_numbers_stay_themselves(self) -> None:
        for name in ("7", "007", "-7", "70", str(10**17), str(10**30)):
            report_user(name)
        self.assertEqual(get_users_online(), {"7", "007", "-7", "70", str(10**17), str(10**30)})
        self.assertEqual(number_online(), 6)

    def test_names_differ_by_case_and_letters_of_any_language(self) -> None:
        names = {"Ada", "ada", "ädä", "アダ", "a{d}a:%", " "}
        for name in names:
            report_user(name)
        self.assertEqual(get_users_online(), names)

    def test_the_newest_report_comes_first_and_pages_go_on_where_the_one_before_ended(self) -> None:
        users = [User.objects.create(username=f"user{place}") for place in range(120)]
        for place, user in enumerate(users):
            report_at(user.username, 3 * place)
        found, page = [], users_online(limit=25)
        while True:
            found += page
            if not page.following:
                break
            page = users_online(limit=25, after=page.following)
        self.assertEqual(found, users)

    def test_many_who_reported_in_the_same_second_are_on_one_page_each(self) -> None:
        users = User.objects.bulk_create([User(username=f"user{place}") for place in range(300)])
        for user in users:
            report_at(user.username, 5)
        found, page = [], users_online(limit=50)
        while True:
            found += page
            if not page.following:
                break
            page = users_online(limit=50, after=page.following)
        self.assertEqual(sorted(user.username for user in found), sorted(user.username for user in users))

    def test_a_page_costs_one_query(self) -> None:
        for name in ("ada", "bob", "cy"):
            User.objects.create(username=name)
            report_user(name)
        with self.assertNumQueries(1 if uses_redis() else 2):
            self.assertEqual(len(users_online()), 3)
        call_command("notification_update_counter", verbosity=0)
        with self.assertNumQueries(1 if uses_redis() else 2):
            self.assertEqual(len(users_online()), 3)

    def test_a_report_asks_the_database_nothing_where_there_is_a_redis(self) -> None:
        if not uses_redis():
            self.skipTest("the database is the layout")
        with self.assertNumQueries(0):
            report_user("ada")
            self.assertTrue(is_online("ada"))
            self.assertEqual(number_online(), 1)

    def test_who_reported_longer_ago_than_the_minutes_is_not_online(self) -> None:
        report_at("ada", 580)
        report_at("bob", 601)
        report_at("cy", 61)
        self.assertEqual(get_users_online(), {"ada", "cy"})
        self.assertEqual(number_online(), 2)
        self.assertEqual(number_online(1), 0)
        self.assertEqual(number_online(11), 3)
        self.assertEqual(is_online_many(["ada", "bob", "cy"]), {"ada": True, "bob": False, "cy": True})
        self.assertEqual(is_online_many(["ada", "bob", "cy"], 2), {"ada": False, "bob": False, "cy": True})

    def test_a_user_who_left_can_come_back(self) -> None:
        report_at("ada", 3000)
        self.assertFalse(is_online("ada"))
        report_user("ada")
        self.assertTrue(is_online("ada"))
        self.assertEqual(number_online(60), 1)

    def test_a_room_holds_those_who_were_reported_there(self) -> None:
        report_user("ada", room="thread:42")
        report_user("bob")
        self.assertTrue(is_online("ada", room="thread:42"))
        self.assertFalse(is_online("bob", room="thread:42"))
        self.assertFalse(is_online("ada", room="thread:43"))
        self.assertEqual(number_online(room="thread:42"), 1)
        self.assertEqual(get_users_online(), {"ada", "bob"})

    def test_guests_are_counted_by_address_and_are_no_users(self) -> None:
        for address in ("192.0.2.1", "192.0.2.1", "192.0.2.2"):
            report_guest(address)
        report_user("ada")
        self.assertEqual(guests_online(), 2)
        self.assertEqual(number_online(), 1)
        self.assertEqual(get_users_online(), {"ada"})

    def test_a_flush_writes_one_row_for_each_user(self) -> None:
        began = time.time()
        for ago in (180, 120, 60):
            for name in ("ada", "bob", "7"):
                report_at(name, ago)
        self.assertFalse(LastSeen.objects.exists())
        call_command("notification_update_counter", verbosity=0)
        self.assertEqual(sorted(LastSeen.objects.values_list("name", flat=True)), ["7", "ada", "bob"])
        seen = LastSeen.objects.get(name="ada").seen_at
        self.assertAlmostEqual(seen.timestamp(), began - 60, delta=15)
        report_user("ada")
        call_command("notification_update_counter", verbosity=0)
        self.assertEqual(LastSeen.objects.count(), 3)
        self.assertGreater(LastSeen.objects.get(name="ada").seen_at, seen)
        self.assertEqual(get_users_online(), {"ada", "bob", "7"})

    def test_last_seen_is_known_at_once_and_after_the_reports_are_gone(self) -> None:
        ada = User.objects.create(username="ada")
        self.assertIsNone(last_seen(ada))
        report_user(ada)
        seen = last_seen(ada)
        assert seen is not None
        self.assertAlmostEqual(seen.timestamp(), time.time(), delta=15)
        call_command("notification_update_counter", verbosity=0)
        layout().forget("ada", ["u:"])
        self.assertEqual(last_seen("ada"), seen)

    def test_by_primary_key_users_are_known_by_it_and_named_by_username(self) -> None:
        ada = User.objects.create(username="ada")
        with online(KEY="pk"):
            report_user(ada)
            report_user("ada")
            self.assertTrue(is_online(ada))
            self.assertTrue(is_online("ada"))
            self.assertEqual(get_users_online(), {"ada"})
            self.assertEqual(list(users_online()), [ada])
            self.assertEqual(number_online(), 1)
            with self.assertRaisesMessage(InvalidKey, "There is no user 'bob'"):
                report_user("bob")

    def test_who_is_invisible_is_not_online_from_the_next_report_on(self) -> None:
        ada = User.objects.create(username="ada", last_name="hidden")
        bob = User.objects.create(username="bob")
        report_user(ada)
        with online(INVISIBLE="tests.online.samples.is_hidden"):
            report_user(ada)
            report_user(bob)
            report_user("ada")
            self.assertEqual(get_users_online(), {"bob"})
            self.assertEqual(number_online(), 1)

    def test_bad_input_is_refused_by_name(self) -> None:
        for name in ("", "x" * 255, "a\0b", None, 1.5):
            with self.assertRaisesMessage(InvalidKey, "A user's name must be"):
                report_user(name)
        with self.assertRaisesMessage(InvalidKey, "A room must be"):
            report_user("ada", room="x" * 65)
        for minutes in (0, 61, "10", True):
            with self.assertRaisesMessage(InvalidOption, "minutes must be"):
                users_online(minutes)  # type: ignore[arg-type]
        with self.assertRaisesMessage(InvalidOption, "limit must be"):
            users_online(limit=51)
        with self.assertRaisesMessage(InvalidOption, "after must be"):
            users_online(after="x")
        self.assertEqual(get_users_online(), set())

    def test_a_tick_changes_nothing_where_none_is_needed(self) -> None:
        report_user("ada")
        tick()
        tick()
        self.assertEqual(get_users_online(), {"ada"})


class TwoSetsTest(CounterTestCase):
    """The layout with two sets and a tick."""

    def setUp(self) -> None:
        super().setUp()
        if not uses_redis():
            self.skipTest("needs Redis")
        settings = online(LAYOUT="two_sets")
        settings.enable()
        self.addCleanup(settings.disable)

    def members(self, key: str) -> set[bytes]:
        found: set[bytes] = layout().server.redis.client.smembers(key)  # type: ignore[attr-defined]
        return found

    def test_a_user_is_online_until_the_second_tick(self) -> None:
        ada = User.objects.create(username="ada")
        report_user("ada")
        self.assertEqual(self.members("wo_user_current"), {b"ada"})
        self.assertEqual(get_users_online(), {"ada"})
        call_command("online_tick")
        self.assertEqual(self.members("wo_user_old"), {b"ada"})
        report_user("bob")
        self.assertEqual(get_users_online(), {"ada", "bob"})
        self.assertEqual(is_online_many([ada, "bob", "cy"]), {ada: True, "bob": True, "cy": False})
        self.assertEqual(list(users_online()), [ada])
        tick()
        self.assertEqual(get_users_online(), {"bob"})

    def test_a_tick_without_a_current_set_deletes_the_old_one(self) -> None:
        report_user("ada")
        tick()
        tick()
        self.assertEqual(get_users_online(), set())
        self.assertEqual(self.members("wo_user_old"), set())

    def test_a_flush_writes_when_they_were_seen(self) -> None:
        report_user("ada")
        call_command("notification_update_counter", verbosity=0)
        self.assertEqual(list(LastSeen.objects.values_list("name", flat=True)), ["ada"])

    def test_rooms_are_refused_with_what_to_do(self) -> None:
        with self.assertRaisesMessage(InvalidOption, "use 'buckets' or 'database'"):
            report_user("ada", room="thread:42")
        self.assertEqual(get_users_online(), set())
