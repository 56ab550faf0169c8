"""Whose count it is: an instance of another model is not taken for the owner whose primary key it happens to share."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib.auth.models import AnonymousUser, Group, User
from django.db import connection
from django.template import Context, Template
from django.test import tag
from django.utils.functional import SimpleLazyObject

from notifications_counter.annotations import CounterQuerySet, value_of
from notifications_counter.controller import NotificationController
from notifications_counter.exceptions import InvalidDelta, InvalidKey
from notifications_counter.models import UserNotificationsCount
from tests.support.base import CounterTestCase, counter, notify, uses_redis
from tests.support.site import Site
from tests.testapp.models import Click, Team, TeamTickets


class OwnerTest(CounterTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.ada = User.objects.create(username="ada")
        self.group = Group.objects.create(pk=self.ada.pk, name="staff")
        notify(self.ada, 2)

    def test_instances_of_other_models_are_refused_wherever_a_key_is_given(self) -> None:
        calls: list[Any] = [
            counter.value,
            lambda key: counter.values([key]),
            lambda key: counter.add({key: 1}),
            lambda key: counter.recount([key]),
            lambda key: counter.request_recount([key]),
            NotificationController,
        ]
        said = "cannot be a key of notifications_counter.UserNotificationsCount.counter. Give a key, or an instance of"
        for call in calls:
            for given in (self.group, SimpleLazyObject(lambda: self.group)):
                with self.assertRaisesMessage(InvalidKey, f"(primary key {self.group.pk}) {said} auth.User."):
                    call(given)
        self.assert_exact([self.ada])

    def test_one_key_is_not_taken_for_several(self) -> None:
        asked: list[Any] = [counter.values, counter.recount, counter.request_recount, counter.epochs]
        for ask in asked:
            for given in (str(self.ada.pk), "12", b"12", self.ada, self.ada.pk, None):
                with self.subTest(ask=ask, given=given), self.assertRaisesMessage(InvalidKey, "write [key]"):
                    ask(given)
        for several in ((self.ada,), iter([self.ada]), {self.ada: 1}.keys(), User.objects.all()):
            self.assertEqual(counter.values(several), {self.ada: 2})

    def test_deltas_that_are_no_dictionary_are_refused(self) -> None:
        for given in ([(self.ada, 1)], {self.ada}, "12", None, 1):
            with self.subTest(given=given), self.assertRaisesMessage(InvalidDelta, "Deltas are given as a dictionary"):
                counter.add(given)  # type: ignore[arg-type]
        self.assert_exact([self.ada])

    def test_the_inbox_of_somebody_else_is_not_marked_as_read(self) -> None:
        with self.assertRaises(InvalidKey):
            NotificationController(self.group).mark_all_as_read()
        self.assertEqual(counter.value(self.ada), 2)

    def test_what_stands_for_nobody_is_refused_with_a_sentence_that_says_so(self) -> None:
        for given, said in (
            (None, "None cannot be a key of"),
            (User(username="new"), "its 'id' is None, because it has not been saved"),
            (AnonymousUser(), "nobody is logged in"),
            (SimpleLazyObject(AnonymousUser), "nobody is logged in"),
        ):
            with self.subTest(said):
                for call in (counter.value, lambda key: counter.values([key]), NotificationController):
                    with self.assertRaisesMessage(InvalidKey, said):
                        call(given)

    def test_lazy_users_and_count_rows_are_the_users_that_they_stand_for(self) -> None:
        counter.flush()
        row = UserNotificationsCount.objects.get()
        for given in (SimpleLazyObject(lambda: self.ada), row, User.objects.only("username").get()):
            self.assertEqual(counter.value(given), 2)
        self.assertEqual(NotificationController(SimpleLazyObject(lambda: self.ada)).mark_all_as_read(), 2)

    def test_proxies_of_the_owner_are_the_owner(self) -> None:
        class Person(User):
            class Meta:
                proxy = True
                app_label = "testapp"

        self.assertEqual(counter.value(Person.objects.get()), 2)

    def test_a_counter_of_events_takes_no_instances_but_its_own_rows(self) -> None:
        Click.counter.add({"https://example.com/": 3})
        Click.counter.flush()
        self.assertEqual(Click.counter.value(Click.objects.get()), 3)
        with self.assertRaisesMessage(InvalidKey, "Give the key itself"):
            Click.counter.value(self.ada)

    def test_the_tag_refuses_a_user_of_another_model(self) -> None:
        self.group.is_authenticated = True  # type: ignore[attr-defined]
        template = Template("{% load notifications_counter %}{% unread_count %}")
        self.assertEqual(template.render(Context({"user": self.ada})), "2")
        with self.assertRaises(InvalidKey):
            template.render(Context({"user": self.group}))

    def test_uuids_may_be_given_in_every_form(self) -> None:
        team = Team.objects.create()
        team.ticket_set.create()
        for given in (team, team.pk, str(team.pk), team.pk.hex, team.pk.hex.upper(), Team(pk=str(team.pk))):
            self.assertEqual(TeamTickets.counter.value(given), 1)
        self.assertEqual(TeamTickets.counter.value(uuid.uuid4()), 0)

    def test_annotations_of_rows_that_are_no_keys_are_refused(self) -> None:
        if uses_redis():
            return
        with self.assertRaisesMessage(InvalidKey, "rows of auth.Group are no keys"):
            Group.objects.annotate(unread=value_of(counter))
        with self.assertRaisesMessage(InvalidKey, "rows of auth.Group are no keys"):
            CounterQuerySet(Group).with_value(counter)
        self.assertEqual(User.objects.annotate(unread=value_of(counter) + 1).get().unread, 3)
        self.assertEqual(User.objects.order_by(value_of(counter).desc()).first(), self.ada)
        self.assertEqual(UserNotificationsCount.objects.annotate(unread=value_of(counter)).count(), 0)


TO_FIELD = """
class Shop(models.Model):
    code = models.CharField(max_length=10, unique=True)

