"""Sending: who gets what, how often, and what is refused."""

import uuid

from asgiref.sync import async_to_sync
from django.contrib.auth.models import AnonymousUser, Group, User
from django.db import connection, transaction
from django.db.models import Count
from django.test.utils import CaptureQueriesContext
from django.urls import reverse_lazy
from django.utils.functional import SimpleLazyObject
from django.utils.translation import gettext_lazy

from notifications_counter.capture import feed
from notifications_counter.exceptions import InvalidNotification, InvalidRecipients
from notifications_counter.inbox import Sent, anotify, notify
from notifications_counter.inbox.models import UnreadByKind, UnseenCount
from notifications_counter.inbox.recipients import Named, recipients
from notifications_counter.models import Notification
from tests.support.base import CounterTestCase
from tests.testapp.models import Click, Team, Ticket


class SendingTestCase(CounterTestCase):
    def setUp(self):
        super().setUp()
        self.users = self.make_users(5)

    def numbers(self):
        """User -> how many notifications."""
        return dict(User.objects.order_by("pk").values_list("username").annotate(Count("inbox_notifications")))

    def assert_exact(self, users=None, said=""):
        users = users or User.objects.all()
        super().assert_exact(users, said)
        for user in users:
            unread = Notification.objects.filter(user=user, has_read=False)
            self.assertEqual(UnseenCount.counter.value(user), unread.filter(seen=False).count())
            by_kind = dict(unread.values_list("kind").order_by("kind").annotate(Count("pk")))
            self.assertEqual(UnreadByKind.counter.values_of(user), by_kind)


class RecipientsTest(SendingTestCase):
    def assert_got(self, *names):
        self.assertEqual([name for name, number in self.numbers().items() for _ in range(number)], list(names))
        self.assert_exact()

    def test_a_user_gets_it_with_all_that_belongs_to_it(self):
        one, ada, *_ = self.users
        ticket = Ticket.objects.create()
        sent = notify(
            one, "Answered", kind="reply", url="/t/1", actor=ada, target=ticket, data={"words": [1, None, "é"]}
        )
        self.assertEqual(sent, Sent(sent=1))
        row = Notification.objects.get()
        self.assertEqual((row.user, row.text, row.kind, row.url), (one, "Answered", "reply", "/t/1"))
        self.assertEqual((row.actor, row.target, row.data), (ada, ticket, {"words": [1, None, "é"]}))
        self.assertEqual((row.has_read, row.seen), (False, False))
        self.assertEqual(Notification.objects.about(ticket).get(), row)
        self.assert_got("user0")

    def test_a_user_who_is_looked_up_lazily_as_that_of_a_request_gets_it(self):
        notify(SimpleLazyObject(lambda: self.users[0]), "x")
        self.assert_got("user0")

    def test_a_primary_key_names_its_user(self):
        notify(self.users[1].pk, "x")
        self.assert_got("user1")

    def test_of_an_iterable_each_gets_it_once_and_keys_of_nobody_are_reported(self):
        one, two, three, *_ = self.users
        given = (each for each in [two, one.pk, one, str(two.pk), three, 10**9])
        self.assertEqual(notify(given, "x", slice_size=2), Sent(sent=3, unknown=1))
        self.assert_got("user0", "user1", "user2")

    def test_a_queryset_is_read_in_slices_whatever_order_it_has(self):
        for users in (
            User.objects.order_by("-username"),
            User.objects.order_by("-pk"),
            User.objects.order_by("pk").reverse(),
            User.objects.filter(username__in=[user.username for user in self.users]).distinct(),
        ):
            with self.subTest(str(users.query)):
                Notification.objects.all().delete()
                self.assertEqual(notify(users, "x", slice_size=2), Sent(sent=5))
                self.assert_got("user0", "user1", "user2", "user3", "user4")

    def test_a_queryset_that_names_a_user_several_times_gives_each_one(self):
        groups = [Group.objects.create(name=name) for name in "abc"]
        for user in self.users[:3]:
            user.groups.set(groups)
        self.assertEqual(notify(User.objects.filter(groups__in=groups), "x", slice_size=2), Sent(sent=3))
        self.assert_got("user0", "user1", "user2")

    def test_a_slice_of_a_queryset_and_a_union_give_just_these(self):
        notify(User.objects.order_by("-username")[1:3], "x", slice_size=1)
        self.assert_got("user2", "user3")
        notify(User.objects.filter(username="user0").union(User.objects.filter(username="user3")), "x")
        self.assert_got("user0", "user2", "user3", "user3")

    def test_the_members_of_a_group_get_it(self):
        group = Group.objects.create(name="staff")
        group.user_set.set(self.users[2:4])
        self.assertEqual(notify(group, "x"), Sent(sent=2))
        self.assert_got("user2", "user3")

    def test_users_that_come_meanwhile_are_no_reason_to_pass_over_anyone(self):
        def add(sent):
            User.objects.create(username=f"new{sent.sent}")

        notify(User.objects.filter(username__startswith="user"), "x", slice_size=2, progress=add)
        self.assert_got("user0", "user1", "user2", "user3", "user4")

    def test_named_recipients_are_found_by_a_function(self):
        recipients("test")(lambda after: User.objects.filter(username__gt=after))
        User.objects.filter(username="user1").update(is_active=False)
        notify(Named("test", {"after": "user2"}), "x")
        notify(Named("everyone"), "x")
        self.assert_got("user0", "user2", "user3", "user3", "user4", "user4")

    def test_nobody_is_no_error(self):
        for given in ([], User.objects.none(), Group.objects.create(name="empty")):
            self.assertEqual(notify(given, "x"), Sent())

    def test_what_names_nobody_is_refused_before_anything_is_sent(self):
        for given in (
            "ada",
            b"1",
            None,
            1.5,
            True,
            {"users": [1]},
            AnonymousUser(),
            User(username="unsaved"),
            Group(name="unsaved"),
            Team(),
            Ticket.objects.all(),
            [self.users[0], "no number"],
            [self.users[0], None],
            [self.users[0].pk, True],
            [self.users[0], Team.objects.create()],
            Named("nobody"),
        ):
            with self.subTest(repr(given)), self.assertRaises(InvalidRecipients):
                notify(given, "x")
        self.assertEqual(Notification.objects.count(), 0)

    def test_a_user_who_has_a_key_but_no_row_yet_is_said_to_be_unsaved(self):
        unsaved = User(pk=10**6, username="unsaved")
        for given in (unsaved, [self.users[0], unsaved], (user for user in [self.users[0], unsaved])):
            with self.assertRaisesRegex(InvalidRecipients, "unsaved.* has not been saved"):
                notify(given, "x")
        self.assertEqual(Notification.objects.count(), 0)

    def test_it_can_be_awaited(self):
        self.assertEqual(async_to_sync(anotify)(self.users[:2], "x", kind="k"), Sent(sent=2))
        self.assert_got("user0", "user1")

    def test_subscribers_of_the_feed_are_told_of_each_row(self):
        told = []

        def receive(changes, using):
            told.extend((change.pk, change.before, change.after) for change in changes)

        feed.subscribe(Notification, ["user_id", "text"], receive)
        self.addCleanup(feed.unsubscribe, receive)
        notify(self.users[:3], "x", kind="k")
        rows = Notification.objects.order_by("pk")
        expected = [(row.pk, None, {"user_id": row.user_id, "text": "x"}) for row in rows]
        if connection.features.can_return_rows_from_bulk_insert:
            self.assertEqual(sorted(told), expected)


