"""The page of the inbox."""

from typing import Any

urlpatterns: list[Any] = []
