"""Keys that the database calls equal and that are written differently, such as "a" and "A": one key, in every read."""

from __future__ import annotations

from typing import Any

from asgiref.sync import async_to_sync
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connection, transaction

from notifications_counter.annotations import value_of
from notifications_counter.together import read_together
from tests.capture.test_random import SEEDS, Walk
from tests.shop.models import ExactReadings, Reading, UserWordReadings, WordReadings, WordUserReadings
from tests.support.base import CounterTestCase, heavy, uses_redis
from tests.support.walks import OPERATIONS, SEED

by_word, by_exact, added = WordReadings.counter, WordReadings.by_exact, WordReadings.added
exactly = ExactReadings.counter
by_user, of_word = UserWordReadings.counter, WordUserReadings.counter
COUNTERS = [by_word, by_exact, exactly, by_user, of_word]

WORDS = ["a", "A", "b", "B", "a,b", "A,B", "a!,", "A!,", "!e", "!E", "!c!", "!C!", "漢", "100%"]


def same(one: str | None, other: str) -> bool:
    return one is not None and one.lower() == other.lower()


def assert_right(users: list[User], said: str = "") -> None:
    """Every way to read says what the rows say."""
    rows = list(Reading.objects.all())
    words = {word: sum(same(row.word, word) and row.is_open for row in rows) for word in WORDS}
    expect(by_word.values(WORDS), words, said)
    expect({word: by_word.value(word) for word in WORDS[:4]}, {word: words[word] for word in WORDS[:4]}, said)
    expect(by_exact.values(WORDS), {word: sum(same(row.exact, word) for row in rows) for word in WORDS}, said)
    expect(exactly.values(WORDS), {word: sum(row.word == word for row in rows) for word in WORDS}, said)
    for user in users:
        own = [row for row in rows if row.user_id == user.pk]
        numbers = {(user.pk, word): sum(same(row.word, word) and row.is_open for row in own) for word in WORDS}
        expect(by_user.values(numbers), numbers, said)
        expect(once_each(by_user.values_of(user)), {word: number for (_, word), number in numbers.items()}, said)
        total = {(word, user.pk): sum(same(row.word, word) for row in own) for word in WORDS}
        expect(of_word.values(total), total, said)
    for word in ("a", "A,b"):
        numbers = {user.pk: sum(same(row.word, word) and row.user_id == user.pk for row in rows) for user in users}
        expect(of_word.values_of(word), {pk: number for pk, number in numbers.items() if number}, said)


def once_each(found: dict[str, int]) -> dict[str, int]:
    """Numbers by all words, of what has each word once, written somehow."""
    words = [word.lower() for word in found]
    assert len(words) == len(set(words)), found
    numbers = dict(zip(words, found.values(), strict=True))
    return {word: numbers.get(word.lower(), 0) for word in WORDS}


def expect(found: Any, expected: Any, said: str) -> None:
    wrong = {
        key: (found.get(key), expected.get(key)) for key in {*found, *expected} if found.get(key) != expected.get(key)
    }
    assert not wrong, f"{wrong} (found, expected) {said}"


class LooseOperations(Walk):
    """Everything that changes what is counted, by words of which several are the same."""

    def values(self) -> dict[str, Any]:
        choose = self.random.choice
        word = choose([None, *WORDS])
        return {
            "user": choose([None, *self.users]),
            "word": word,
            "exact": word,
            "is_open": choose([True, True, False]),
        }

    def some(self, number: int = 4) -> Any:
        pks = list(Reading.objects.order_by("pk").values_list("pk", flat=True))
        return Reading.objects.filter(pk__in=self.random.sample(pks, min(number, len(pks))))

    def do_create(self) -> None:
        Reading.objects.create(**self.values())

    def do_bulk_create(self) -> None:
        Reading.objects.bulk_create([Reading(**self.values()) for _ in range(self.random.randrange(1, 6))])

    def do_save(self) -> None:
        for row in self.some(2):
            for name, value in self.values().items():
                setattr(row, name, value)
            row.save()

    def do_respell(self) -> None:
        for row in self.some(3):
            row.word = row.word and row.word.swapcase()
            row.save(update_fields=["word"])

    def do_update(self) -> None:
        self.some().update(**self.values())

    def do_delete(self) -> None:
        self.some(2).delete()

    def do_request_recount(self) -> None:
        by_word.request_recount([self.random.choice(WORDS)])
        by_user.request_recount([(self.user(), self.random.choice(WORDS))])

    def do_flush(self) -> None:
        if not self.depth:
            assert self.random.choice(COUNTERS).flush(chunk_size=self.random.choice([1, None])).ok

    def do_recount(self) -> None:
        if not self.depth:
            for counter in (by_word, by_exact, exactly):
                wrong = [one for one in counter.recount(WORDS) if one.difference]
                assert not wrong, f"{counter}: {wrong}"

    def check(self) -> None:
        assert_right(self.users, f"at depth {self.depth}")


