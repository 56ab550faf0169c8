"""What django-haystack imports of each app."""

from __future__ import annotations

from typing import Any

from haystack import indexes

from .. import documents
from ..models import Product


class ProductIndex(indexes.SearchIndex, indexes.Indexable):
    text = indexes.CharField(document=True, model_attr="title")
    title = indexes.CharField(model_attr="title")
    category = indexes.CharField()
    tags = indexes.MultiValueField()
    reviews = indexes.MultiValueField()

    def get_model(self) -> Any:
        return Product

    def index_queryset(self, using: Any = None) -> Any:
        return Product.objects.filter(is_hidden=False)

    def should_update(self, instance: Any, **kwargs: Any) -> bool:
        return not instance.is_hidden

    def prepare_category(self, row: Any) -> str:
        return documents.category_of(row)

    def prepare_tags(self, row: Any) -> list[str]:
        return documents.tags_of(row)

    def prepare_reviews(self, row: Any) -> list[str]:
        return documents.reviews_of(row)
