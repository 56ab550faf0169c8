"""The JSON API of the inbox."""

from typing import Any

urlpatterns: list[Any] = []
