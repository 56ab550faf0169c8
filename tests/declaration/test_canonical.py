"""Values that a database takes for equal are one key, however a program or a database writes them."""

from __future__ import annotations

from unittest import skipUnless

from django.db import connection
from django.test import TransactionTestCase, tag

from tests.support.site import Site

MODELS = """
import datetime, decimal

class Visit(models.Model):
    at = models.DateTimeField()
    address = models.GenericIPAddressField()
    price = models.DecimalField(max_digits=8, decimal_places=2)

class ByMoment(models.Model):
    at = models.DateTimeField(primary_key=True)
    number = models.BigIntegerField(default=0)
    counter = Counter(Visit, "at")

class ByAddress(models.Model):
    address = models.GenericIPAddressField(primary_key=True)
    number = models.BigIntegerField(default=0)
    counter = Counter(Visit, "address")

class ByPrice(models.Model):
    price = models.DecimalField(max_digits=8, decimal_places=2, primary_key=True)
    number = models.BigIntegerField(default=0)
    counter = Counter(Visit, "price")

UTC = datetime.datetime(2026, 1, 1, 12, tzinfo=datetime.UTC)
THERE = UTC.astimezone(datetime.timezone(datetime.timedelta(hours=5)))
SPELLINGS = {
    ByMoment.counter: [UTC, THERE],
    ByAddress.counter: ["2001:db8::1", "2001:0DB8:0:0::1"],
    ByPrice.counter: [decimal.Decimal("1.5"), decimal.Decimal("1.500"), "1.50"],
}
"""

USE = """
for at in (UTC, THERE):
    for address in ("2001:db8::1", "2001:0DB8:0:0::1"):
        for price in ("1.5", "1.50"):
            Visit.objects.create(at=at, address=address, price=price)
Visit.objects.bulk_create([Visit(at=THERE, address="2001:DB8::1", price=decimal.Decimal("1.500")) for _ in range(2)])
def values(): return sorted({value for each, keys in SPELLINGS.items() for value in each.values(keys).values()})
found = [values()]
for each in SPELLINGS: each.flush()
found.append(values())
Visit.objects.last().delete()
for each, keys in SPELLINGS.items(): each.recount(keys)
for each in SPELLINGS: assert each.flush().ok
found.append(values())
rows = [list(each.model.objects.values_list("number", flat=True)) for each in SPELLINGS]
wrong = [one.difference for each, keys in SPELLINGS.items() for one in each.recount(keys, check=True)]
[found, rows, wrong]
"""


@tag("long")
class CanonicalTest(TransactionTestCase):
    def test_moments_addresses_and_decimals_are_one_key_in_every_spelling(self) -> None:
        for zone in ("UTC", "Asia/Tokyo"):
            with self.subTest(zone):
                site = Site(MODELS, more=f"TIME_ZONE = {zone!r}\n")
                self.addCleanup(site.close)
                self.assertEqual(site.run(USE), [[[10], [10], [9]], [[9], [9], [9]], [0, 0, 0]])
                site.manage("notification_recount")
                said = site.manage("notification_recount", "--check")
                self.assertEqual(said.count("1 wrong"), 0, said)


WORDS = """
class Word(models.Model):
    word = models.CharField(max_length=20, primary_key=True, db_collation="{collation}")
    number = models.BigIntegerField(default=0)
    counter = Counter()
"""


@tag("long")
class CollationTest(TransactionTestCase):
    def test_keys_that_are_equal_by_their_columns_collation_are_added_to_one_row_once(self) -> None:
        is_postgresql = connection.vendor == "postgresql"
        site = Site(WORDS.format(collation="nocase_words" if is_postgresql else "NOCASE"), migrate=False)
        self.addCleanup(site.close)
        if is_postgresql:
            create = "CREATE COLLATION nocase_words (provider = icu, locale = 'und-u-ks-level2', deterministic = false)"
            site.run(f'from django.db import connection\nconnection.cursor().execute("{create}")\nNone')
        site.manage("makemigrations", "shop", "-v0")
        site.manage("migrate", "-v0")
        found = site.run(
            """
            Word.counter.add({"A": 3, "a": 5})
            Word.counter.flush()
            Word.counter.add({"a": 1, "b": 2}), Word.counter.flush()
            Word.counter.add({"A": 1, "a": 1, "B": 1, "c": 1}), Word.counter.flush()
            sorted(Word.objects.values_list("number", flat=True)) + [Word.counter.value("a"), Word.counter.value("A")]
            """
        )
        self.assertEqual(found, [1, 3, 11, 11, 11])

    @skipUnless(connection.vendor == "postgresql", "citext is a type of PostgreSQL")
    def test_keys_of_the_type_citext_are_one_key_in_every_read(self) -> None:
        site = Site(CITEXT, migrate=False)
        self.addCleanup(site.close)
        site.run('from django.db import connection\nconnection.cursor().execute("CREATE EXTENSION citext")\nNone')
        site.manage("makemigrations", "shop", "-v0")
        site.manage("migrate", "-v0")
        found = site.run(
            """
            for name in ("Ann", "ann", "ANN", "Bob"): Visit.objects.create(name=name)
            def read(): return [Visits.counter.value("aNN"), *Visits.counter.values(["ann", "Ann", "bob"]).values()]
            found = [read()]
            Visits.counter.flush(), Visit.objects.create(name="ANn")
            found += [read(), [one.difference for one in Visits.counter.recount(["ANN", "ann"])]]
            Visits.counter.flush()
            found += [read(), sorted(Visits.objects.values_list("number", flat=True))]
            found
            """
        )
        self.assertEqual(found, [[3, 3, 3, 1], [4, 4, 4, 1], [0, 0], [4, 4, 4, 1], [1, 4]])
        self.assertIn("W003", site.manage("check", "--database=default"))


CITEXT = """
class CIText(models.TextField):
    def db_type(self, connection):
        return "citext"

class Visit(models.Model):
    name = CIText()

class Visits(models.Model):
    name = CIText(primary_key=True)
    number = models.BigIntegerField(default=0)
    counter = Counter(Visit, "name")
"""
