"""What can be searched for: the fields of an index, in plain words."""

from __future__ import annotations

from dataclasses import dataclass

from ...exceptions import InvalidSettings, quoted, unknown

#: What a field can be for: text is searched by words, a keyword is matched as a whole, autocomplete is text that is
#: suggested too; keywords, numbers, dates and booleans filter, sort and make facets.
KINDS = ("text", "keyword", "autocomplete", "number", "date", "boolean")


@dataclass(frozen=True)
class Field:
    """One field of the documents.

    Args:
        kind: one of ``KINDS``.
        source: where its value is: the name of a column, or a path of relations to one, ``"category__name"``; by
            default the field's own name. Over a relation to many rows the values are a list.
        weight: how much a word that is found there counts beside one found in a field of weight 1.

    Raises:
        InvalidSettings: there is no such kind, or the weight is not above 0.
    """

    kind: str
    source: str | None = None
    weight: float = 1

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise InvalidSettings(f"A field of a search index: {unknown('kind', self.kind, KINDS)}")
        if isinstance(self.weight, bool) or not isinstance(self.weight, int | float) or not self.weight > 0:
            raise InvalidSettings(f"The weight of a field must be a number above 0, not {quoted(self.weight)}.")

    @property
    def is_text(self) -> bool:
        """Whether it is searched by words."""
        return self.kind in ("text", "autocomplete")

    @property
    def is_suggested(self) -> bool:
        """Whether its texts are suggested."""
        return self.kind == "autocomplete"
