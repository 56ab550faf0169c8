"""The protocol of the Redis buffer: its scripts, one step at a time, and the model that explores every interleaving."""

from __future__ import annotations

import os
import unittest
from contextlib import redirect_stdout
from io import StringIO

from django.db import connection
from django.test import SimpleTestCase, tag
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from tests.support.walks import LONG, SEED, by_effort

from . import protocol_model
from .protocol.play import CHANGES, Cast, Play, each_step
from .protocol.rules import EVERYBODY, RULES
from .protocol.world import Dropped, Scripts, Violation

ONCE = connection.vendor == "sqlite" and os.environ.get("NC_BUFFER") == "redis"

#: A failure is printed with the line that repeats it: put that decorator before ``class Protocol``.
RANDOM = settings(
    max_examples=by_effort(60, 200, 4000),
    stateful_step_count=60 if LONG else 40,
    database=None,
    deadline=None,
    phases=[Phase.generate, Phase.shrink],
    print_blob=True,
    suppress_health_check=list(HealthCheck),
)

#: The same steps each time, and the first failure is enough.
SEARCH = settings(
    RANDOM,
    max_examples=5000 if LONG else 500,
    stateful_step_count=40,
    derandomize=True,
    phases=[Phase.generate],
    print_blob=False,
    report_multiple_bugs=False,
)

#: Rules whose absence random steps find only after some hundred tries: these are sought with --long.
RARE = {
    "a correction needs a guard",
    "a correction needs a guard of its own",
    "a correction sent again counts once",
    "a fill compares the number of the batch",
    "a fill compares the version",
    "a group is filled only if the batch is as it was",
    "a flagged token gives no right to add",
    "a push ends a recount under way",
    "an intent ends a recount under way",
    "an intent is looked at in time beside older ones",
    "forgetting changes the version",
    "intents of live writers are kept",
}

CASTS = st.builds(
    Cast,
    writers=st.lists(st.integers(0, len(CHANGES) - 1), min_size=1, max_size=3),
    flushers=st.integers(0, 2),
    healers=st.integers(0, 2),
    readers=st.lists(st.integers(1, 2), max_size=2),
    group_readers=st.integers(0, 2),
    row_flushers=st.integers(0, 1),
    may_fall_back=st.booleans(),
    fate=st.booleans(),
    may_freeze=st.booleans(),
)


def machine(casts: st.SearchStrategy[Cast], dropped: Dropped | None = None) -> type[RuleBasedStateMachine]:
    """A state machine in which any process may take any of its next steps at any time."""

    class Protocol(RuleBasedStateMachine):
        scripts = Scripts(dropped)
        is_right = False

        @initialize(cast=casts)
        def begin(self, cast: Cast) -> None:
            self.play = Play(self.scripts, cast)
            self.is_right = True

        @rule(data=st.data())
        def step(self, data: st.DataObject) -> None:
            steps = self.play.next_steps()
            who = data.draw(st.sampled_from(list(steps)), "who")
            what = data.draw(st.sampled_from(steps[who]), "step")
            self.is_right = False
            self.play.step(who, what)
            self.is_right = True

        def teardown(self) -> None:
            if self.is_right:
                self.play.rest()

    return Protocol


@unittest.skipUnless(ONCE, "it has a database of its own: it runs with SQLite and the Redis buffer only")
class ScriptsTest(SimpleTestCase):
    def test_no_count_is_lost_doubled_or_invented_whatever_comes_between_the_steps(self) -> None:
        print(f"NC_SEED={SEED}: {RANDOM.max_examples} random plays", flush=True)
        run_state_machine_as_test(seed(SEED)(machine(CASTS)), settings=RANDOM)

    def test_each_rule_is_needed_by_some_steps(self) -> None:
        for name, kept in RULES.items():
            with self.subTest(name):
                *most, last = each_step(kept.steps)
                play = Play(Scripts(kept.dropped), EVERYBODY)
                for who, step in most:
                    play.step(who, step)
                with self.assertRaises(Violation):
                    play.replay(": ".join(last))

    def test_the_same_steps_go_well_with_all_rules(self) -> None:
        scripts = Scripts()
        for name, kept in RULES.items():
            with self.subTest(name):
                play = Play(scripts, EVERYBODY)
                play.replay(kept.steps)
                play.rest()

    @tag("long")
    def test_random_steps_find_a_rule_that_is_missing(self) -> None:
        for name in RULES if LONG else RULES.keys() - RARE:
            with self.subTest(name), self.assertRaises(Violation), redirect_stdout(StringIO()):
                run_state_machine_as_test(machine(st.just(RULES[name].cast()), RULES[name].dropped), settings=SEARCH)


@unittest.skipUnless(ONCE, "it needs no server: once is enough")
class ModelTest(SimpleTestCase):
    def test_each_rule_is_needed_by_some_interleaving(self) -> None:
        for name, configuration in protocol_model.RULES.items():
            with self.subTest(name):
                _, wrong, _ = protocol_model.explore(protocol_model.CONFIGURATIONS[configuration], broken=name)
                self.assertIsNotNone(wrong)

    @unittest.skipUnless(LONG, "millions of states: --long, or python -m tests.buffers.protocol_model")
    def test_no_interleaving_goes_wrong(self) -> None:
        for name, configuration in protocol_model.CONFIGURATIONS.items():
            with self.subTest(name):
                _, wrong, path = protocol_model.explore(configuration)
                self.assertIsNone(wrong, path)
