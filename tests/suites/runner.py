"""The test runner of one run of a suite: Django's, which writes down what ``record`` has noted."""

from __future__ import annotations

import os
from typing import Any

from django.test.runner import DiscoverRunner

from .attaching import attach, bear_other_queries, check_every_test, commit_every_test
from .record import Result, record

#: How changes are captured; empty in a run without counters.
CAPTURE = os.environ.get("NC_SUITES_CAPTURE")
COMMITS = bool(os.environ.get("NC_SUITES_COMMITS"))


class Runner(DiscoverRunner):
    def get_resultclass(self) -> Any:
        return Result

    def setup_databases(self, **kwargs: Any) -> Any:
        old = super().setup_databases(**kwargs)
        if COMMITS:
            commit_every_test()
        if CAPTURE:
            attach(kwargs["aliases"])
        bear_other_queries()
        check_every_test(counted=bool(CAPTURE))
        return old

    def run_suite(self, suite: Any, **kwargs: Any) -> Any:
        try:
            return super().run_suite(suite, **kwargs)
        finally:
            record.write(os.environ["NC_SUITES_RESULT"])
