"""Each change of a user's numbers has a higher revision, whatever makes it; and another epoch where nobody can tell."""

from django.db import transaction

from notifications_counter.identity_table import Identity
from notifications_counter.inbox.numbers import numbers_of
from notifications_counter.ledger import identity
from notifications_counter.models import Notification, UserNotificationsCount
from tests.support.base import CounterTestCase


class RevisionTest(CounterTestCase):
    def setUp(self):
        super().setUp()
        self.user, self.other = self.make_users(2)
        self.before = numbers_of(self.user)

    def assert_risen(self, **expected):
        now = numbers_of(self.user)
        self.assertEqual(now.epoch, self.before.epoch)
        self.assertGreater(now.revision, self.before.revision)
        self.assertEqual({name: getattr(now, name) for name in expected}, expected)
        self.before = now

    def test_each_kind_of_change_has_a_higher_revision(self):
        one = Notification.objects.create(user=self.user, text="one", kind="comment")
        self.assert_risen(unread=1, unseen=1, by_kind={"comment": 1})
        Notification.objects.filter(pk=one.pk).update(kind="like")
        self.assert_risen(unread=1, by_kind={"like": 1})
        Notification.objects.of(self.user).mark_as_seen()
        self.assert_risen(unread=1, unseen=0)
        one.refresh_from_db()
        one.has_read = True
        one.save()
        self.assert_risen(unread=0, by_kind={})
        Notification.objects.of(self.user).mark_as_unread()
        self.assert_risen(unread=1, unseen=0)
        Notification.objects.bulk_create([Notification(user=self.user, text=text) for text in "abc"])
        self.assert_risen(unread=4, unseen=3, by_kind={"": 3, "like": 1})
        Notification.objects.of(self.user).delete()
        self.assert_risen(unread=0, unseen=0, by_kind={})

    def test_what_changes_no_number_has_the_same_revision_and_etag(self):
        one = Notification.objects.create(user=self.user, text="one")
        before = numbers_of(self.user)
        Notification.objects.filter(pk=one.pk).update(text="two")
        Notification.objects.create(user=self.other, text="one")
        self.assertEqual(numbers_of(self.user), before)
        self.assertEqual(numbers_of(self.user).etag, before.etag)

    def test_a_change_that_is_rolled_back_has_the_revision_of_before(self):
        with transaction.atomic():
            Notification.objects.create(user=self.user, text="one")
            self.assertEqual(numbers_of(self.user).unread, 1)
            transaction.set_rollback(True)
        self.assertEqual(numbers_of(self.user), self.before)

    def test_a_change_by_hand_and_what_a_recount_corrects_have_a_higher_revision(self):
        UserNotificationsCount.counter.add({self.user.pk: 2})
        self.assert_risen(unread=2)
        UserNotificationsCount.counter.flush()
        UserNotificationsCount.counter.recount([self.user])
        self.assert_risen(unread=0)
        UserNotificationsCount.counter.request_recount([self.user])
        self.assert_risen(unread=0)

    def test_a_flush_changes_no_revision(self):
        Notification.objects.create(user=self.user, text="one")
        before = numbers_of(self.user)
        for label in ("Revision", "UnseenCount", "UnreadByKind"):
            from notifications_counter.counters import get_counter

            get_counter(f"notifications_counter_inbox.{label}").flush()
        self.assertEqual((numbers_of(self.user).revision, numbers_of(self.user).unread), (before.revision, 1))

    def test_a_restored_database_has_another_epoch_before_and_after_a_flush_notices_it(self):
        Notification.objects.create(user=self.user, text="one")
        original = numbers_of(self.user).epoch
        Identity.objects.update(fingerprint="of another place")
        identity.forget()
        unnoticed = numbers_of(self.user)
        UserNotificationsCount.counter.flush()
        noticed = numbers_of(self.user)
        self.assertEqual(len({original, unnoticed.epoch, noticed.epoch}), 3)
        self.assertEqual((unnoticed.unread, noticed.unread), (1, 1))
