"""Several counters on one count model: the row that one of them makes says nothing of the others."""

from __future__ import annotations

from notifications_counter.annotations import value_of
from tests.shop.models import Page, PagesByAddress
from tests.support.base import CounterTestCase, uses_redis

COUNTERS = {"number": PagesByAddress.counter, "seen": PagesByAddress.of_seen, "unseen": PagesByAddress.of_unseen}


class CountColumnsTest(CounterTestCase):
    def assert_counts(self, **expected: int) -> None:
        for name, counter in COUNTERS.items():
            self.assertEqual(counter.value("/"), expected[name], name)
            self.assertEqual(counter.values(["/"]), {"/": expected[name]}, name)
            if not uses_redis():
                values = PagesByAddress.objects.annotate(value=value_of(counter)).values_list("value", flat=True)
                self.assertEqual(list(values), [expected[name]], name)

    def test_a_row_that_one_counter_makes_holds_no_number_of_the_others(self) -> None:
        Page.objects.create(address="/")
        PagesByAddress.counter.flush()
        self.assert_counts(number=1, seen=0, unseen=1)
        Page.objects.create(address="/", seen=True)
        for counter in COUNTERS.values():
            self.assertEqual(counter.flush().error, "")
        self.assert_counts(number=2, seen=1, unseen=1)
        row = PagesByAddress.objects.get()
        self.assertEqual((row.number, row.seen, row.unseen), (2, 1, 1))

    def test_null_in_a_row_that_was_there_counts_as_0(self) -> None:
        PagesByAddress.objects.bulk_create([PagesByAddress(address="/", number=0, seen=None, unseen=0)])
        self.assert_counts(number=0, seen=0, unseen=0)
        Page.objects.create(address="/", seen=True)
        for counter in COUNTERS.values():
            counter.flush()
        self.assert_counts(number=1, seen=1, unseen=0)
        self.assertEqual(PagesByAddress.objects.get().seen, 1)

    def test_a_row_made_by_hand_leaves_the_values_as_they_are(self) -> None:
        Page.objects.create(address="/", seen=True)
        PagesByAddress.objects.create(address="/")
        self.assert_counts(number=1, seen=1, unseen=0)
        for counter in COUNTERS.values():
            counter.flush()
        row = PagesByAddress.objects.get()
        self.assertEqual((row.number, row.seen, row.unseen), (1, 1, 0))
