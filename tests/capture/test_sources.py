"""Sources that Django or their authors treat differently: what counts is what the rows say."""

from __future__ import annotations

import itertools
import pickle
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from django.conf import settings
from django.contrib.auth.models import Group, User
from django.db import connection, transaction
from django.db.models import F, ProtectedError
from django.db.models.signals import post_save, pre_save
from django.test import override_settings
from django.test.utils import CaptureQueriesContext

from notifications_counter.capture import feed
from notifications_counter.counters import Counter
from tests.shop import models as shop
from tests.support.base import CounterTestCase


class SourceTestCase(CounterTestCase):
    def assert_true(self, counter: Counter, keys: Iterable[Any], said: object = "") -> None:
        """The values of keys are what a plain count of the rows says, before a flush and after it."""
        assert counter.source is not None
        keys = list(keys)
        rows = counter.source._base_manager.filter(counter.filter)
        true = {key: rows.filter(**{counter.source_key: key}).count() for key in keys}
        self.assertEqual(counter.values(keys), true, said)
        counter.flush()
        self.assertEqual(counter.values(keys), true, said)


class ManyToManyTest(SourceTestCase):
    def test_what_a_many_to_many_relation_adds_and_removes_is_counted(self) -> None:
        staff, users = Group.objects.create(name="staff"), self.make_users(6)
        through = User.groups.through
        for act in (
            lambda: staff.user_set.add(*users),
            lambda: staff.user_set.add(*users[:2]),
            lambda: staff.user_set.remove(users[0], users[1]),
            lambda: users[2].groups.clear(),
            lambda: users[3].delete(),
            lambda: through(user=users[0], group=staff).save(),
            lambda: through.objects.get(user=users[0]).delete(),
            lambda: staff.user_set.set([users[5]]),
            lambda: staff.user_set.set([]),
        ):
            act()
            self.assert_true(shop.GroupMembers.counter, [staff])


class ManagerTest(SourceTestCase):
    def setUp(self) -> None:
        super().setUp()
        (self.user,) = self.make_users(1)

    def papers(self, number: int = 3) -> list[Any]:
        return [shop.Paper(user=self.user) for _ in range(number)]

    def test_arguments_of_a_sources_own_methods_arrive(self) -> None:
        shop.Paper.objects.bulk_create(self.papers(), notify=True)
        self.assert_true(shop.Papers.counter, [self.user])
        self.assertEqual(shop.Paper.objects.delete(), 3)
        self.assert_true(shop.Papers.counter, [self.user])
        self.assertEqual(shop.Paper.objects.delete(forever=True)[0], 3)

    def test_an_update_that_writes_other_columns_is_counted_by_what_it_wrote(self) -> None:
        shop.Paper.objects.bulk_create(self.papers())
        shop.Paper.objects.update(archived=True)
        self.assertEqual(shop.Papers.counter.value(self.user), 0)

    def test_a_manager_that_builds_its_querysets_itself_is_counted(self) -> None:
        shop.Paper.shelf.bulk_create(self.papers())
        shop.Paper.objects.filter(pk=shop.Paper.objects.first().pk).update(lost=True)
        self.assertEqual(shop.Paper.shelf.all().update(binned=True), 2)
        self.assert_true(shop.Papers.counter, [self.user])

    def test_a_queryset_and_its_manager_are_pickled_as_without_a_counter(self) -> None:
        shop.Paper.objects.bulk_create(self.papers())
        again = pickle.loads(pickle.dumps(shop.Paper.objects.filter(binned=False)))
        self.assertIs(type(again), shop.PaperQuerySet)
        self.assertEqual(again.update(binned=True), 3)
        self.assert_true(shop.Papers.counter, [self.user])

    def test_a_relation_counts_its_rows_without_a_join(self) -> None:
        shop.Paper.objects.bulk_create(self.papers())
        with self.assertNumQueries(2) as queries:
            self.user.paper_set.count()
            self.user.paper_set.exists()
        self.assertNotIn("JOIN", " ".join(each["sql"] for each in queries.captured_queries))


class InheritanceTest(SourceTestCase):
    def check(self) -> None:
        self.assert_true(shop.ActiveMembers.counter, [1, 2])
        self.assert_true(shop.CoachesByGrade.counter, [0, 1, 2])

    def test_children_whose_primary_key_is_another_are_changed_and_counted(self) -> None:
        for _ in range(5):
            shop.Person.objects.create(name="x")
        for _ in range(3):
            shop.Member.objects.create(club=2)
        player, coach = shop.Player.objects.create(name="ada", club=1), shop.Coach.objects.create(club=1)
        self.check()
        for model in (shop.Player, shop.Coach):
            self.assertEqual(model.objects.update(active=False), 1, model)
            self.assertFalse(model.objects.filter(active=True).exists(), model)
            self.check()
        self.assertEqual(shop.Coach.objects.update(active=True, grade=1), 1)
        self.check()
        coach.grade = 2
        shop.Coach.objects.bulk_update([coach], ["grade"])
        self.check()
        player.active = coach.active = True
        player.save()
        coach.save()
        self.check()
        player.delete()
        shop.Coach.objects.all().delete()
        self.check()


