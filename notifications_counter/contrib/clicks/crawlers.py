"""Programs that fetch addresses by themselves, told by the ``User-Agent`` that they send.

Two lists, each of which knows some that the other does not (``python -m benchmarks crawlers`` prints which).
"""

from __future__ import annotations

from functools import lru_cache

from ...exceptions import MissingExtra

try:
    import crawleruseragents
except ImportError as error:
    raise MissingExtra("crawler-user-agents", "clicks") from error
try:
    import is_bot
except ImportError as error:
    raise MissingExtra("is-bot", "clicks") from error

#: More than any browser sends; what lies behind is not looked at.
LONGEST_USER_AGENT = 1000

_bots = is_bot.Bots()


def is_crawler(user_agent: str) -> bool:
    """Whether a list has this ``User-Agent``: of a crawler, a preview of a link, a library. None has an empty one."""
    return bool(user_agent) and _is_listed(user_agent[:LONGEST_USER_AGENT])


@lru_cache(maxsize=1024)
def _is_listed(user_agent: str) -> bool:
    return bool(_bots.is_bot(user_agent) or crawleruseragents.is_crawler(user_agent))
