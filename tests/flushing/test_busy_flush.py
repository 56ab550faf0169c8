"""A flush ends, however fast writers are."""

from unittest import mock

from notifications_counter.applying.apply import Applier
from notifications_counter.flushing.flush import Flush
from notifications_counter.ledger.tables import Delta
from tests.support.base import CounterTestCase, counter, notify, uses_redis


class BusyFlushTest(CounterTestCase):
    def test_a_flush_ends_though_something_is_written_after_each_chunk(self) -> None:
        users = self.make_users(6)
        next_chunk, left = Applier.next_chunk, iter(range(100))

        def written_after(applier: Applier, done: int) -> None:
            next_chunk(applier, done)
            if done:
                notify(users[next(left) % 6])
                notify(users[next(left) % 6])

        for user in users:
            notify(user)
        with mock.patch.object(Applier, "next_chunk", written_after):
            self.assertTrue(counter.flush(chunk_size=1).ok)
        self.assert_exact(users)
        self.assertGreater(counter.status().keys if uses_redis() else Delta.objects.count(), 0)
        counter.flush()
        self.assert_stored_exact(users)

    def test_a_flush_ends_though_a_recount_is_asked_for_after_each(self) -> None:
        (user,) = self.make_users(1)
        stored = counter.store()
        asks = iter(range(100))
        recount = Flush._recount

        def asked_after(flush: Flush, keys: set[str]) -> bool:
            next(asks)
            done = recount(flush, keys)
            stored.insert_deltas({str(user.pk): None})
            return done

        stored.insert_deltas({str(user.pk): None})
        with mock.patch.object(Flush, "_recount", asked_after):
            self.assertTrue(counter.flush().ok)
        counter.flush()
        self.assertEqual(Delta.objects.count(), 0)
