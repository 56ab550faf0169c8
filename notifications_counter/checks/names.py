"""A check of settings that Django never reads, because their name is not quite right."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Iterator
from typing import Any

from django.conf import global_settings, settings
from django.core.checks import CheckMessage, Warning

from ..conf import SETTING, known_names

#: How alike two names are, of which one was probably meant to be the other.
ALIKE = 0.85


def check_names(app_configs: Any = None, **kwargs: Any) -> list[CheckMessage]:
    """Settings whose name is nearly that of this package's."""
    return [_warning(name) for name in sorted(_given()) if _is_meant(name)]


def _given() -> Iterator[str]:
    """The names in the settings, those included that Django leaves out as they are not in capitals."""
    module = sys.modules.get(getattr(settings, "SETTINGS_MODULE", None) or "")
    yield from {*dir(settings), *dir(module)} - {*dir(global_settings), *dir(None)}


def _is_meant(name: str) -> bool:
    if name == SETTING or name.startswith("_"):
        return False
    plain = name.upper()
    flat = {f"{prefix}_{option}" for prefix in (SETTING, SETTING.replace("S_", "_")) for option in known_names()}
    return plain in flat or difflib.SequenceMatcher(None, plain, SETTING).ratio() >= ALIKE


def _warning(name: str) -> Warning:
    option = next((each for each in known_names() if name.upper().endswith(f"_{each}")), None)
    where = f"{SETTING}[{option!r}]" if option else SETTING
    return Warning(
        f"The setting {name} is not read. Did you mean {where}?",
        hint=f"Write it as {SETTING} = {{...}}, or rename it if it is another package's, or silence this.",
        id="notifications_counter.W063",
    )
