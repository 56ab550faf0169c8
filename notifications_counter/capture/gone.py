"""Who wants to know which rows of any model are gone, whatever deletes them through Django.

A receiver of ``post_delete`` for all models would make Django load each row before it deletes it, cascades included,
and hears nothing of automatic many-to-many tables. Here a follower is asked first whether anything depends on the rows,
so that other deletes stay as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from django.db import models


class Follower(Protocol):
    """What depends on rows of other models."""

    def concerns(self, model: type[models.Model]) -> bool:
        """Whether anything could depend on rows of a model. Asked before each delete: it must not take long."""

    def depends_on(self, model: type[models.Model], pks: Sequence[Any] | None, using: str) -> bool:
        """Whether anything depends on rows that are about to be deleted.

        Args:
            model: whose rows they are.
            pks: their primary keys; None for rows that Django does not know: then on any rows of the model.
            using: the database alias.
        """

    def lost(self, model: type[models.Model], pks: Sequence[Any], using: str) -> None:
        """Rows are gone; called in the transaction that has deleted them.

        Args:
            model: whose rows they were.
            pks: their primary keys.
            using: the database alias.
        """


_followers: list[Follower] = []


def follow(follower: Follower) -> None:
    """Tell a follower from now on; call it in ``AppConfig.ready()``."""
    if follower not in _followers:
        _followers.append(follower)


def is_followed(model: type[models.Model]) -> bool:
    """Whether anybody could want to know of rows of a model."""
    return any(follower.concerns(model) for follower in _followers)


def followers_of(model: type[models.Model], pks: Sequence[Any] | None, using: str) -> list[Follower]:
    """Who has something that depends on rows that are about to be deleted; see ``Follower.depends_on``."""
    return [each for each in _followers if each.concerns(model) and each.depends_on(model, pks, using)]
