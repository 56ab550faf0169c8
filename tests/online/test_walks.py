"""Random reports, beside a plain dictionary; and processes that are killed while they report."""

from __future__ import annotations

import random
import subprocess
import time

from notifications_counter.contrib.online.layouts import layout
from notifications_counter.contrib.online.members import number_at, number_of, place_of
from tests.support.base import CounterTestCase, heavy, start_child, uses_redis
from tests.support.walks import LONG, SEED

AREA = "u:"
#: Near the end of a block of seconds, so that a walk goes over it.
BEGIN = 4096 * 400_000 - 200


class WalkTest(CounterTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.now, self.seen = BEGIN, dict[str, int]()

    def test_random_reports_are_told_as_a_dictionary_would_tell_them(self) -> None:
        chance = random.Random(SEED)
        names = [f"user{place}" for place in range(40)] + [str(place) for place in range(300, 340)]
        for step in range(6000 if LONG else 300):
            self.now += chance.choice([0, 0, 0, 0, 1, 1, 7, 40, 40, 900])
            name = chance.choice(names)
            if chance.random() < 0.05:
                layout().forget(name, [AREA], self.now)
                self.seen.pop(name, None)
            else:
                layout().report(name, [AREA], 600, self.now)
                self.seen[name] = self.now
            if step % 10 == 0:
                self.compare(chance.choice([60, 600, 3600]), chance.randrange(1, 12), names)

    def compare(self, seconds: int, limit: int, names: list[str]) -> None:
        said = f"seed {SEED}, {self.now}"
        expected = {name: second for name, second in self.seen.items() if self.now - second < seconds}
        self.assertEqual(layout().number(AREA, seconds, self.now), len(expected), said)
        found = []
        page = layout().page(AREA, seconds, limit, "", self.now)
        while True:
            found += page.seen
            if not page.following:
                break
            self.assertEqual(len(page.seen), limit, said)
            page = layout().page(AREA, seconds, limit, page.following, self.now)
        self.assertEqual({seen.name: seen.second for seen in found}, expected, said)
        self.assertEqual(len(found), len(expected), said)
        self.assertEqual([seen.second for seen in found], sorted(expected.values(), reverse=True), said)
        _, seen = layout().seen(AREA, names, self.now)
        self.assertEqual({name for name, second in seen.items() if self.now - (second or 0) < seconds}, set(expected))

    def test_a_number_has_one_place_and_a_place_one_number(self) -> None:
        chance = random.Random(SEED)
        for number in [0, 127, 128, 10**17, *(number_of(chance.randbytes(20).hex()) for _ in range(1000))]:
            self.assertEqual(number_at(*place_of(number)), number)

    def test_nobody_is_online_after_a_silence_whatever_its_length(self) -> None:
        layout().report("ada", [AREA], 600, BEGIN)
        for silence in (600, 4096, 8192, 65536, 10**7):
            self.assertEqual(layout().number(AREA, 600, BEGIN + silence), 0)
            self.assertEqual(layout().page(AREA, 600, 50, "", BEGIN + silence).seen, [])

    @heavy
    def test_processes_killed_while_they_report_leave_nobody_beyond_the_window(self) -> None:
        """Each is killed at a random moment; no report is half done, and the last one decides."""
        chance = random.Random(SEED)
        for _ in range(40 if LONG else 1):
            children: list[subprocess.Popen[str]] = [
                start_child("report_online", place, DJANGO_SETTINGS_MODULE="tests.apps_settings") for place in range(2)
            ]
            for child in children:
                assert child.stdout is not None
                self.assertEqual(child.stdout.readline(), "reporting\n")
            time.sleep(chance.uniform(0.05, 0.6))
            for child in children:
                child.kill()
                child.communicate()
            killed = time.time()
            found = self.everybody(60)
            self.assertEqual(layout().number(AREA, 60), len(found), f"seed {SEED}")
            self.assertGreater(len(found), 0)
            time.sleep(max(0.0, killed + 3.1 - time.time()))
            self.assertEqual((layout().number(AREA, 2), self.everybody(2)), (0, set()), f"seed {SEED}")

    def everybody(self, seconds: int) -> set[str]:
        found, page = [], layout().page(AREA, seconds, 50)
        while True:
            found += [seen.name for seen in page.seen]
            if not page.following:
                break
            page = layout().page(AREA, seconds, 50, page.following)
        self.assertEqual(len(found), len(set(found)))
        return set(found)

    def test_a_page_is_full_although_nearly_all_of_its_second_have_reported_again(self) -> None:
        if not uses_redis():
            self.skipTest("the hashes of Redis")
        names = [str(128 * place) for place in range(200)]  # each in a hash of its own
        for name in names:
            layout().report(name, [AREA], 600, BEGIN)
        for name in names[:195]:
            layout().report(name, [AREA], 600, BEGIN + 600)
        for _ in range(2):
            page = layout().page(AREA, 600, 5, f"{BEGIN}.0.0", BEGIN + 599)
            self.assertEqual(sorted(seen.name for seen in page.seen), sorted(names[195:]))
        self.assertEqual(layout().number(AREA, 600, BEGIN + 599), 5)

    def test_no_key_of_redis_stays_for_ever(self) -> None:
        if not uses_redis():
            self.skipTest("needs Redis")
        for name in ("7", "8", "9000"):
            layout().report(name, [AREA], 600)
        client = layout().server.redis.client  # type: ignore[attr-defined]
        self.assertEqual([key for key in client.scan_iter() if client.ttl(key) < 0], [])
