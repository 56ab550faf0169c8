"""Tests of the inbox, which the suite of the apps alone has installed."""

from tests.support.installed import tests_of

load_tests = tests_of("notifications_counter.inbox", __file__)
