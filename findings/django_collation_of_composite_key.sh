#!/bin/bash
# Django's inspectdb, and Django's introspection below it, on SQLite: the collations of all columns of a table are lost
# if its definition ends with a constraint in parentheses, as that of every model with a CompositePrimaryKey does. The
# model that inspectdb writes compares to the byte; the table, which Django itself has made, does not.
#
# Seen with Django 6.1.3 (Python 3.13) and 5.2.19 (Python 3.11), on tables that Django's schema editor made of three
# models with the same column, models.CharField(max_length=20, db_collation="NOCASE"):
#
#   the column is the primary key:                 db_collation='NOCASE' is written
#   the column is unique, beside an id:            db_collation='NOCASE' is written
#   the column is part of a CompositePrimaryKey:   no db_collation; get_table_description() says None
#
# In all three tables SQLite finds the row 'Ann' by 'ANN'. In a table that is made of the model that inspectdb wrote of
# the third, it does not.
#
# The reason: the collations are looked up in the last group of the text of CREATE TABLE as sqlparse divides it, which is
# taken for the list of columns, and is another one here.
#
# Usage: django_collation_of_composite_key.sh [PYTHON]   (needs an index of Python packages)
# Ends with 0 if it still behaves so, with 1 if that has changed.
set -euo pipefail
python=${1:-python3}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

django=$("$python" -c 'import sys; print("6.1.3" if sys.version_info >= (3, 12) else "5.2.19")')
mkdir packages
"$python" -m pip install -q --disable-pip-version-check --target packages "Django==$django" "sqlparse==0.5.3"

cat >tables.py <<'PYTHON'
import io

import django
from django.conf import settings

settings.configure(DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}})
django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import connection, models  # noqa: E402


def word(**more):
    return models.CharField(max_length=20, db_collation="NOCASE", **more)


class Key(models.Model):
    word = word(primary_key=True)

    class Meta:
        app_label = "tables"


class Unique(models.Model):
    user = models.IntegerField(default=1)
    word = word(unique=True)

    class Meta:
        app_label = "tables"


class Composite(models.Model):
    pk = models.CompositePrimaryKey("user", "word")
    user = models.IntegerField(default=1)
    word = word()

    class Meta:
        app_label = "tables"


print(f"Django {django.__version__}")
for model in (Key, Unique, Composite):
    table = model._meta.db_table
    with connection.schema_editor() as editor:
        editor.create_model(model)
    model.objects.create(word="Ann")
    written = io.StringIO()
    call_command("inspectdb", table, stdout=written)
    with connection.cursor() as cursor:
        described = {one.name: one.collation for one in connection.introspection.get_table_description(cursor, table)}
    found = model.objects.filter(word="ANN").exists()
    says = "NOCASE" if "db_collation='NOCASE'" in written.getvalue() else "nothing"
    print(f"{model.__name__}: found {found}, described {described['word']}, inspectdb writes {says}")
PYTHON

PYTHONPATH=packages "$python" tables.py | tee seen.txt
cat >expected.txt <<TEXT
Django $django
Key: found True, described NOCASE, inspectdb writes NOCASE
Unique: found True, described NOCASE, inspectdb writes NOCASE
Composite: found True, described None, inspectdb writes nothing
TEXT
if ! diff expected.txt seen.txt; then
    echo "This has changed."
    exit 1
fi
