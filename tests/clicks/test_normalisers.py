"""A new version of the library that normalises, or other settings: what is stored is compared, and moved."""

from datetime import date
from io import StringIO

from django.core.checks import run_checks
from django.core.management import CommandError, call_command
from django.db import DEFAULT_DB_ALIAS

from notifications_counter.contrib.clicks.models import Click, ClickDay, Normaliser
from notifications_counter.contrib.clicks.normalisers import remember, remember_first
from tests.support.base import CounterTestCase

from .test_recording import flush
from .test_redirect import settings_with

OLD, NEW = "https://example.com/?b=1&a=2", "https://example.com/?a=2&b=1"


def warned() -> list[str | None]:
    found = run_checks(databases=[DEFAULT_DB_ALIAS])
    return [one.id for one in found if one.id and one.id.startswith("notifications_counter.W10")]


def checked(**options: object) -> str:
    out = StringIO()
    call_command("notification_check_urls", stdout=out, **options)
    return out.getvalue()


class NormaliserTests(CounterTestCase):
    def setUp(self) -> None:
        super().setUp()
        remember()

    def test_a_version_that_has_been_checked_is_not_warned_of(self) -> None:
        self.assertEqual(warned(), [])

    def test_another_version_is_warned_of_until_it_is_checked(self) -> None:
        Normaliser.objects.update(library="ada-url 3.0.0")
        self.assertEqual(warned(), ["notifications_counter.W101"])
        self.assertIn("0 addresses moved. All are as ada-url ", checked())
        self.assertEqual(warned(), [])

    def test_addresses_that_are_others_now_are_named_and_not_moved(self) -> None:
        Click.objects.increment_clicks(OLD, 3)
        with settings_with(SORT_QUERY=True):
            self.assertEqual(warned(), ["notifications_counter.W101"])
            with self.assertRaisesMessage(CommandError, "1 addresses are others now"):
                checked()
            self.assertEqual(warned(), ["notifications_counter.W101"])
        self.assertEqual(Click.humans.values([OLD, NEW]), {OLD: 3, NEW: 0})

    def test_their_clicks_are_moved_on_demand_day_by_day(self) -> None:
        first, second = date(2026, 3, 1), date(2026, 3, 2)
        Click.objects.add_clicks({(OLD, first): 3, (OLD, second): 2, (NEW, first): 10}, {(OLD, first): 1})
        with settings_with(SORT_QUERY=True):
            said = checked(move=True)
            self.assertIn(f"'{OLD}' is now '{NEW}'", said)
            self.assertIn("1 addresses moved", said)
            self.assertIn("0 addresses moved", checked())
            self.assertEqual(warned(), [])
        flush()
        click = Click.objects.get(url=NEW)
        self.assertEqual((click.click_count, click.bot_count), (15, 1))
        self.assertEqual(ClickDay.humans.values_of(NEW), {first: 13, second: 2})
        self.assertEqual(ClickDay.bots.values_of(NEW), {first: 1})
        self.assertEqual((Click.humans.value(OLD), ClickDay.humans.values_of(OLD)), (0, {}))

    def test_addresses_that_cannot_be_counted_any_more_keep_their_clicks(self) -> None:
        long = f"https://example.com/{'a' * 30}"
        Click.objects.increment_clicks(long)
        with settings_with(MAX_LENGTH=30):
            self.assertIn("1 addresses can no longer be counted", checked())
        self.assertEqual(Click.humans.value(long), 1)

    def test_a_new_database_knows_its_version(self) -> None:
        Normaliser.objects.all().delete()
        remember_first(DEFAULT_DB_ALIAS)
        self.assertEqual(warned(), [])

    def test_a_database_with_clicks_of_an_unknown_version_does_not(self) -> None:
        Normaliser.objects.all().delete()
        Click.objects.increment_clicks(OLD)
        flush()
        remember_first(DEFAULT_DB_ALIAS)
        self.assertEqual(warned(), ["notifications_counter.W101"])


class CheckTests(CounterTestCase):
    def test_wrong_settings_are_said(self) -> None:
        for values, said in (
            ({"ALLOWED_HOSTS": "example.com"}, "must be a list of texts"),
            ({"ALLOWED_HOSTS": ["*"]}, "open redirect"),
            ({"ALLOWED_HOSTS": ["https://example.com"]}, "is not a host"),
            ({"ALLOWED_HOSTS": ["."]}, "is not a host"),
            ({"ALLOWED_HOSTS": ["example.com%00"]}, "is no host"),
            ({"ALLOWED_HOSTS": ["example.com:99999"]}, "is no host"),
            ({"SORT_QUERY": 1}, "must be True or False, not 1"),
            ({"MAX_LENGTH": 0}, "from 1 to 489"),
            ({"MAX_LENGHT": 5}, "Did you mean 'MAX_LENGTH'"),
        ):
            with self.subTest(values), settings_with(**values):
                found = [one for one in run_checks(tags=["compatibility"]) if one.id == "notifications_counter.E100"]
                self.assertEqual(len(found), 1)
                self.assertIn(said, found[0].msg)

    def test_clicks_without_an_address_are_said(self) -> None:
        with self.settings(ROOT_URLCONF="tests.urls"):
            found = [one.id for one in run_checks(tags=["urls"])]
        self.assertIn("notifications_counter.W100", found)
        self.assertNotIn("notifications_counter.W100", [one.id for one in run_checks(tags=["urls"])])
