"""Every way to declare or to configure it wrongly is said by a system check, with an id and a hint."""

from __future__ import annotations

import os
import subprocess
import sys
import unittest
from typing import Any
from unittest import mock

import django
import redis
from django.contrib.auth.models import User
from django.core.checks import run_checks
from django.db import connection, models
from django.db.models import F, Q
from django.test import SimpleTestCase, override_settings
from django.test.utils import isolate_apps

from notifications_counter.checks.declarations import check_counter, check_settings
from notifications_counter.conf import get_settings
from notifications_counter.counters import Counter
from notifications_counter.exceptions import CounterError
from notifications_counter.models import Notification
from tests.support.base import ROOT, child_environment
from tests.testapp.models import Ticket

REDIS = "notifications_counter.buffers.redis.RedisBuffer"


def configured(**buffer: Any) -> Any:
    return override_settings(NOTIFICATIONS_COUNTER={"BUFFERS": {"default": buffer}})


class SettingsCheckTest(SimpleTestCase):
    def said(self) -> str:
        messages = check_settings()
        for message in messages:
            self.assertTrue(message.id and message.id.startswith("notifications_counter."), message)
            self.assertTrue(message.hint or "Did you mean" in message.msg, message)
        return " ".join(f"{message.id} {message.msg}" for message in messages)

    def test_good_settings_say_nothing(self) -> None:
        self.assertEqual(self.said(), "")

    def test_an_unknown_setting_is_named_with_the_one_that_was_meant(self) -> None:
        with override_settings(NOTIFICATIONS_COUNTER={"BUFERS": {}}):
            self.assertIn("E001 NOTIFICATIONS_COUNTER: Unknown setting 'BUFERS'. Did you mean 'BUFFERS'?", self.said())
            with self.assertRaises(CounterError):
                get_settings()

    def test_an_unknown_option_is_named_with_the_one_that_was_meant(self) -> None:
        with configured(BACKEND=REDIS, OPTIONS={"URL": "redis://", "SHARD": 2}):
            self.assertIn("E002 Buffer 'default': Unknown option 'SHARD'. Did you mean 'SHARDS'?", self.said())
        with configured(BACKEND=REDIS, OPTIONS={"url": "redis://"}):
            self.assertIn("Did you mean 'URL'?", self.said())

    def test_a_buffer_that_does_not_exist_is_said(self) -> None:
        with configured(BACKEND="notifications_counter.buffers.redis.RedisBufer"):
            self.assertIn("cannot import", self.said())
        with configured(BACKEND="collections.OrderedDict"):
            self.assertIn("is no buffer", self.said())
        with configured(OPTIONS={}):
            self.assertIn("needs a 'BACKEND'", self.said())

    def test_options_with_wrong_values_are_said_with_the_value(self) -> None:
        url = {"URL": "redis://127.0.0.1"}
        for options, said in (
            ({}, "exactly one of the options URL, CACHE and CLIENT"),
            ({**url, "CACHE": "default"}, "URL, CACHE"),
            ({"URL": "http://127.0.0.1"}, "http://127.0.0.1"),
            ({"URL": 5}, "not of type int"),
            ({"URL": "redis://:gehe/im@127.0.0.1/1"}, "'redis://***@127.0.0.1/1'"),
            ({"URL": "http://me:geheim@127.0.0.1/1"}, "'http://***@127.0.0.1/1'"),
            ({"URL": "redis://127.0.0.1/1?db=x&password=geheim"}, "'redis://127.0.0.1/1?db=x&password=***'"),
            ({"URL": "me:geheim@127.0.0.1"}, "'***@127.0.0.1'"),
            ({"CLIENT": "tests.checks.clients.shared"}, "E045"),
            ({**url, "SHARDS": 0}, "SHARDS must be an integer of at least 1, not 0"),
            ({**url, "CHUNK_SIZE": "many"}, "'many'"),
            ({**url, "TIMEOUT": 0}, "TIMEOUT"),
            ({**url, "THREADS": "8"}, "THREADS must be a number of threads, not '8'"),
            ({**url, "PREFIX": "a{b"}, "PREFIX"),
            ({"CLIENT": "tests.nothing.client"}, "tests.nothing.client"),
            ({"CACHE": "nowhere"}, "E012"),
            ({"CACHE": "default"}, "E013"),
        ):
            with self.subTest(options=options), configured(BACKEND=REDIS, OPTIONS=options):
                self.assertIn(said, self.said())
                self.assertNotRegex(self.said(), "geh|im@")

    def test_a_client_that_cannot_be_made_for_want_of_a_server_is_no_error(self) -> None:
        with configured(BACKEND=REDIS, OPTIONS={"CLIENT": "tests.checks.clients.nowhere"}):
            self.assertEqual(self.said(), "")

    def test_a_cache_that_shares_a_connection_is_an_error(self) -> None:
        options = {"REDIS_CLIENT_KWARGS": {"single_connection_client": True}}
        cache = {"BACKEND": "django_redis.cache.RedisCache", "LOCATION": "redis://127.0.0.1/0", "OPTIONS": options}
        with override_settings(CACHES={"counts": cache}), configured(BACKEND=REDIS, OPTIONS={"CACHE": "counts"}):
            self.assertIn("E045", self.said())

    def test_fewer_connections_than_a_worker_has_threads_are_warned_of(self) -> None:
        pool = {"CONNECTION_POOL_KWARGS": {"max_connections": 4}}
        cache = {"BACKEND": "django_redis.cache.RedisCache", "LOCATION": "redis://127.0.0.1/0", "OPTIONS": pool}
        for client in ({"CLIENT": "tests.checks.clients.few"}, {"CACHE": "counts"}):
            for threads, arguments, warned in (
                (5, "", True),
                (4, "--threads 50", False),
                (None, "-w 3 --threads=5", True),
                (None, "--threads 4 --bind :8000", False),
                (None, "--threads many", False),
                (None, "", False),
            ):
                options = {**client, "THREADS": threads}
                with (
                    self.subTest(options, arguments=arguments),
                    override_settings(CACHES={"counts": cache}),
                    mock.patch.dict(os.environ, {"GUNICORN_CMD_ARGS": arguments}),
                    configured(BACKEND=REDIS, OPTIONS=options),
                ):
                    self.assertEqual("W026" in self.said(), warned, self.said())

    def test_a_cache_that_is_shared_or_has_no_time_out_is_warned_of(self) -> None:
        redis_cache = {"BACKEND": "django_redis.cache.RedisCache", "LOCATION": "redis://127.0.0.1/0"}
        with (
            override_settings(CACHES={"default": redis_cache}),
            configured(BACKEND=REDIS, OPTIONS={"CACHE": "default"}),
        ):
            said = self.said()
        self.assertIn("W001", said)
        self.assertIn("W002", said)
        default = redis.Connection().socket_timeout
        self.assertIn(f"waits for {default} s" if default else "has no time-out", said)

    def test_a_missing_extra_is_named(self) -> None:
        program = (
            "import sys; sys.modules['redis'] = None\n"
            "import django; from django.conf import settings; django.setup()\n"
            "from notifications_counter.checks.declarations import check_settings; print(check_settings()[0])"
        )
        done = subprocess.run(
            [sys.executable, "-c", program],
            cwd=ROOT,
            env=child_environment(NC_BUFFER="redis"),
            capture_output=True,
            text=True,
        )
        self.assertIn("python -m pip install '.[redis]'", done.stdout, done.stderr)
        self.assertIn("E003", done.stdout)


