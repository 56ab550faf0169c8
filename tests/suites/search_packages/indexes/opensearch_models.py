"""django-opensearch-models with its default signal processor, and an index that is refreshed after each write."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from ..documents import Documents, category_of, made, reviews_of, tags_of, touched

INDEXES: list[Any] = []


def settings(directory: Path) -> dict[str, Any]:
    return {
        "INSTALLED_APPS": ["django_opensearch_models"],
        "OPENSEARCH": {"default": {"hosts": os.environ["OPENSEARCH_URL"]}},
    }


def connect() -> None:
    from django_opensearch_models import Document, fields
    from django_opensearch_models.registries import registry

    from ..models import Category, Product, Review, Tag

    @registry.register_document
    class ProductDocument(Document):
        title = fields.TextField()
        category = fields.KeywordField()
        tags = fields.KeywordField(multi=True)
        reviews = fields.TextField(multi=True)

        class Index:
            name = "nc_suite_products"
            settings = {"number_of_shards": 1, "number_of_replicas": 0}
            auto_refresh = True

        class Django:
            model = Product
            related_models = [Category, Tag, Review]
            auto_refresh = True

        def get_queryset(self, *args: Any, **kwargs: Any) -> Any:
            return super().get_queryset(*args, **kwargs).filter(is_hidden=False)

        def should_index_object(self, row: Any) -> bool:
            return not row.is_hidden

        def get_instances_from_related(self, related_instance: Any) -> Any:
            return touched(related_instance)

        def prepare_category(self, row: Any) -> str:
            return category_of(row)

        def prepare_tags(self, row: Any) -> list[str]:
            return tags_of(row)

        def prepare_reviews(self, row: Any) -> list[str]:
            return reviews_of(row)

    INDEXES.append(ProductDocument)


def rebuild() -> None:
    document = INDEXES[0]
    document._index.delete(ignore_unavailable=True)
    document._index.create()
    document().update(document().get_queryset(), action="index", refresh=True)


def settle() -> None:
    """Let searches find what was written."""
    INDEXES[0]._index.refresh()


def documents() -> Documents:
    found = INDEXES[0].search().extra(size=1000).execute()
    return {hit.meta.id: made(hit.title, hit.category, hit.tags, hit.reviews) for hit in found}
