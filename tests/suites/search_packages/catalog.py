"""What is compared."""

from __future__ import annotations

from dataclasses import dataclass

#: The series of Django that all are tried with.
DJANGO = "6.1.*"


@dataclass(frozen=True)
class Package:
    """One column of the table.

    Attributes:
        index: the module of ``indexes`` that sets it up.
        title: how the table calls it.
        projects: what is installed; its version is that of the first. Empty for this tree.
        server: the environment variable with the URL of the engine; empty if it needs none.
        capture: how this tree captures changes.
    """

    index: str
    title: str
    projects: tuple[str, ...] = ()
    server: str = ""
    capture: str = ""

    @property
    def name(self) -> str:
        """How the command calls it."""
        return f"{self.index}-{self.capture}" if self.capture else self.index


PACKAGES = [
    Package("ours", "``contrib.search``, signals", capture="signals"),
    Package("ours", "``contrib.search``, triggers", capture="triggers"),
    Package("haystack", "django-haystack", ("django-haystack", "whoosh")),
    Package("opensearch_dsl", "django-opensearch-dsl", ("django-opensearch-dsl",), "OPENSEARCH_URL"),
    Package("opensearch_models", "django-opensearch-models", ("django-opensearch-models",), "OPENSEARCH_URL"),
    Package(
        "elasticsearch_dsl",
        "django-elasticsearch-dsl",
        # Release 9.0 writes empty documents with later clients: django-es/django-elasticsearch-dsl#505.
        ("django-elasticsearch-dsl", "elasticsearch<9.4"),
        "ELASTICSEARCH_URL",
    ),
]
