"""The command, the checks and the metrics of search."""

from __future__ import annotations

import io
import json
from typing import Any

from django.core.management import CommandError, call_command
from django.db import connection, models
from django.db.models import Q
from django.test.utils import isolate_apps

from notifications_counter.contrib.search import Field, SearchIndex
from notifications_counter.contrib.search.problems import problems
from notifications_counter.projections.tables import ProjectionProgress
from tests.support.base import CounterTestCase

from .base import flush_all, settings_with
from .models import Category, Item


def run(*arguments: str) -> str:
    out = io.StringIO()
    call_command("search_index", *arguments, stdout=out)
    return out.getvalue()


class CommandTest(CounterTestCase):
    LABEL = "search_tests.Item.search"

    def test_create_makes_documents_of_rows_that_are_there_and_says_when_there_is_nothing_to_do(self) -> None:
        Item.objects.bulk_create([Item(title=f"number {number}") for number in range(3)])
        ProjectionProgress.objects.all().delete()
        self.assertIn(f"{self.LABEL}: 3 rows are there.", run(self.LABEL, "--create"))
        self.assertIn(f"{self.LABEL}: is there.", run(self.LABEL, "--create"))
        self.assertIn("no rebuild was stopped", run(self.LABEL, "--resume"))

    def test_the_status_as_text_and_as_json(self) -> None:
        Item.objects.create(title="one")
        run(self.LABEL, "--rebuild")
        self.assertRegex(run(self.LABEL, "--status"), r"DatabaseSink: complete\n +documents: 1\n")
        found = json.loads(run(self.LABEL, "--status", "--json"))[0]
        self.assertEqual((found["label"], found["is_complete"], found["pending"]), (self.LABEL, True, 0))

    def test_check_ends_with_a_failure_where_documents_differ_and_mends_them(self) -> None:
        Item.objects.create(title="one")
        run(self.LABEL, "--rebuild")
        self.assertIn("0 missing, 0 stale, 0 without a row", run(self.LABEL, "--check"))
        with connection.cursor() as cursor:
            cursor.execute("UPDATE search_tests_item SET title = 'two'")
        with (
            self.assertLogs("notifications_counter", "ERROR"),
            self.assertRaisesMessage(CommandError, "differed from their rows"),
        ):
            run(self.LABEL, "--check")
        self.assertIn("0 missing, 0 stale", run(self.LABEL, "--check"))

    def test_an_unknown_index_is_named_with_those_that_there_are(self) -> None:
        with self.assertRaisesMessage(CommandError, "Unknown search index 'search_tests.Itm.search'"):
            run("search_tests.Itm.search", "--status")

    def test_the_database_keeps_nothing_of_before_a_rebuild(self) -> None:
        with self.assertRaisesMessage(CommandError, "keeps nothing of before a rebuild"):
            run(self.LABEL, "--rollback")

    def test_metrics_say_what_is_pending_and_whether_all_is_there(self) -> None:
        from prometheus_client import CollectorRegistry

        from notifications_counter.contrib.search.metrics import register

        registry = CollectorRegistry()
        register(registry)
        run("--create")
        Category.objects.create(name="one")
        Item.objects.create(title="one")

        def value(name: str) -> Any:
            labels = {"index": self.LABEL, "database": "default"}
            return registry.get_sample_value(f"notifications_counter_search_{name}", labels)

        self.assertEqual([value(name) for name in ("up", "complete", "available", "set_aside")], [1, 1, 1, 0])
        Category.objects.update(name="two")
        self.assertGreater(value("pending"), 0)
        flush_all()
        self.assertEqual(value("pending"), 0)


class ChecksTest(CounterTestCase):
    def test_wrong_settings_are_said_by_check(self) -> None:
        for search, sentence in (
            ({"SINK": "nowhere"}, "must be one of 'database'"),
            ({"SINK": "tests.nothing.Sink"}, "cannot import 'tests.nothing.Sink'"),
            ({"PREFIX": "Upper"}, "lower-case letters"),
            ({"CHUNK_SIZE": 0}, "from 1 to 10000"),
            ({"TIMEOUT": 0}, "above 0"),
            ({"SNIK": 1}, "'SNIK'"),
        ):
            with self.subTest(search), settings_with(**search), self.assertRaises(Exception) as raised:
                call_command("check")
            self.assertIn(sentence, str(raised.exception))

    @isolate_apps("tests.search")
    def test_wrong_declarations_are_explained(self) -> None:
        class Writer(models.Model):
            name = models.CharField(max_length=10)

        class Text(models.Model):
            title = models.CharField(max_length=10)
            writer = models.ForeignKey(Writer, models.CASCADE)

        for options, sentence in (
            ({"fields": {}}, "it has no fields"),
            ({"fields": {"titel": "text"}}, "has no field 'titel'"),
            ({"fields": {"nc_x": "text"}}, "cannot be called 'nc_x'"),
            ({"fields": {"writer": Field("text", "writer__name")}}, "add it to related, with the path 'writer'"),
            ({"fields": {"title": "text"}, "related": {Writer: "author"}}, "has no relation 'author'"),
            ({"fields": {"title": "text"}, "language": "klingon"}, "Unknown language 'klingon'"),
            ({"fields": {"title": "text"}, "capture": "magic"}, "capture must be"),
            ({"fields": {"title": "text"}, "filter": Q(nothing=1)}, "filter: "),
            ({"fields": {"title": "text"}, "popularity": "fame"}, "has no field 'fame'"),
        ):
            with self.subTest(sentence):
                index = SearchIndex(**options)
                index.model = Text
                self.assertIn(sentence, " ".join(problems(index)))
        self.assertEqual(problems(self.right(Text, Writer)), [])

    def right(self, text: Any, writer: Any) -> SearchIndex:
        index = SearchIndex(
            fields={"title": "text", "writer": Field("text", "writer__name")}, related={writer: "writer"}
        )
        index.model = text
        return index
