"""Tests of streams, which the suite of the apps alone has installed."""

from tests.support.installed import tests_of

load_tests = tests_of("notifications_counter.contrib.streams", __file__)
