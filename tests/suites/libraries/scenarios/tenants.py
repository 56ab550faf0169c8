"""A schema for each tenant: the same model has rows and counts of its own in each."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.db import connection, models, transaction
from django.db.models import Q
from django_tenants.models import DomainMixin, TenantMixin
from django_tenants.utils import schema_context

from ..counted import count


class Client(TenantMixin):
    auto_create_schema = False  # tables of models without migrations are made below


class Domain(DomainMixin):
    pass


class Item(models.Model):
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE)
    open = models.BooleanField(default=True)


count(Item, "user", Q(open=True))


def make_tenant(name: str) -> None:
    Client.objects.create(schema_name=name)
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE SCHEMA {name}")
    call_command("migrate_schemas", tenant=True, schema_name=name, run_syncdb=True, interactive=False, verbosity=0)


def steps(ada: Any, bob: Any) -> Iterator[str]:
    Item.objects.create(user=ada)
    yield "rows of the public schema"
    for name in ("first", "second"):
        make_tenant(name)
    with schema_context("first"):
        Item.objects.bulk_create([Item(user=user) for user in (ada, ada, ada, bob)])
        yield "rows of a tenant"
    with schema_context("second"):
        yield "a tenant without rows"
        item = Item.objects.create(user=ada)
        yield "rows of another tenant under the same key"
        item.open = False
        item.save()
    with schema_context("first"):
        Item.objects.filter(user=ada).first().delete()
        yield "a change of each"
    with transaction.atomic():
        for name in ("first", "second"):
            with schema_context(name):
                Item.objects.create(user=bob)
    for name in ("first", "second"):
        with schema_context(name):
            yield "both in one transaction"
