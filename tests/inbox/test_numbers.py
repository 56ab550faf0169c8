"""All numbers of a user are read together, by as few queries as there can be, and are those of a plain count."""

from collections import Counter as Tally
from threading import Thread

from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from notifications_counter.counters import counters
from notifications_counter.inbox.models import UnreadByKind
from notifications_counter.inbox.numbers import numbers_and_total_of, numbers_of
from notifications_counter.models import Notification, UserNotificationsCount
from tests.support.base import CounterTestCase, flush_all, uses_redis
from tests.support.walks import by_effort


class NumbersTest(CounterTestCase):
    def setUp(self):
        super().setUp()
        self.user, self.other = self.make_users(2)
        kinds = ["comment", "comment", "a,b!", "", "like"]
        for place, kind in enumerate(kinds):
            Notification.objects.create(user=self.user, text="one", kind=kind, has_read=place == 1, seen=place == 2)
        Notification.objects.create(user=self.other, text="other", kind="comment")

    def assert_as_counted(self):
        self._assert_as_counted()
        self.forget_cached()
        self._assert_as_counted()

    def _assert_as_counted(self):
        numbers, total = numbers_and_total_of(self.user)
        rows = list(Notification.objects.filter(user=self.user))
        unread = [row for row in rows if not row.has_read]
        expected = (len(unread), len([row for row in unread if not row.seen]), Tally(row.kind for row in unread))
        self.assertEqual((numbers.unread, numbers.unseen, numbers.by_kind), expected)
        self.assertEqual(total, len(rows))

    def forget_cached(self):
        for each in counters():
            each.buffer.clear_cache(each.store())

    def test_they_are_those_of_a_plain_count_whatever_is_flushed(self):
        self.assert_as_counted()
        flush_all()
        self.assert_as_counted()
        Notification.objects.of(self.user).filter(kind="comment").mark_as_unread()
        Notification.objects.of(self.user).filter(kind="like").delete()
        self.assert_as_counted()
        with transaction.atomic():
            Notification.objects.create(user=self.user, text="own")
            self.assert_as_counted()

    def test_they_are_read_by_one_query_and_none_where_they_are_cached(self):
        numbers_of(self.user)
        with CaptureQueriesContext(connection) as queries:
            numbers_of(self.user)
        self.assertEqual(len(queries), 0 if uses_redis() else 1)
        with CaptureQueriesContext(connection) as queries:
            numbers_and_total_of(self.user)
        self.assertEqual(len(queries), 1)

    def test_where_nothing_is_cached_they_are_read_by_one_query_with_the_total(self):
        for change in (flush_all, lambda: None, lambda: Notification.objects.create(user=self.user, text="one more")):
            change()
            numbers_of(self.user)  # settles what a process learns once
            self.forget_cached()
            with CaptureQueriesContext(connection) as queries:
                numbers, total = numbers_and_total_of(self.user)
            self.assertEqual(len(queries), 1, [query["sql"] for query in queries])
            self.assertEqual(total, Notification.objects.of(self.user).count())
            self.assertEqual(numbers.unread, Notification.objects.of(self.user).unread().count())

    def test_where_a_recount_is_requested_the_rows_are_counted(self):
        Notification.objects.filter(user=self.user, kind="like")._raw_delete("default")
        UserNotificationsCount.counter.request_recount([self.user])
        self.assertEqual(numbers_of(self.user).unread, 3)
        UnreadByKind.counter.request_recount([(self.user, "like")])
        self.assertEqual(numbers_of(self.user).by_kind, {"a,b!": 1, "": 1, "comment": 1})

    def test_whoever_knows_the_last_revision_knows_the_last_numbers_whatever_happened_while_they_were_read(self):
        numbers_of(self.user)
        for place in range(by_effort(5, 12, 200)):
            if place % 3 == 0:
                self.forget_cached()
            writer = Thread(target=self.write, args=(place,))
            writer.start()
            seen = []
            while writer.is_alive():
                seen.append(numbers_of(self.user))
            writer.join()
            last = numbers_of(self.user)
            known = [one for one in seen if (one.epoch, one.revision) == (last.epoch, last.revision)]
            self.assertEqual([one for one in known if one != last], [], f"{last}, round {place}")
            self.assertEqual([one.revision for one in seen], sorted(one.revision for one in seen))
        self.assert_as_counted()

    def write(self, place):
        try:
            with transaction.atomic():
                for kind in ("comment", "like"):
                    Notification.objects.create(user=self.user, text="one", kind=kind)
            if place % 5 == 0:
                flush_all()
            Notification.objects.of(self.user).filter(kind="comment").mark_as_read()
        finally:
            connection.close()
