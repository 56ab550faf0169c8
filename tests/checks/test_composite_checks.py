"""Composite keys that do not fit are said by manage.py check."""

from __future__ import annotations

import subprocess
import sys

from django.test import SimpleTestCase

from tests.support.base import ROOT, child_environment


class ChecksTest(SimpleTestCase):
    def test_manage_py_check_says_what_does_not_fit(self) -> None:
        command = [sys.executable, "-m", "django", "check", "--settings=tests.wrong_keys.settings"]
        said = subprocess.run(command, cwd=ROOT, env=child_environment(), capture_output=True, text=True).stderr
        sentences = (
            "E021) wrong_keys.OneForTwo.counter: key='user' has not as many columns as the primary key of",
            "E021) wrong_keys.TwoForOne.counter: key=('user', 'kind') has not as many columns as the primary key of",
            "E021) wrong_keys.ThreeForTwo.counter: key=('user', 'kind', 'number') has not as many columns as",
            "E021) wrong_keys.TupleOfOne.counter: key=('user',) has not as many columns as the primary key of",
            "E021) wrong_keys.OtherOrder.counter: key=('kind', 'user') has another order than the primary key.",
            "E007) wrong_keys.NoColumn.counter: key: wrong_keys.Note has no column 'color'.",
            "E019) wrong_keys.OtherType.counter: a trigger cannot write 'number' as wrong_keys.OtherType writes",
            "E004) wrong_keys.KeyAsCount.counter: 'user' is part of the primary key.",
        )
        for sentence in sentences:
            with self.subTest(sentence):
                self.assertIn(sentence, said)
        self.assertEqual(said.count("(notifications_counter.E"), len(sentences), said)