class ContentTest(SendingTestCase):
    def test_lazy_texts_are_evaluated(self):
        notify(self.users[0], gettext_lazy("Inbox"), url=reverse_lazy("admin:index"))
        row = Notification.objects.get()
        self.assertEqual((row.text, row.url), ("Inbox", str(reverse_lazy("admin:index"))))

    def test_addresses_that_are_paths_or_lead_to_a_site_are_kept(self):
        for url in ("", "/", "/a?b=c#d", "a/b", "?page=2", "#top", "http://example.org/x", "HTTPS://example.org"):
            with self.subTest(url):
                notify(self.users[0], "x", url=url)
                self.assertEqual(Notification.objects.latest("pk").url, url)

    def test_what_cannot_be_kept_or_would_do_harm_is_refused_before_anything_is_sent(self):
        loop: list[object] = []
        loop.append(loop)
        for name, value in (
            *[("text", value) for value in ("", " \n", None, 5, b"x", "a\0b")],
            *[("kind", value) for value in ("k" * 65, None, 5, "a\0")],
            ("url", "javascript:alert(1)"),
            ("url", "JavaScript:alert(1)"),
            ("url", " javascript:alert(1)"),
            ("url", "java\nscript:alert(1)"),
            ("url", "data:text/html,x"),
            ("url", "vbscript:x"),
            ("url", "//evil.example"),
            ("url", "/\\evil.example"),
            ("url", "\\\\evil.example"),
            ("url", "/a\r\nSet-Cookie: x=y"),
            ("url", "http:evil.example"),
            ("url", "http:///evil.example"),
            ("url", "http://[evil"),
            ("url", "/" + "a" * 500),
            ("url", None),
            ("text", "half of a pair \ud83d"),
            ("kind", "\ud83d"),
            ("actor", User(username="unsaved")),
            ("actor", User(pk=10**6, username="unsaved")),
            ("actor", AnonymousUser()),
            ("actor", self.users[0].pk),
            ("target", Ticket()),
            ("target", Team()),
            ("target", "testapp.Ticket"),
            ("target", Click(url="https://example.org/" + "a" * 300)),
            ("data", {1, 2}),
            ("data", float("nan")),
            ("data", {"a": "b\0"}),
            ("data", {"a": "\ud83d"}),
            ("data", loop),
            ("key", ""),
            ("key", "k" * 201),
            ("key", 5),
            ("slice_size", 0),
            ("slice_size", True),
        ):
            arguments = {"text": "x", name: value}
            with self.subTest(name, value=repr(value)[:40]), self.assertRaisesRegex(InvalidNotification, name):
                notify(self.users, **arguments)
        self.assertEqual(Notification.objects.count(), 0)

    def test_data_with_a_backslash_before_a_u_is_no_nul(self):
        notify(self.users[0], "x", data="\\u0000")
        self.assertEqual(Notification.objects.get().data, "\\u0000")


