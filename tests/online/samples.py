"""What settings of the tests name."""

from typing import Any


def is_hidden(user: Any) -> bool:
    return bool(user.last_name == "hidden")