class DeleteTest(SourceTestCase):
    def setUp(self) -> None:
        super().setUp()
        (self.user,) = self.make_users(1)

    def test_a_row_that_loses_its_owner_and_goes_in_one_delete_is_counted_once(self) -> None:
        for delete in (lambda album: album.delete(), lambda album: shop.Album.objects.all().delete()):
            album = shop.Album.objects.create(user=self.user)
            album.cover = shop.Photo.objects.create(album=album)
            album.save()
            self.assert_true(shop.AlbumsWithoutCover.counter, [self.user])
            delete(album)
            self.assert_true(shop.AlbumsWithoutCover.counter, [self.user])

    def test_a_photo_that_goes_leaves_its_album_without_a_cover(self) -> None:
        album = shop.Album.objects.create(user=self.user)
        album.cover = shop.Photo.objects.create(album=album)
        album.save()
        album.cover.delete()
        self.assertEqual(shop.AlbumsWithoutCover.counter.value(self.user), 1)
        self.assert_true(shop.AlbumsWithoutCover.counter, [self.user])

    def test_an_error_that_is_caught_leaves_the_block_usable(self) -> None:
        ticket = shop.Claim.objects.create(user=self.user)
        shop.Reply.objects.create(ticket=ticket)
        for act, error in (
            (lambda: shop.Claim.objects.all().delete(), ProtectedError),
            (lambda: ticket.delete(), ProtectedError),
            (lambda: shop.Claim.objects.values("closed").delete(), TypeError),
            (lambda: shop.Claim.objects.bulk_create([shop.Claim(user=User())]), ValueError),
        ):
            with transaction.atomic():
                with self.assertRaises(error):
                    act()
                self.assertEqual(shop.Claim.objects.count(), 1)
            self.assert_true(shop.OpenClaims.counter, [self.user])


class KeyTest(SourceTestCase):
    def test_a_primary_key_may_be_given_as_text(self) -> None:
        (user,) = self.make_users(1)
        ids = [f"0618b89d-0000-4000-8000-00000000000{place}" for place in range(4)]
        ticket = shop.Claim.objects.create(id=ids[0], user=user)
        self.assert_true(shop.OpenClaims.counter, [user])
        ticket.closed = True
        ticket.save()
        self.assert_true(shop.OpenClaims.counter, [user])
        shop.Claim.objects.bulk_create([shop.Claim(id=id, user=user) for id in ids[1:]])
        shop.Claim(id=ids[1], user=user, closed=True).save(force_update=True)
        self.assert_true(shop.OpenClaims.counter, [user])
        shop.Claim(id=ids[2]).delete()
        self.assert_true(shop.OpenClaims.counter, [user])

    def test_a_field_that_changes_values_on_their_way_is_counted_by_what_the_row_holds(self) -> None:
        host = shop.Host.objects.create(domain="Example.com")
        shop.Host.objects.bulk_create([shop.Host(domain="EXAMPLE.com"), shop.Host(domain="b.org")])
        self.assert_true(shop.HostsOfDomain.counter, ["example.com", "b.org"])
        self.assertEqual(shop.HostsOfDomain.counter.value("example.com"), 2)
        host.delete()
        self.assert_true(shop.HostsOfDomain.counter, ["example.com"])

    def test_a_composite_primary_key_can_be_written_and_moved(self) -> None:
        for place in range(5):
            shop.Line.objects.create(order=1, place=place)
        shop.Line.objects.bulk_create([shop.Line(order=2, place=place) for place in range(5)])
        line = shop.Line.objects.get(order=1, place=0)
        line.sent = True
        line.save()
        shop.Line.objects.filter(order=2, place__lt=2).update(sent=True)
        shop.Line.objects.filter(order=2).update(order=3)
        shop.Line.objects.filter(order=3, place=4).delete()
        line.delete()
        self.assert_true(shop.UnsentLines.counter, [1, 2, 3])
        self.assertEqual(shop.UnsentLines.counter.value(3), 2)

    def test_columns_may_have_any_name(self) -> None:
        sheet = shop.Sheet.objects.create()
        sheet.state = "closed"
        sheet.save()
        shop.Sheet.objects.bulk_create([shop.Sheet(), shop.Sheet(f1=2)])
        shop.Sheet.objects.filter(f1=2).update(f1=F("f2") + F("case1"))
        self.assert_true(shop.Sheets.counter, [1, 2, 5])
        shop.Sheet.objects.all().delete()
        self.assert_true(shop.Sheets.counter, [1, 2, 5])

    def test_a_key_that_the_database_works_out_is_followed(self) -> None:
        payment = shop.Payment.objects.create(amount=4)
        for act in (
            lambda: payment.save(),
            lambda: setattr(payment, "amount", 6) or payment.save(update_fields=["amount"]),
            lambda: shop.Payment.objects.update(amount=7),
            lambda: shop.Payment.objects.all().delete(),
        ):
            act()
            self.assert_true(shop.PaymentsByDouble.counter, [8, 12, 14])

    def test_a_choice_is_a_key_without_being_read_back(self) -> None:
        with CaptureQueriesContext(connection) as queries:
            shop.Job.objects.create(step=shop.Step.SECOND)
        self.assertFalse([each for each in queries.captured_queries if each["sql"].startswith('SELECT "shop')])
        self.assert_true(shop.JobsByStep.counter, ["first", "second"])


