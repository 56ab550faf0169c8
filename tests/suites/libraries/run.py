"""One library on one database with one capture, in a process of its own; prints JSON.

NC_SUITES_CAPTURE=signals|triggers [NC_DATABASE_URL=...] python -m tests.suites.libraries.run SCENARIO
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from collections.abc import Sequence
from importlib import import_module
from typing import Any

import django
from django.apps import AppConfig
from django.conf import settings
from django.core.management import call_command
from django.test.utils import setup_databases

from ..databases import database
from ..names import settings as counter_settings
from .catalog import LIBRARIES

SCENARIO = sys.argv[1] if len(sys.argv) > 1 else ""


class ScenarioConfig(AppConfig):
    """The app whose models are those of the scenario."""

    name = "tests.suites.libraries"
    label = "scenario"
    default_auto_field = "django.db.models.BigAutoField"

    def import_models(self) -> None:
        self.models = self.apps.all_models[self.label]
        import_module(f"{self.name}.models")
        self.models_module = import_module(f"{self.name}.scenarios.{SCENARIO}")


class NoMigrations:
    """Tables are made at once, as the models are."""

    def __init__(self, but: Sequence[str]) -> None:
        self.but = but

    def __contains__(self, label: str) -> bool:
        return label not in self.but

    def __getitem__(self, label: str) -> None:
        return None


def main() -> None:
    (library,) = (each for each in LIBRARIES if each.scenario == SCENARIO)
    settings.configure(
        SECRET_KEY="only for tests",
        USE_TZ=True,
        DATABASES={"default": database(f"_{SCENARIO}") | library.database},
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        MIGRATION_MODULES=NoMigrations(library.migrations),
        INSTALLED_APPS=[
            "django.contrib.contenttypes",
            "django.contrib.auth",
            *library.apps,
            "notifications_counter",
            "tests.suites.libraries.run.ScenarioConfig",
        ],
        NOTIFICATIONS_COUNTER=counter_settings(),
        SILENCED_SYSTEM_CHECKS=["notifications_counter.W017"],
        **library.settings,
        **({library.redis: os.environ["NC_REDIS_URL"]} if library.redis else {}),
    )
    django.setup()
    call_command("check", verbosity=0)
    databases = setup_databases(verbosity=0, interactive=False)
    try:
        print(json.dumps(play(), default=str))
    finally:
        for connection, name, destroy in databases:
            if destroy:
                connection.creation.destroy_test_db(name, verbosity=0)


def play() -> dict[str, Any]:
    """What was done, and what was wrong after which step."""
    from django.contrib.auth.models import User

    from .counted import COUNTED, wrong_counts

    done, wrong, error = [], {}, ""
    users = [User.objects.create(username=name) for name in ("ada", "bob")]
    for model, *_ in COUNTED:
        model.counter.flush()
    try:
        for step in import_module(f"tests.suites.libraries.scenarios.{SCENARIO}").steps(*users):
            done.append(step)
            if found := list(wrong_counts()):
                wrong[step] = found
    except Exception:
        error = traceback.format_exc()
    return {"done": done, "wrong": wrong, "error": error, "counters": len(COUNTED)}


if __name__ == "__main__":
    sys.modules["tests.suites.libraries.run"] = sys.modules["__main__"]
    main()
