"""What every buffer must do. A buffer's own test module inherits this and says which settings choose it."""

from __future__ import annotations

import threading
from typing import Any, ClassVar

from django.contrib.auth.models import User
from django.db import connection, connections, transaction

from notifications_counter.exceptions import InvalidDelta, InvalidKey, SourceCounted
from notifications_counter.models import UserNotificationsCount
from tests.support.base import counter, default_buffer, empty_redis, flush_all, notify, true_count
from tests.testapp.models import Click

URL = "https://example.com/"


class Rollback(Exception):
    pass


class BufferContract:
    """Mixed into a ``CounterTestCase``."""

    backend: ClassVar[str]
    options: ClassVar[dict[str, Any]] = {}

    def setUp(self: Any) -> None:
        self.enterContext(default_buffer(self.backend, self.options))
        super().setUp()  # type: ignore[misc]
        empty_redis()
        (self.user,) = self.make_users(1)

    def more_users(self, number: int) -> list[User]:
        return [User.objects.create(username=f"more{place}") for place in range(number)]

    def in_another_connection(self: Any, function: Any) -> Any:
        found: list[Any] = []

        def call() -> None:
            try:
                found.append(function())
            finally:
                connections.close_all()

        thread = threading.Thread(target=call)
        thread.start()
        thread.join(30)
        return found[0]

    # Reads

    def test_value_of_a_key_that_was_never_counted_is_zero(self: Any) -> None:
        self.assertEqual(counter.value(self.user), 0)
        self.assertEqual(counter.value(987_654_321), 0)

    def test_values_are_given_under_the_keys_that_were_asked_for(self: Any) -> None:
        notify(self.user, 2)
        self.assertEqual(
            counter.values([self.user, str(self.user.pk), 10**9]), {self.user: 2, str(self.user.pk): 2, 10**9: 0}
        )

    def test_values_of_no_keys_are_none(self: Any) -> None:
        self.assertEqual(counter.values([]), {})

    def test_values_of_a_thousand_keys_are_exact(self: Any) -> None:
        counter.add({key: key for key in range(1, 1001)})
        self.assertEqual(counter.values(range(1, 1001)), {key: key for key in range(1, 1001)})

    def test_a_read_is_the_same_when_repeated(self: Any) -> None:
        notify(self.user, 3)
        self.assertEqual([counter.value(self.user) for _ in range(4)], [3] * 4)

    def test_a_committed_change_is_read_by_everyone_at_once(self: Any) -> None:
        notify(self.user)
        self.assertEqual(self.in_another_connection(lambda: counter.value(self.user)), 1)
        notify(self.user)
        self.assertEqual(self.in_another_connection(lambda: counter.value(self.user)), 2)

    # Transactions

    def test_a_rolled_back_transaction_leaves_nothing(self: Any) -> None:
        with self.assertRaises(Rollback), transaction.atomic():
            notify(self.user)
            raise Rollback
        self.assertEqual(counter.value(self.user), 0)
        self.assertEqual(counter.status().keys, 0)

    def test_a_rolled_back_inner_block_leaves_just_the_outer_changes(self: Any) -> None:
        with transaction.atomic():
            notify(self.user, 2)
            with self.assertRaises(Rollback), transaction.atomic():
                notify(self.user, 5)
                raise Rollback
            self.assertEqual(counter.value(self.user), 2)
        self.assertEqual(counter.value(self.user), 2)

    def test_an_inner_block_is_counted_when_a_later_one_is_rolled_back(self: Any) -> None:
        with transaction.atomic():
            with transaction.atomic():
                notify(self.user)
            with self.assertRaises(Rollback), transaction.atomic():
                notify(self.user)
                raise Rollback
            with transaction.atomic():
                notify(self.user)
        self.assertEqual(counter.value(self.user), 2)

    def test_a_block_that_is_rolled_back_last_takes_no_other_along(self: Any) -> None:
        with transaction.atomic():
            notify(self.user)
            with transaction.atomic():
                notify(self.user)
            with self.assertRaises(Rollback), transaction.atomic():
                notify(self.user)
                raise Rollback
        self.assertEqual(counter.value(self.user), 2)

    def test_a_transaction_whose_inner_blocks_were_all_rolled_back_leaves_nothing(self: Any) -> None:
        with transaction.atomic():
            for _ in range(3):
                with self.assertRaises(Rollback), transaction.atomic():
                    notify(self.user)
                    raise Rollback
        self.assertEqual(counter.value(self.user), 0)

    def test_a_transaction_reads_its_own_changes_and_no_other_reads_them_before_the_commit(self: Any) -> None:
        with transaction.atomic():
            notify(self.user)
            self.assertEqual(counter.value(self.user), 1)
            if connection.vendor != "sqlite":  # where a second connection would wait for the lock
                self.assertEqual(self.in_another_connection(lambda: counter.value(self.user)), 0)
        self.assertEqual(self.in_another_connection(lambda: counter.value(self.user)), 1)

    def test_a_failing_commit_hook_of_others_keeps_nothing_from_being_counted(self: Any) -> None:
        def fail() -> None:
            raise Rollback

        with self.assertRaises(Rollback), transaction.atomic():
            transaction.on_commit(fail)
            notify(self.user)
        notify(self.user)
        self.assertEqual(counter.value(self.user), 2)

    def test_a_commit_hook_of_others_reads_what_the_transaction_did(self: Any) -> None:
        read = []
        with transaction.atomic():
            transaction.on_commit(lambda: read.append(counter.value(self.user)))
            notify(self.user)
        self.assertEqual(read, [1])

    def test_a_change_with_autocommit_off_is_counted(self: Any) -> None:
        self.assertEqual(counter.value(self.user), 0)
        transaction.set_autocommit(False)
        try:
            notify(self.user)
            transaction.rollback()
            notify(self.user, 2)
            self.assertEqual(counter.value(self.user), 2)
            transaction.commit()
        finally:
            transaction.set_autocommit(True)
        self.assertEqual(counter.value(self.user), 2)
        counter.flush()
        self.assertEqual((counter.value(self.user), self.stored(self.user)), (2, 2))

    # The flush

    def test_a_flush_stores_the_value_and_changes_no_read(self: Any) -> None:
        notify(self.user, 3)
        flushed = counter.flush()
        self.assertEqual((flushed.keys, flushed.amount), (1, 3))
        self.assertEqual((self.stored(self.user), counter.value(self.user)), (3, 3))

    def test_a_second_flush_finds_nothing(self: Any) -> None:
        notify(self.user)
        counter.flush()
        self.assertEqual(counter.flush().keys, 0)
        self.assertEqual(self.stored(self.user), 1)

    def test_changes_after_a_flush_are_added_to_what_it_stored(self: Any) -> None:
        for row in notify(self.user, 4):
            counter.flush()
            self.assertEqual(counter.value(self.user), 4)
            row.delete()
            notify(self.user)
        counter.flush()
        self.assertEqual(self.stored(self.user), 4)

    def test_changes_that_cancel_out_are_not_flushed_as_a_change(self: Any) -> None:
        (row,) = notify(self.user)
        row.delete()
        self.assertEqual(counter.flush().amount, 0)
        self.assertEqual((self.stored(self.user) or 0, counter.value(self.user)), (0, 0))

    def test_a_flush_in_chunks_of_one_stores_everything(self: Any) -> None:
        users = [self.user, *self.more_users(6)]
        for place, user in enumerate(users):
            notify(user, place)
        counter.flush(chunk_size=1)
        self.assert_stored_exact(users)

    def test_a_flush_ends_although_others_go_on_writing(self: Any) -> None:
        notify(self.user, 3)
        asked: list[int] = []

        def write() -> bool:
            asked.append(1)
            self.in_another_connection(lambda: notify(self.user))
            return len(asked) > 50

        self.assertFalse(counter.flush(chunk_size=1, stop=write).stopped)
        self.assertEqual(counter.value(self.user), 3 + len(asked))
        counter.flush()
        self.assertEqual(self.stored(self.user), 3 + len(asked))

    def test_a_stopped_flush_keeps_the_rest_and_the_next_one_applies_it(self: Any) -> None:
        users = [self.user, *self.more_users(5)]
        for user in users:
            notify(user)
        asked: list[int] = []

        def stop() -> bool:
            asked.append(1)
            return len(asked) > 3

        flushed = counter.flush(chunk_size=1, stop=stop)
        self.assertTrue(flushed.stopped)
        self.assertTrue(0 < flushed.keys < 6, flushed)
        self.assert_exact(users)
        counter.flush()
        self.assert_stored_exact(users)

    def test_a_flush_reports_its_progress_up_to_the_end(self: Any) -> None:
        for user in [self.user, *self.more_users(3)]:
            notify(user)
        reports: list[tuple[int, int]] = []
        counter.flush(chunk_size=3, report=lambda done, total: reports.append((done, total)))
        self.assertEqual(reports, sorted(reports))
        self.assertEqual(reports[-1], (4, 4))

    def test_a_deleted_user_gets_no_row_back(self: Any) -> None:
        pk = self.user.pk
        notify(self.user, 2)
        self.user.delete()
        self.assertTrue(counter.flush().ok)
        self.assertFalse(UserNotificationsCount.objects.filter(pk=pk).exists())
        self.assertEqual(counter.status().keys, 0)

    def test_status_says_what_waits_and_what_the_last_flush_did(self: Any) -> None:
        before = counter.status()
        self.assertEqual((before.keys, before.amount, before.flushed_at), (0, 0, None))
        notify(self.user, 2)
        notify(self.more_users(1)[0])
        self.assertEqual((counter.status().keys, counter.status().amount), (2, 3))
        counter.flush()
        after = counter.status()
        self.assertEqual((after.keys, after.amount, after.recount_requests, after.flushed_keys), (0, 0, 0, 2))
        self.assertLess(after.flush_age, 60)

    # Events

    def test_events_are_counted_under_keys_that_are_text(self: Any) -> None:
        Click.counter.add({URL: 1})
        Click.counter.add({URL: 2, URL + "Ä": 5})
        self.assertEqual(Click.counter.values([URL, URL + "Ä", URL + "ä"]), {URL: 3, URL + "Ä": 5, URL + "ä": 0})
        flush_all()
        self.assertEqual(dict(Click.objects.values_list("url", "clicks")), {URL: 3, URL + "Ä": 5})
        self.assertEqual(Click.counter.value(URL), 3)

    def test_events_of_a_rolled_back_transaction_are_not_counted(self: Any) -> None:
        with self.assertRaises(Rollback), transaction.atomic():
            Click.counter.add({URL: 1})
            self.assertEqual(Click.counter.value(URL), 1)
            raise Rollback
        self.assertEqual(Click.counter.value(URL), 0)

    def test_events_added_to_rows_are_stored_and_read_at_once_beside_pending_ones(self: Any) -> None:
        Click.counter.add({URL: 1})
        self.assertEqual(Click.counter.value(URL), 1)  # cached, where something is
        Click.counter.add_to_rows({URL: 2, URL + "a": 3, URL + "b": 0})
        self.assertEqual(Click.counter.values([URL, URL + "a", URL + "b"]), {URL: 3, URL + "a": 3, URL + "b": 0})
        self.assertEqual(Click.objects.get(url=URL + "a").clicks, 3)
        flush_all()
        self.assertEqual(dict(Click.objects.values_list("url", "clicks")), {URL: 3, URL + "a": 3})

    def test_events_added_to_rows_belong_to_the_transaction(self: Any) -> None:
        Click.counter.add_to_rows({URL: 1})
        with self.assertRaises(Rollback), transaction.atomic():
            Click.counter.add_to_rows({URL: 4})
            self.assertEqual(Click.counter.value(URL), 5)
            self.assertEqual(self.in_another_connection(lambda: Click.counter.value(URL)), 1)
            raise Rollback
        self.assertEqual(Click.counter.value(URL), 1)

    def test_events_added_to_rows_are_read_after_the_commit_whatever_others_read_before_it(self: Any) -> None:
        with transaction.atomic():
            Click.counter.add_to_rows({URL: 4})
            self.assertEqual(self.in_another_connection(lambda: Click.counter.value(URL)), 0)
        self.assertEqual(Click.counter.value(URL), 4)
        self.assertEqual(self.in_another_connection(lambda: Click.counter.value(URL)), 4)

    def test_nothing_is_added_to_rows_of_a_counter_with_a_source_or_by_a_wrong_delta(self: Any) -> None:
        with self.assertRaisesMessage(SourceCounted, "Use add()"):
            counter.add_to_rows({self.user: 1})
        with self.assertRaises(InvalidDelta):
            Click.counter.add_to_rows({URL: 1, URL + "a": 1.5})
        self.assertEqual(Click.objects.count(), 0)

    def test_two_counters_do_not_mix(self: Any) -> None:
        notify(self.user, 2)
        Click.counter.add({str(self.user.pk): 7})
        self.assertEqual((counter.value(self.user), Click.counter.value(str(self.user.pk))), (2, 7))
        counter.flush()
        self.assertEqual(Click.objects.count(), 0)
        self.assertEqual(Click.counter.value(str(self.user.pk)), 7)

    def test_a_key_that_only_this_database_refuses_keeps_no_other_from_being_flushed(self: Any) -> None:
        try:
            counter.store().to_pk("0")
        except InvalidKey:
            pass
        else:
            self.skipTest("only MariaDB with Django before 6.1 refuses 0")
        counter.add({0: 1, self.user: 2})
        with self.assertLogs("notifications_counter", "ERROR"):
            self.assertEqual(len(counter.flush().problems), 1)
        self.assertEqual(self.stored(self.user), 2)
        with self.assertRaises(InvalidKey):
            counter.value(0)

    def test_a_key_that_not_every_database_holds_is_refused(self: Any) -> None:
        for key in ("a\x00b", "a\ud800b"):
            with self.assertRaises(InvalidKey):
                Click.counter.add({URL: 1, key: 1})
        self.assertEqual(Click.counter.value(URL), 0)

    def test_odd_keys_are_counted_each_by_itself(self: Any) -> None:
        keys = ["a", "A", "á", "a\nb", "\U0001f600'\"\\%s{}", "", "x" * 200]
        Click.counter.add({key: place for place, key in enumerate(keys, 1)})
        self.assertEqual(list(Click.counter.values(keys).values()), list(range(1, len(keys) + 1)))
        Click.counter.flush()
        self.assertEqual(Click.counter.status().keys, 0)

    def test_many_odd_keys_are_counted_each_by_itself_in_one_change(self: Any) -> None:
        odd = ["a,b", "!", "[", "á", "\n", "\x7f", "\U0001f600'\"\\%s{}"]
        deltas = {f"{number}{text}": number - 30 for number in range(60) if number != 30 for text in odd}
        Click.counter.add(deltas)
        self.assertEqual(Click.counter.values(list(deltas)), deltas)
        Click.counter.flush()
        self.assertEqual(dict(Click.objects.values_list("url", "clicks")), deltas)

    def test_a_count_passes_below_zero_and_back(self: Any) -> None:
        counter.add({self.user: -3})
        counter.flush()
        self.assertEqual(self.stored(self.user), -3)
        counter.add({self.user: 3})
        counter.flush()
        self.assertEqual(self.stored(self.user), true_count(self.user))
