"""The words of an index, by what they may be mistyped as.

Words are added in the transaction of the document that has them first, and removed only by a rebuild: a word that no
document has any more finds nothing. No database is asked for anything but equal numbers, so that it takes no more time
with a million documents than with a thousand.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from .....compat.uncached import rows_of
from ...models import SearchDocument, SearchVariant, SearchWord
from .rows import texts
from .words import LONGEST_VARIANT, can_be_mistyped, differs_little, hash_of, variants, without_a_letter, words_of

if TYPE_CHECKING:
    from ...index import SearchIndex

#: Words in one statement.
PART = 500

#: Words that are looked at, and words that stand for one that was typed.
MOST_LOOKED_AT, MOST_MEANT = 500, 5


def add(index: SearchIndex, rows: Sequence[SearchDocument], using: str) -> None:
    """Note the words of documents that no other document has had."""
    names = [name for name, field in index.fields.items() if field.is_text]
    words = {word for row in rows for name in names for text in texts(row.body, name) for word in words_of(text)}
    wanted = sorted(filter(can_be_mistyped, words))
    for begin in range(0, len(wanted), PART):
        _add(index.name, wanted[begin : begin + PART], using)


def _add(index_name: str, words: Sequence[str], using: str) -> None:
    known = rows_of(SearchWord, using).filter(index_name=index_name)
    there = set(known.filter(word__in=words).values_list("word", flat=True))
    added = [word for word in words if word not in there]
    if not added:
        return
    rows_of(SearchWord, using).bulk_create([SearchWord(index_name=index_name, word=word) for word in added])
    # Not every database tells the primary keys of many new rows.
    found = known.filter(word__in=added).values_list("id", "word")
    rows_of(SearchVariant, using).bulk_create(
        [
            SearchVariant(hash=hash_of(index_name, variant), word_id=id)
            for id, word in found
            for variant in sorted(variants(word))
        ],
        batch_size=5000,
    )


def forget(index: SearchIndex, using: str) -> None:
    """Remove all words of an index."""
    of_index = rows_of(SearchWord, using).filter(index_name=index.name)
    while ids := list(of_index.values_list("id", flat=True)[:PART]):
        _delete(rows_of(SearchVariant, using).filter(word_id__in=ids), using)
        _delete(rows_of(SearchWord, using).filter(id__in=ids), using)


def _delete(rows: Any, using: str) -> None:
    rows._raw_delete(using)


def meant(index: SearchIndex, typed: str, is_prefix: bool, using: str) -> list[str]:
    """Words of the index that may have been meant, those that differ least first; never what was typed itself."""
    if not can_be_mistyped(typed):
        return []
    hashes = {hash_of(index.name, variant) for variant in without_a_letter(typed[:LONGEST_VARIANT])}
    rows = rows_of(SearchVariant, using).filter(hash__in=sorted(hashes))
    found = set(rows.values_list("word__word", flat=True)[:MOST_LOOKED_AT])
    return [word for _, word in sorted(_near(found, typed, is_prefix))][:MOST_MEANT]


def _near(words: Iterable[str], typed: str, is_prefix: bool) -> Iterator[tuple[int, str]]:
    for word in words:
        if word is not None and word != typed:
            differs = differs_little(typed, word, is_prefix)
            if differs is not None:
                yield differs, word
