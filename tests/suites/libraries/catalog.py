"""The libraries: what is installed, and what the settings of a site that uses them say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

BOTH = ("sqlite", "postgresql")
POSTGRESQL = ("postgresql",)


@dataclass(frozen=True)
class Library:
    """One library.

    Attributes:
        scenario: the module in ``scenarios``.
        project: its name on the package index.
        kind: what people use it for.
        apps: what it adds to ``INSTALLED_APPS``, in front of the app of the scenario.
        settings: what else the settings say.
        databases: those on which it is tried.
        database: what the settings of the database say besides.
        migrations: apps whose own migrations are run.
        redis: the setting that says where its Redis is, which is a Valkey of its own; empty if it needs none.
        raw: what only triggers count, because it reaches the database without the ORM; empty if signals count all.
    """

    scenario: str
    project: str
    kind: str
    apps: Sequence[str] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    databases: Sequence[str] = BOTH
    database: Mapping[str, Any] = field(default_factory=dict)
    migrations: Sequence[str] = ()
    redis: str = ""
    raw: str = ""


CACHES = {"CACHES": {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}}
CACHEOPS = {"CACHEOPS": {"*.*": {"ops": "all", "timeout": 300}}}
PGTRIGGER = {"PGTRIGGER_MIGRATIONS": False, "PGTRIGGER_INSTALL_ON_MIGRATE": True}
EXTRA_SETTINGS = {"POSTGRES_EXTRA_AUTO_EXTENSION_SET_UP": False}
EXTRA_BACKEND = {"ENGINE": "psqlextra.backend"}

SCENARIO_APPS = ["notifications_counter", "tests.suites.libraries"]
TENANTS = {
    "TENANT_MODEL": "scenario.Client",
    "TENANT_DOMAIN_MODEL": "scenario.Domain",
    "TENANT_APPS": SCENARIO_APPS,
    "SHARED_APPS": ["django_tenants", "django.contrib.contenttypes", "django.contrib.auth", *SCENARIO_APPS],
    "DATABASE_ROUTERS": ["django_tenants.routers.TenantSyncRouter"],
}
TENANTS_BACKEND = {"ENGINE": "django_tenants.postgresql_backend"}

LIBRARIES = (
    Library("safedelete", "django-safedelete", "soft delete", ["safedelete"]),
    Library("soft_delete", "django-soft-delete", "soft delete", ["django_softdelete"]),
    Library("polymorphic", "django-polymorphic", "polymorphic", ["polymorphic"]),
    Library("mptt", "django-mptt", "trees", ["mptt"]),
    Library("mptt_columns", "django-mptt", "trees", ["mptt"], raw="``tree_id``, ``level``, ``lft`` and ``rght``"),
    Library("treebeard", "django-treebeard", "trees", ["treebeard"]),
    Library("tree_queries", "django-tree-queries", "trees", ["tree_queries"]),
    Library("ordered_model", "django-ordered-model", "order", ["ordered_model"]),
    Library("simple_history", "django-simple-history", "history", ["simple_history"]),
    Library("reversion", "django-reversion", "history", ["reversion"]),
    Library("auditlog", "django-auditlog", "history", ["auditlog"]),
    Library(
        "pghistory",
        "django-pghistory",
        "history",
        ["pgtrigger", "pghistory"],
        PGTRIGGER,
        POSTGRESQL,
        migrations=["pghistory"],
    ),
    Library("pgtrigger", "django-pgtrigger", "triggers", ["pgtrigger"], PGTRIGGER, POSTGRESQL),
    Library(
        "pgtrigger_rewrites",
        "django-pgtrigger",
        "triggers",
        ["pgtrigger"],
        PGTRIGGER,
        POSTGRESQL,
        raw="columns that a trigger writes",
    ),
    Library("pgbulk", "django-pgbulk", "upsert, COPY", databases=POSTGRESQL, raw="all of its functions"),
    Library("postgres_copy", "django-postgres-copy", "upsert, COPY", databases=POSTGRESQL, raw="``from_csv``"),
    Library(
        "postgres_extra",
        "django-postgres-extra",
        "upsert, COPY",
        ["psqlextra"],
        EXTRA_SETTINGS,
        POSTGRESQL,
        EXTRA_BACKEND,
        raw="``upsert``, ``bulk_upsert``, ``on_conflict``",
    ),
    Library("cacheops", "django-cacheops", "cache", ["cacheops"], CACHEOPS, redis="CACHEOPS_REDIS"),
    Library("cachalot", "django-cachalot", "cache", ["cachalot"], CACHES),
    Library("tenants", "django-tenants", "tenants", ["django_tenants"], TENANTS, POSTGRESQL, TENANTS_BACKEND),
    Library("model_utils", "django-model-utils", "models", ["model_utils"]),
    Library("lifecycle", "django-lifecycle", "models"),
    Library("taggit", "django-taggit", "tags", ["taggit"]),
    Library("import_export", "django-import-export", "import", ["import_export"]),
    Library("factories", "factory_boy", "tests"),
)
