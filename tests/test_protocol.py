"""The protocol of the Redis buffer: its scripts, one step at a time, and the model that explores every interleaving."""

from __future__ import annotations

import os
import unittest

from django.db import connection
from django.test import SimpleTestCase
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from .protocol.play import CHANGES, Cast, Play, each_step
from .protocol.rules import EVERYBODY, RULES
from .protocol.world import Scripts, Violation

ONCE = connection.vendor == "sqlite" and os.environ.get("NC_BUFFER") == "redis"
LONG = bool(os.environ.get("NC_LONG"))
IN_CI = os.environ.get("CI") == "true"

#: ``print_blob`` says how to run a failing example again.
PROFILE = settings(
    max_examples=4000 if LONG else 150,
    stateful_step_count=60 if LONG else 40,
    derandomize=IN_CI,
    database=None,
    deadline=None,
    print_blob=True,
    suppress_health_check=list(HealthCheck),
)

CASTS = st.builds(
    Cast,
    writers=st.lists(st.integers(0, len(CHANGES) - 1), min_size=1, max_size=3),
    flushers=st.integers(0, 2),
    healers=st.integers(0, 2),
    readers=st.lists(st.integers(1, 2), max_size=2),
    row_flushers=st.integers(0, 1),
    may_fall_back=st.booleans(),
)


class Protocol(RuleBasedStateMachine):
    """Any process may take any of its next steps at any time."""

    scripts = Scripts()

    @initialize(cast=CASTS)
    def begin(self, cast: Cast) -> None:
        self.play = Play(self.scripts, cast)

    @rule(data=st.data())
    def step(self, data: st.DataObject) -> None:
        steps = self.play.next_steps()
        who = data.draw(st.sampled_from(list(steps)), "who")
        self.play.step(who, data.draw(st.sampled_from(steps[who]), "step"))

    def teardown(self) -> None:
        if hasattr(self, "play"):
            self.play.rest()


@unittest.skipUnless(ONCE, "it has a database of its own: it runs with SQLite and the Redis buffer only")
class ScriptsTest(SimpleTestCase):
    def test_no_count_is_lost_doubled_or_invented_whatever_comes_between_the_steps(self) -> None:
        run_state_machine_as_test(Protocol, settings=PROFILE)

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