class SignalTest(SourceTestCase):
    numbers = itertools.count()

    def test_a_save_is_counted_while_signals_are_silenced(self) -> None:
        (user,) = self.make_users(1)
        ticket = shop.Claim.objects.create(user=user)
        for forgets in (True, False):  # as some test libraries do, others not
            kept = [(signal, signal.receivers) for signal in (pre_save, post_save)]
            try:
                for signal, _ in kept:
                    signal.receivers = []
                    if forgets:
                        signal.sender_receivers_cache.clear()
                shop.Claim.objects.create(user=user)
                ticket.closed = not ticket.closed
                ticket.save()
            finally:
                for signal, receivers in kept:
                    signal.receivers = receivers
                    signal.sender_receivers_cache.clear()
            self.assert_true(shop.OpenClaims.counter, [user])
            shop.Claim.objects.create(user=user)

    def test_saves_and_updates_by_copies_of_djangos_methods_are_counted(self) -> None:
        slot = shop.Slot.objects.create(name="a", place=1)
        self.assertEqual(shop.SlotsByPlace.counter.value(1), 1)
        slot.taken = True
        slot.save()
        self.assertEqual(shop.SlotsByPlace.counter.value(1), 0)
        shop.Slot.objects.update(taken=False)
        self.assertEqual(shop.SlotsByPlace.counter.value(1), 1)

    def test_signals_sent_by_hand_count_nothing(self) -> None:
        (user,) = self.make_users(1)
        ticket = shop.Claim(user=user)
        pre_save.send(shop.Claim, instance=ticket, raw=False, using="default", update_fields=None)
        post_save.send(shop.Claim, instance=ticket, created=True, raw=False, using="default", update_fields=None)
        self.assert_true(shop.OpenClaims.counter, [user])


class ChildTest(SourceTestCase):
    def test_a_child_that_is_given_its_parents_key_by_the_link_alone_moves_the_parents_row(self) -> None:
        member = shop.Member.objects.create(club=1)
        shop.Coach(base_id=member.pk, club=2, grade=3).save()
        self.assert_true(shop.ActiveMembers.counter, [1, 2])
        person, other = shop.Person.objects.create(name="ada"), shop.Member.objects.create(club=1)
        shop.Player(person_ptr_id=person.pk, member_id=other.pk, club=2).save()
        self.assert_true(shop.ActiveMembers.counter, [1, 2])


class StartTest(SourceTestCase):
    def test_apps_that_are_made_ready_again_count_once(self) -> None:
        (user,) = self.make_users(1)
        with override_settings(INSTALLED_APPS=list(settings.INSTALLED_APPS)):
            pass
        shop.Claim.objects.bulk_create([shop.Claim(user=user) for _ in range(3)])
        shop.Claim.objects.first().delete()
        shop.Claim.objects.filter(pk=shop.Claim.objects.first().pk).update(closed=True)
        shop.Claim.objects.create(user=user)
        self.assertEqual(shop.OpenClaims.counter.value(user), 2)
        self.assert_true(shop.OpenClaims.counter, [user])


class FailureTest(SourceTestCase):
    def test_a_change_that_could_not_be_counted_is_rolled_back(self) -> None:
        def fail(changes: object, using: str) -> None:
            raise ZeroDivisionError

        (user,) = self.make_users(1)
        claim = shop.Claim.objects.create(user=user)
        feed.subscribe(shop.Claim, ["closed"], fail)
        try:
            for act in (
                lambda: shop.Claim.objects.create(user=user),
                lambda: shop.Claim.objects.update(closed=True),
                lambda: shop.Claim.objects.bulk_create([shop.Claim(user=user)]),
                lambda: shop.Claim(pk=claim.pk).delete(),
            ):
                with self.assertRaises(ZeroDivisionError):
                    act()
                with transaction.atomic():  # which goes on, and is rolled back all the same
                    with suppress(ZeroDivisionError):
                        act()
                    self.assertTrue(transaction.get_rollback())
        finally:
            feed.unsubscribe(fail)
        self.assertEqual(shop.Claim.objects.filter(closed=False).count(), 1)
        self.assert_true(shop.OpenClaims.counter, [user])
