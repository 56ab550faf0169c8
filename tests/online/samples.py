"""What settings of the tests name."""

from typing import Any


def is_hidden(user: Any) -> bool:
    return bool(user.last_name == "hidden")


def address_in_header(request: Any) -> str | None:
    found: str | None = request.headers.get("X-Client")
    return found
