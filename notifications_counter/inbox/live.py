"""The live badge of the inbox."""

from typing import Any

urlpatterns: list[Any] = []
