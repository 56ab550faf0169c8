"""Sphinx's settings. The documentation needs no network and no settings of a project: Django is set up here."""

import sys
from importlib import import_module
from pathlib import Path

import django
from django.conf import settings

# The tree beside this file, and not a version that happens to be installed.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

settings.configure(
    INSTALLED_APPS=[
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "notifications_counter",
        "notifications_counter.inbox",
        "notifications_counter.contrib.clicks",
        "notifications_counter.contrib.streams",
    ],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    USE_TZ=True,
)
django.setup()

project = "notifications_counter"
author = "notifications_counter contributors"
project_copyright = author
release = version = import_module("notifications_counter").__version__

extensions = ["sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build", "benchmarks/*.rst", "tables/*.rst"]  # parts of other pages
root_doc = "index"
default_role = "code"

html_theme = "furo"
html_title = f"notifications counter {release}"

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_class_signature = "mixed"
python_use_unqualified_type_names = True
napoleon_numpy_docstring = False

# There is no network to look up other projects' names; and the base class of Counter is no public API.
nitpick_ignore = [
    ("py:exc", "FieldDoesNotExist"),
    ("py:class", "CollectorRegistry"),
    ("py:class", "notifications_counter.declaration.counter.CounterDeclaration"),
    ("py:class", "notifications_counter.revisions.T"),
    ("py:class", "notifications_counter.inbox.models.Mute"),
    ("py:exc", "InvalidChoice"),
]
nitpick_ignore_regex = [
    (r"py:.*", r"(django|datetime|decimal|collections|typing)\..*"),
]
