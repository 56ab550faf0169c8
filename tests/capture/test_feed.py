"""The feed of changes: what a subscriber hears, in the change's own transaction."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import connection, transaction

from notifications_counter.capture import feed
from notifications_counter.capture.feed import Change
from notifications_counter.declaration.conditions import column
from tests.shop.models import Claim, Coach, Person, Reply
from tests.support.base import CounterTestCase


class FeedTest(CounterTestCase):
    """``Person`` is no source of a counter, ``Claim`` is one."""

    heard: list[Change] = []
    in_transaction: list[bool] = []

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        for model, columns in ((Claim, ["closed"]), (Person, ["name"]), (Coach, ["grade"])):
            feed.subscribe(model, columns, cls.hear)

    @classmethod
    def tearDownClass(cls) -> None:
        feed.unsubscribe(cls.hear)
        super().tearDownClass()

    @classmethod
    def hear(cls, changes: Sequence[Change], using: str) -> None:
        cls.in_transaction.append(connection.in_atomic_block)
        cls.heard.extend(changes)

    def setUp(self) -> None:
        super().setUp()
        (self.user,) = self.make_users(1)
        self.heard.clear()
        self.in_transaction.clear()

    def take(self) -> list[tuple[object, object, object]]:
        found = [
            (change.pk, change.before and dict(change.before), change.after and dict(change.after))
            for change in self.heard
        ]
        self.heard.clear()
        return found

    def test_creates_saves_and_deletes_are_published_with_what_was_and_what_is(self) -> None:
        claim = Claim.objects.create(user=self.user)
        self.assertEqual(self.take(), [(claim.pk, None, {"closed": False})])
        claim.closed = True
        claim.save()
        self.assertEqual(self.take(), [(claim.pk, {"closed": False}, {"closed": True})])
        pk = claim.pk
        claim.delete()
        self.assertEqual(self.take(), [(pk, {"closed": True}, None)])
        self.assertEqual(set(self.in_transaction), {True})

    def test_bulk_methods_and_cascades_are_published(self) -> None:
        claims = Claim.objects.bulk_create([Claim(user=self.user) for _ in range(3)])
        self.assertEqual({pk for pk, _, _ in self.take()}, {claim.pk for claim in claims})
        Claim.objects.filter(pk=claims[0].pk).update(closed=True)
        self.assertEqual(self.take(), [(claims[0].pk, {"closed": False}, {"closed": True})])
        self.user.delete()
        self.assertEqual({(pk, after) for pk, _, after in self.take()}, {(claim.pk, None) for claim in claims})

    def test_what_leaves_the_named_columns_alone_is_not_published(self) -> None:
        claim = Claim.objects.create(user=self.user)
        self.take()
        claim.save()
        Claim.objects.update(closed=False)
        claim.save(update_fields=["user"])
        self.assertEqual(self.take(), [])

    def test_a_model_without_a_counter_is_followed(self) -> None:
        person = Person.objects.create(name="ada")
        Person.objects.update(name="bob")
        person.delete()
        after = [after for _, _, after in self.take()]
        self.assertEqual(after, [{"name": "ada"}, {"name": "bob"}, None])

    def test_a_child_is_followed_by_its_own_columns(self) -> None:
        coach = Coach.objects.create(club=1)
        self.take()
        Coach.objects.update(club=2)
        self.assertEqual(self.take(), [])
        Coach.objects.update(grade=2)
        self.assertEqual(self.take(), [(coach.pk, {"grade": 0}, {"grade": 2})])

    def test_rows_of_a_create_with_conflicts_are_published_as_they_are_now(self) -> None:
        claim = Claim.objects.create(user=self.user)
        self.take()
        Claim.objects.bulk_create(
            [Claim(id=claim.pk, user=self.user, closed=True)],
            update_conflicts=True,
            update_fields=["closed"],
            unique_fields=["id"] if connection.features.supports_update_conflicts_with_target else None,
        )
        self.assertEqual(self.take(), [(claim.pk, {"closed": False}, {"closed": True})])

    def test_an_error_of_a_subscriber_reaches_who_has_changed_the_row(self) -> None:
        def fail(changes: Sequence[Change], using: str) -> None:
            raise ZeroDivisionError

        feed.subscribe(Person, ["name"], fail)
        try:
            with self.assertRaises(ZeroDivisionError), transaction.atomic():
                Person.objects.create(name="ada")
            self.assertFalse(Person.objects.exists())
        finally:
            feed.unsubscribe(fail)

    def test_a_column_that_is_not_there_is_refused(self) -> None:
        with self.assertRaisesMessage(Exception, "has no column named 'colour'"):
            feed.subscribe(Reply, ["colour"], self.hear)
        self.assertEqual(column(Reply, "ticket").attname, "ticket_id")
