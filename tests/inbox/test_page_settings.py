"""The settings of the page are refused where they are wrong, with what is wrong."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.checks import run_checks
from django.test import SimpleTestCase, override_settings
from django.utils.translation import gettext_lazy

from notifications_counter.exceptions import InvalidSettings
from notifications_counter.inbox.conf import inbox_settings
from notifications_counter.inbox.kinds import icon_templates, in_order, label_of
from tests.support.base import CounterTestCase, notify


def given(**values: Any) -> override_settings:
    return override_settings(NOTIFICATIONS_COUNTER={**settings.NOTIFICATIONS_COUNTER, "INBOX": values})


class SettingsTest(SimpleTestCase):
    def test_each_wrong_value_is_named(self) -> None:
        for values, said in (
            ({"PAGE_SIZE": 0}, "PAGE_SIZE"),
            ({"PAGE_SIZE": 201}, "from 1 to 200, not 201"),
            ({"ALLOWED_HOSTS": "shop.example"}, "'shop.example'"),
            ({"BADGE": "all"}, "'all'"),
            ({"KINDS": ["comment"]}, "['KINDS'] must map each kind"),
            ({"KINDS": {"comment": "Comments"}}, "['KINDS']['comment'] must be a dictionary"),
            ({"KINDS": {"comment": {"lable": "x"}}}, "Did you mean 'label'"),
            ({"KINDS": {"comment": {"label": 1}}}, "['label'] must be text, not 1"),
            ({"KINDS": {"comment": {"icon": "../x"}}}, "not '../x'"),
        ):
            with given(**values), self.assertRaises(InvalidSettings) as caught:
                inbox_settings()
            self.assertIn(said, str(caught.exception))

    def test_the_app_of_the_counters_is_named_where_it_is_missing(self) -> None:
        installed = ["django.contrib.auth", "django.contrib.contenttypes", "notifications_counter.inbox"]
        program = f"from django.conf import settings; settings.configure(INSTALLED_APPS={installed})"
        command = [sys.executable, "-c", f"{program}\nimport django; django.setup()"]
        done = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True)
        self.assertIn("it needs 'notifications_counter', too", done.stderr)

    def test_a_kind_has_the_name_and_the_icon_that_it_is_given_or_its_own(self) -> None:
        with given(KINDS={"b": {"label": gettext_lazy("Yes"), "icon": "star"}, "a": {}}):
            self.assertEqual(
                [label_of(kind) for kind in ("b", "a", "new_order", "")], ["Yes", "A", "New order", "Other"]
            )
            self.assertEqual(in_order({"", "z", "y", "a", "b"}), ["b", "a", "y", "z", ""])
            self.assertTrue(icon_templates("b")[0].endswith("icons/star.svg"))
        self.assertEqual([len(icon_templates(kind)) for kind in ("like", "../like", "Like", "")], [2, 1, 1, 1])


class KindsCheckTest(CounterTestCase):
    def found(self, **values: Any) -> list[str]:
        with given(**values):
            messages = run_checks(tags=["database"], databases=["default"])
        return [each.msg for each in messages if each.id == "notifications_counter.W091"]

    def test_a_kind_that_is_sent_and_not_declared_is_named_with_the_nearest_one(self) -> None:
        (user,) = self.make_users(1)
        for kind in ("comment", "coment", ""):
            notify(user, kind=kind)
        (said,) = self.found(KINDS={"comment": {}, "like": {}})
        self.assertIn("Unknown kind 'coment'. Did you mean 'comment'?", said)
        self.assertEqual(self.found(KINDS={"comment": {}, "coment": {}}), [])
        self.assertEqual(self.found(), [], "a site that declares none has nothing to correct")
