"""An app with a counter that a test installs counts while it is installed, and no longer."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from django.db import connection
from django.test import modify_settings

from notifications_counter.counters import Counter, counters
from notifications_counter.flushing import flush_all
from notifications_counter.ledger.tables import Delta, Progress
from tests.capture.test_sources import SourceTestCase
from tests.shop.models import Claim, OpenClaims

LABEL = "late.LateClaims.counter"


class InstalledAppsTest(SourceTestCase):
    def late(self) -> Any:
        return import_module("tests.late.models").LateClaims

    def test_an_app_that_is_installed_for_a_while_counts_for_a_while(self) -> None:
        (user,) = self.make_users(1)
        for number in (1, 2):
            with modify_settings(INSTALLED_APPS={"append": "tests.late"}):
                with connection.schema_editor() as editor:
                    editor.create_model(self.late())
                counter: Counter = self.late().counter
                self.assertIn(LABEL, [each.label for each in counters()])
                counter.flush()
                Claim.objects.bulk_create([Claim(user=user), Claim(user=user)])
                Claim.objects.create(user=user)
                claim = Claim.objects.filter(closed=False).first()
                claim.closed = True
                claim.save()
                self.assert_true(counter, [user.pk])
                self.assertEqual(counter.value(user.pk), Claim.objects.filter(closed=False).count())
                with connection.schema_editor() as editor:
                    editor.delete_model(self.late())
            self.assertNotIn(LABEL, [each.label for each in counters()], number)
            for table in (Delta, Progress):
                table.objects.filter(counter=LABEL).delete()
            Claim.objects.create(user=user)
            Claim.objects.filter(user=user).last().delete()
            self.assertFalse(Delta.objects.filter(counter=LABEL).exists(), number)
            self.assert_true(OpenClaims.counter, [user])
            self.assertFalse([result for result in flush_all() if result.problems], number)