class KeyTest(SendingTestCase):
    def test_whoever_has_a_key_already_is_passed_over(self):
        self.assertEqual(notify(self.users[:3], "x", key="a"), Sent(sent=3))
        self.assertEqual(notify(self.users, "y", key="a", slice_size=2), Sent(sent=2, already_sent=3))
        self.assertEqual(notify(User.objects.all(), "z", key="b"), Sent(sent=5))
        self.assertEqual(set(self.numbers().values()), {2})
        self.assert_exact()

    def test_keys_of_any_characters_are_told_apart(self):
        for key in ("a", "A", "a ", "é", "\ud800", "a" * 200, "a" * 199):
            self.assertEqual(notify(self.users[0], "x", key=key), Sent(sent=1), repr(key))

    def test_a_run_that_fails_is_continued_by_the_next_with_whoever_is_a_recipient_by_then(self):
        def stop(sent):
            if sent.sent == 4:
                raise KeyboardInterrupt

        with self.assertRaises(KeyboardInterrupt):
            notify(User.objects.all(), "x", key="a", slice_size=2, progress=stop)
        self.assertEqual(sum(self.numbers().values()), 4)
        User.objects.create(username="user9")
        self.assertEqual(notify(User.objects.all(), "x", key="a", slice_size=2), Sent(sent=2, already_sent=4))
        self.assertEqual(set(self.numbers().values()), {1})
        self.assert_exact()

    def test_progress_is_told_after_each_slice(self):
        told = []
        notify(User.objects.all(), "x", slice_size=2, progress=told.append)
        self.assertEqual([one.sent for one in told], [2, 4, 5])

    def test_what_a_transaction_rolls_back_can_be_sent_again(self):
        with transaction.atomic():
            notify(self.users, "x", key="a", slice_size=2)
            self.assert_exact()
            transaction.set_rollback(True)
        self.assertEqual(sum(self.numbers().values()), 0)
        self.assert_exact()
        self.assertEqual(notify(self.users, "x", key="a"), Sent(sent=5))

    def test_a_transaction_of_the_caller_keeps_what_it_has_done_before(self):
        with transaction.atomic():
            ticket = Ticket.objects.create()
            notify(self.users, "x", target=ticket, key="a")
        self.assertEqual(Notification.objects.about(ticket).count(), 5)

    def test_a_user_who_is_deleted_takes_the_deliveries_along(self):
        notify(self.users, "x", key="a")
        self.users[0].delete()
        self.assertEqual(notify(User.objects.all(), "x", key="a"), Sent(already_sent=4))

    def test_how_much_is_asked_does_not_depend_on_how_many_users_a_slice_has(self):
        User.objects.bulk_create([User(username=f"many{place}") for place in range(200)])
        notify(self.users, "x", key="warm")  # what a process asks for once
        users = list(User.objects.order_by("pk"))
        self.assertEqual(self.asked(users[:60]), self.asked(users[:200]))

    def asked(self, users):
        """How many times a slice asks at least: now and then a process looks again where its database is."""
        numbers = []
        for _ in range(3):
            with CaptureQueriesContext(connection) as queries:
                notify(users, "x", key=str(uuid.uuid4()))
            # Inserts are as many as the database takes parameters for.
            numbers.append(len([query for query in queries if query["sql"].startswith("SELECT")]))
        return min(numbers)
