"""A user's number, read once a page, whoever shows it there: tags, the context processor, the middleware."""

from __future__ import annotations

import json
from collections.abc import Callable, MutableMapping
from decimal import Decimal
from typing import Any

from django.db import models

from .counters import Counter, get_counter
from .models import UserNotificationsCount

#: A count, or a sum of decimals.
Number = int | Decimal

#: On the request: (label of the counter, key of the user as text) -> the number.
MEMORY = "_notifications_counter_unread"
Memory = MutableMapping[tuple[str, str], Number]


def _unread() -> Counter:
    return UserNotificationsCount.counter


#: Says which counter a badge shows where its tag names none; an app may put another function here in ``ready()``.
_shown: list[Callable[[], Counter]] = [_unread]


def show(counter: Callable[[], Counter]) -> None:
    """Let badges show another counter where they name none.

    Args:
        counter: says which, each time a badge is shown.
    """
    _shown[:] = [counter]


def shown_counter() -> Counter:
    """What a badge shows where it names nothing else."""
    return _shown[0]()


#: A number of each of CLDR's categories, in whatever language has it: a script chooses its words by the category.
CATEGORIES = {"zero": 10, "one": 1, "two": 2, "few": 3, "many": 11, "other": 100}


def plural_forms(say: Callable[[int], str]) -> str:
    """What a script says of each category of numbers, of those that are not said as any other is, as JSON.

    Args:
        say: what is said of a number, for which ``#`` stands in it.
    """
    forms = {category: say(number) for category, number in CATEGORIES.items()}
    other = forms["other"]
    own = {category: form for category, form in forms.items() if form != other}
    return json.dumps({**own, "other": other}, ensure_ascii=False)


def resolve(counter: Counter | str) -> Counter:
    """A counter, or that of a label, such as "shop.InboxCount".

    Raises:
        InvalidSettings: there is none of that label.
    """
    return get_counter(counter) if isinstance(counter, str) else counter


def memory_of(request: Any) -> Memory:
    """What a request remembers."""
    if not hasattr(request, MEMORY):
        setattr(request, MEMORY, {})
    memory: Memory = getattr(request, MEMORY)
    return memory


def count_of(user: Any, counter: Counter, memory: Memory) -> Number | None:
    """A user's number, read once; None where nobody is logged in."""
    key = _key(user)
    if key is None:
        return None
    place = (counter.label, counter.key_text(key))
    if place not in memory:
        memory[place] = counter.value(key)
    return memory[place]


async def acount_of(user: Any, counter: Counter, memory: Memory) -> Number | None:
    """The asynchronous form of ``count_of``."""
    key = _key(user)
    if key is None:
        return None
    place = (counter.label, counter.key_text(key))
    if place not in memory:
        memory[place] = await counter.avalue(key)
    return memory[place]


def _key(user: Any) -> Any:
    """The key of a user, who may be given by the primary key; None of nobody."""
    if not getattr(user, "is_authenticated", user is not None):
        return None
    # What is no model may have a primary key too, such as the user of a token.
    return user if isinstance(user, models.Model) else getattr(user, "pk", user)


def unread_count(request: Any) -> int:
    """How many unread notifications the user of a request has; 0 where nobody is logged in."""
    return int(count_of(getattr(request, "user", None), _unread(), memory_of(request)) or 0)


async def aunread_count(request: Any) -> int:
    """The asynchronous form of ``unread_count``."""
    user = await request.auser() if hasattr(request, "auser") else getattr(request, "user", None)
    return int(await acount_of(user, _unread(), memory_of(request)) or 0)
