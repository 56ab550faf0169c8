"""What the views, the page and adapters share: it takes what a client has sent, and refuses what cannot be."""

from notifications_counter.inbox import operations
from notifications_counter.inbox.operations import InvalidInput
from notifications_counter.inbox.paging import Cursor
from notifications_counter.models import Notification
from tests.support.base import CounterTestCase, notify


class OperationsTest(CounterTestCase):
    def setUp(self):
        super().setUp()
        self.user, self.other = self.make_users(2)

    def test_a_cursor_of_each_length_leads_to_the_next_page(self):
        (made,) = notify(self.user)
        for digits in range(1, 19):
            made.pk = 10**digits
            cursor = Cursor.of(made)
            self.assertEqual(Cursor.parse(str(cursor)), cursor)
        self.assertEqual(
            operations.list_notifications(self.user, cursor=str(cursor)).notifications, [made.__class__.objects.get()]
        )

    def test_users_are_given_as_instances_or_primary_keys(self):
        (one, _) = notify(self.user, 2)
        notify(self.other)
        for user in (self.user, self.user.pk):
            listing = operations.list_notifications(user, limit=1)
            self.assertEqual((listing.total, listing.numbers.unread, len(listing.notifications)), (2, 2, 1))
            self.assertIsNotNone(listing.next_cursor)
            self.assertEqual(operations.get_notification(user, one.pk), one)
        self.assertIsNone(operations.get_notification(self.other, one.pk))

    def test_marks_and_deletes_say_how_many_have_changed(self):
        made = notify(self.user, 3)
        (theirs,) = notify(self.other)
        ids = [one.pk for one in made[:2]] + [theirs.pk]
        self.assertEqual(operations.mark(self.user, ids, read=True), 2)
        self.assertEqual(operations.mark(self.user, iter(ids), read=True), 0)
        self.assertEqual(operations.mark_all_as_seen(self.user), 1)
        self.assertEqual(operations.mark_all_as_read(self.user), 1)
        self.assertEqual(operations.delete(self.user, [*ids, *ids]), 2)
        self.assertEqual(operations.list_notifications(self.user).total, 1)
        self.assertTrue(Notification.objects.filter(pk=theirs.pk, has_read=False, seen=False).exists())
        self.assert_exact([self.user, self.other])

    def test_what_cannot_be_is_refused_before_anything_changes(self):
        (one,) = notify(self.user)
        for ids in ([one.pk, "1"], [one.pk, None], [one.pk, True], [one.pk, 1.5], [one.pk] * 501):
            for change in (operations.delete, lambda *given: operations.mark(*given, read=True)):
                with self.assertRaises(InvalidInput):
                    change(self.user, ids)
        for given in (
            {"limit": 0},
            {"limit": 201},
            {"limit": True},
            {"limit": "5"},
            {"kind": "a\0"},
            {"kind": "x" * 65},
        ):
            with self.assertRaises(InvalidInput):
                operations.list_notifications(self.user, **given)
        self.assertEqual(operations.list_notifications(self.user, kind="").numbers.unread, 1)