class LooseKeyTest(CounterTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.users = self.make_users(2)

    def read(self, *words: str, **values: Any) -> None:
        for word in words:
            Reading.objects.create(word=word, exact=word, **{"user": self.users[0], **values})

    def test_every_read_adds_up_all_spellings_before_and_after_a_flush(self) -> None:
        self.read("a", "A", "a", "A,b", "B")
        added.add({"a": 2, "A": 3})
        for _ in range(2):
            assert_right(self.users)
            self.assertEqual(added.values(["a", "A", "b"]), {"a": 5, "A": 5, "b": 0})
            self.assertEqual([async_to_sync(by_word.avalue)(word) for word in "aA"], [3, 3])
            self.assertEqual(async_to_sync(by_word.avalues)(["A", "b"]), {"A": 3, "b": 1})
            self.assertEqual(read_together([added, by_word], "A").values, [5, 3])
            for counter in (*COUNTERS, added):
                self.assertTrue(counter.flush().ok)
        self.read("A", "b", "A,B")
        assert_right(self.users)

    def test_a_transaction_reads_its_own_spellings(self) -> None:
        self.read("a")
        with transaction.atomic():
            self.read("A")
            assert_right(self.users)
            transaction.set_rollback(True)
        assert_right(self.users)

    def test_recounts_of_two_spellings_correct_a_count_once(self) -> None:
        self.read("a", "A", "b")
        for counter in COUNTERS:
            counter.flush()
        WordReadings.objects.filter(word="a").update(open=7)
        found = by_word.recount(["a", "A", "b"])
        self.assertEqual([one.difference for one in found], [-5, 0, 0])
        self.assertEqual([one.difference for one in by_word.recount(["A", "B"], check=True)], [0, 0])
        assert_right(self.users)

    def test_the_first_count_of_all_rows_and_the_audit_find_every_spelling(self) -> None:
        by_word.model._base_manager.all().delete()
        self.read("a", "A", "A,b")
        for counter in COUNTERS:
            counter.flush()
            UserWordReadings.objects.all().delete()
        WordReadings.objects.all().delete()
        ExactReadings.objects.all().delete()
        WordUserReadings.objects.all().delete()
        call_command("notification_recount", verbosity=0)
        for counter in COUNTERS:
            counter.flush()
        assert_right(self.users)
        stored = sorted(ExactReadings.objects.filter(number__gt=0).values_list("word", "number"))
        self.assertEqual(stored, [("A", 1), ("A,b", 1), ("a", 1)])

    def test_annotations_add_up_all_spellings(self) -> None:
        if uses_redis():
            return
        self.read("a", "A", "b")
        for word in ("a", "A", "B"):
            user = User.objects.create(username=word)
            WordReadings.objects.filter(word=word).delete()
            annotated = User.objects.filter(pk=user.pk).annotate(number=value_of(by_word, key="username"))
            self.assertEqual(annotated.values_list("number", flat=True).get(), 1 if word == "B" else 2)
            both = User.objects.filter(pk=user.pk).annotate(number=value_of(of_word, key=("username", "id")))
            self.assertEqual(both.values_list("number", flat=True).get(), 0)
            self.read(word.swapcase(), user=user)
            self.assertEqual(both.values_list("number", flat=True).get(), 1)
            user.delete()

    def test_keys_that_differ_by_spaces_at_the_end_are_read_as_the_column_has_them(self) -> None:
        added.add({"a": 1, "a ": 2})
        expected = {"a": 3, "a ": 3} if connection.vendor == "mysql" else {"a": 1, "a ": 2}
        self.assertEqual(added.values(["a", "a "]), expected)
        added.flush()
        self.assertEqual(added.values(["a", "a "]), expected)


class RandomLooseTest(CounterTestCase):
    @heavy
    def test_values_are_counts_after_every_step_and_stored_are_after_a_flush(self) -> None:
        for seed in SEEDS:
            with self.subTest(seed=seed):
                Reading.objects.all().delete()
                users = [User.objects.create(username=f"{seed} {place}") for place in range(2)]
                walk = LooseOperations(seed, users)
                for step in range(OPERATIONS // len(SEEDS) // 4):
                    name = walk.step()
                    assert_right(users, f"after {name}, step {step}, seed {seed}, NC_SEED={SEED}")
                for counter in COUNTERS:
                    self.assertTrue(counter.flush().ok)
                assert_right(users, f"after the last flush, seed {seed}, NC_SEED={SEED}")
                self.assert_stored()
        print(f"NC_SEED={SEED}: {OPERATIONS // 4} random operations by words written differently", flush=True)

    def assert_stored(self) -> None:
        stored: dict[str, int] = {row.word.lower(): row.open for row in WordReadings.objects.all()}
        true: dict[str, int] = {}
        for row in Reading.objects.filter(is_open=True, word__isnull=False):
            true[row.word.lower()] = true.get(row.word.lower(), 0) + 1
        self.assertEqual({word: number for word, number in stored.items() if number}, true)