class ElsewhereRouter:
    def db_for_write(self, model: Any, **hints: Any) -> str | None:
        return "other" if model is Ticket else None


class DeclarationCheckTest(SimpleTestCase):
    databases = {"default"}  # Django's check of JSON fields asks it what it can do

    def said(self, counter: Counter, **fields: Any) -> str:
        fields = fields or {"count": models.BigIntegerField(default=0)}
        with isolate_apps("tests.testapp"):
            attributes = {
                "__module__": "tests.testapp.models",
                "user": models.OneToOneField(User, models.CASCADE, primary_key=True, related_name="+"),
                "counter": counter,
                **fields,
            }
            model = type("Wrong", (models.Model,), attributes)
        messages = check_counter(model.counter)  # type: ignore[attr-defined]
        for message in messages:
            self.assertTrue(message.hint, message)
        return " ".join(f"{message.id} {message.msg}" for message in messages)

    def test_the_declarations_of_this_project_are_right(self) -> None:
        loose = {"shop.WordReadings", "shop.UserWordReadings", "shop.WordUserReadings"}
        warned = set() if connection.vendor == "postgresql" else loose  # which says it with --database
        found = run_checks(tags=["models"], databases=["default"])
        found = [message for message in found if message.id != "mysql.W003"]  # Django's, of MySQL's old limit of keys
        self.assertEqual({message.obj._meta.label for message in found}, warned)
        self.assertLessEqual({message.id for message in found}, {"notifications_counter.W003"})

    def test_a_text_key_whose_collation_mixes_keys_is_warned_of_on_mariadb(self) -> None:
        for collation, expected in ((None, connection.vendor == "mysql"), ("utf8mb4_nopad_bin", False)):
            key = models.CharField(max_length=50, primary_key=True, db_collation=collation)
            self.assertEqual("W003" in self.said(Counter(), user=key, count=models.BigIntegerField()), expected)

    def test_a_right_one_says_nothing(self) -> None:
        self.assertEqual(self.said(Counter(Notification, "user", Q(has_read=False))), "")

    def test_a_count_model_without_one_integer_field_is_said(self) -> None:
        two = {"one": models.BigIntegerField(default=0), "two": models.BigIntegerField(default=0)}
        self.assertIn("E004", self.said(Counter(Notification, "user"), **two))
        self.assertEqual("", self.said(Counter(Notification, "user", field="two"), **two))
        self.assertIn("E004", self.said(Counter(Notification, "user"), name=models.TextField(default="")))
        self.assertIn("'three'", self.said(Counter(Notification, "user", field="three"), **two))
        positive = models.PositiveIntegerField(default=0)
        self.assertIn("E011", self.said(Counter(Notification, "user"), count=positive))

    def test_a_field_for_which_a_flush_knows_no_value_is_said(self) -> None:
        fields = {"count": models.BigIntegerField(default=0), "name": models.TextField()}
        self.assertIn("E010", self.said(Counter(Notification, "user"), **fields))

    def test_a_source_or_key_that_is_not_there_is_said(self) -> None:
        self.assertIn("E006", self.said(Counter("nowhere.Nothing", "user")))
        self.assertIn("E006", self.said(Counter("Nothing", "user")))
        self.assertIn("E007", self.said(Counter(Notification, "owner")))
        self.assertIn("E007", self.said(Counter(Notification)))
        self.assertIn("E005", self.said(Counter(key="user")))

    def test_a_condition_that_cannot_be_answered_in_memory_and_in_sql_is_said(self) -> None:
        for condition in (
            Q(user__is_active=True),
            Q(text__contains="x"),
            Q(has_read=F("kind")),
            Q(nothing=1),
            Q(has_read__exact__foo=1),
            Q(user__gt=None),
            Q(F("has_read")),
            Q(has_read=True) ^ Q(kind="x"),
            ~Q(Q(kind="x") | Q(created_at__year=2026)),
        ):
            with self.subTest(condition=condition):
                self.assertIn("E008", self.said(Counter(Notification, "user", condition)))

    @override_settings(DATABASE_ROUTERS=["tests.checks.test_checks.ElsewhereRouter"])
    def test_a_source_in_another_database_than_its_counts_is_said(self) -> None:
        self.assertIn("E009", self.said(Counter(Ticket, "assignee")))

    @unittest.skipUnless(django.VERSION >= (6, 1), "Django's databases cascade by themselves from 6.1 on")
    def test_a_source_whose_rows_the_database_deletes_by_itself_is_warned_of(self) -> None:
        with isolate_apps("tests.testapp"):
            owner = models.ForeignKey(User, models.DB_CASCADE, related_name="+")
            source = type("Gone", (models.Model,), {"__module__": "tests.testapp.models", "owner": owner})
        self.assertIn("W004", self.said(Counter(source, "owner")))

    def test_a_buffer_that_is_not_configured_is_said(self) -> None:
        self.assertIn("E002", self.said(Counter(Notification, "user", buffer="fast")))