class Chain(Shop):
    name = models.CharField(max_length=10)

class Category(models.Model):
    pass

class Order(models.Model):
    shop = models.ForeignKey(Shop, models.CASCADE, to_field="code", null=True)
    category = models.ForeignKey(Category, models.CASCADE, null=True)
    weight = models.FloatField(default=0)
    is_paid = models.BooleanField(default=False)
    long = models.CharField(max_length=90, default="")
    note = models.TextField(default="")

class ByCode(models.Model):
    shop = owner(Shop, to_field="code")
    number = models.BigIntegerField(default=0)
    counter = Counter(Order, "shop", buffer="rows")

class ByText(models.Model):
    code = KeyField(max_length=10, primary_key=True)
    number = models.BigIntegerField(default=0)
    counter = Counter(Order, "shop")
"""

WRONG = """
class ByShop(models.Model):
    shop = owner(Shop)
    number = models.BigIntegerField(default=0)
    counter = Counter(Order, "shop")

class ByUser(models.Model):
    user = owner()
    number = models.BigIntegerField(default=0)
    counter = Counter(Order, "category")

class ByNote(models.Model):
    note = KeyField(max_length=499, primary_key=True)
    number = models.BigIntegerField(default=0)
    counter = Counter(Order, "note")

class ByLongNote(models.Model):
    note = KeyField(max_length=500, primary_key=True)
    number = models.BigIntegerField(default=0)
    counter = Counter(Order, "note")

class ByWeight(models.Model):
    weight = models.FloatField(primary_key=True)
    number = models.BigIntegerField(default=0)
    counter = Counter(Order, "weight")

class ByTruth(models.Model):
    pk = models.CompositePrimaryKey("category", "is_paid")
    category = models.IntegerField()
    is_paid = models.BooleanField()
    number = models.BigIntegerField(default=0)
    counter = Counter(Order, ("category", "is_paid"))

class ByNumber(models.Model):
    code = models.BigIntegerField(primary_key=True)
    number = models.BigIntegerField(default=0)
    counter = Counter(Order, "long")

class ByShort(models.Model):
    long = KeyField(max_length=20, primary_key=True)
    number = models.BigIntegerField(default=0)
    counter = Counter(Order, "long")

class BySmall(models.Model):
    category = models.SmallIntegerField(primary_key=True)
    number = models.BigIntegerField(default=0)
    counter = Counter(Order, "category")
"""


@tag("long")
class ToFieldTest(CounterTestCase):
    def test_what_refers_to_another_column_is_counted_and_read_by_that_column(self) -> None:
        site = Site(TO_FIELD)
        self.addCleanup(site.close)
        found = site.run(
            """
            from notifications_counter.annotations import CounterQuerySet, value_of
            shops = [Shop.objects.create(code="2"), Shop.objects.create(code="1"), Chain.objects.create(code="x7")]
            for number, shop in enumerate(shops): [Order.objects.create(shop=shop) for _ in range(number + 1)]
            def values(): return [[each.value(shop) for shop in shops] for each in (ByCode.counter, ByText.counter)]
            def annotated(rows): return [row.value for row in rows.annotate(value=value_of(ByCode.counter))]
            before = values(), annotated(Shop.objects.order_by("pk"))
            ByCode.counter.flush(), ByText.counter.flush()
            rows = annotated(ByCode.objects.order_by("number"))
            with_value = [row.value for row in CounterQuerySet(Shop).with_value(ByCode.counter).order_by("pk")]
            [before, values(), annotated(Shop.objects.order_by("pk")), rows, with_value]
            """
        )
        right = [[1, 2, 3], [1, 2, 3]]
        self.assertEqual(found, [[right, [1, 2, 3]], right, [1, 2, 3], [1, 2, 3], [1, 2, 3]])

    def test_two_ends_of_a_key_that_do_not_fit_are_said(self) -> None:
        site = Site(TO_FIELD + WRONG, migrate=False)
        self.addCleanup(site.close)
        said = site.manage("check", status=1)
        for sentence in (
            "E050) shop.ByShop.counter: key: 'shop' refers to shop.Shop.code, but 'shop' to shop.Shop.id: a row would",
            "W050) shop.ByUser.counter: key: 'category' refers to shop.Category.id, but 'user' to auth.User.id",
            "E052) shop.ByWeight.counter: 'weight' is a FloatField, which cannot be a key",
            "E052) shop.ByTruth.counter: 'is_paid' is a BooleanField, which cannot be a key",
            "E051) shop.ByNumber.counter: key: 'long' of shop.Order is text, but 'code' of shop.ByNumber is an integer",
            "W051) shop.ByShort.counter: key: 'long' takes values that are too large for 'long'",
            "W051) shop.ByNote.counter: key: 'note' takes values that are too large for 'note'",
            "W051) shop.BySmall.counter: key: 'category' takes values that are too large for 'category'",
        ):
            if "BySmall" in sentence and connection.vendor != "postgresql":  # the site is on SQLite: all are large
                continue
            with self.subTest(sentence):
                self.assertIn(sentence, said)
        self.assertNotIn("ByCode", said)
        self.assertNotIn("ByText", said)
        self.assertNotIn("ByLongNote", said)
