"""Which partition a key belongs to. Whoever writes into one topic must use the same partitioner."""

from __future__ import annotations

from collections.abc import Callable

from django.utils.module_loading import import_string

from ...exceptions import InvalidSettings, quoted, unknown

#: Takes a key and the number of partitions.
Partitioner = Callable[[str, int], int]


def murmur2(key: str, partitions: int) -> int:
    """As the default partitioner of Kafka's Java client, for keys in UTF-8.

    ``org.apache.kafka.common.utils.Utils.murmur2`` with the sign bit taken away, modulo the number of partitions.

    Args:
        key: the key.
        partitions: how many partitions there are.
    """
    return (_murmur2(key.encode()) & 0x7FFFFFFF) % partitions


def fnv1a(key: str, partitions: int) -> int:
    """As goka: FNV-1a of 32 bits, as a signed number whose sign is taken away after the division.

    The hash partitioner of Sarama, with Go's ``fnv.New32a``.

    Args:
        key: the key.
        partitions: how many partitions there are.
    """
    hashed = 0x811C9DC5
    for byte in key.encode():
        hashed = (hashed ^ byte) * 0x01000193 & 0xFFFFFFFF
    return (hashed if hashed < 1 << 31 else (1 << 32) - hashed) % partitions


def _murmur2(data: bytes) -> int:
    factor, mask = 0x5BD1E995, 0xFFFFFFFF
    hashed = 0x9747B28C ^ len(data)
    whole = len(data) & ~3
    for start in range(0, whole, 4):
        part = int.from_bytes(data[start : start + 4], "little") * factor & mask
        part = (part ^ part >> 24) * factor & mask
        hashed = hashed * factor & mask ^ part
    if rest := data[whole:]:
        hashed = (hashed ^ int.from_bytes(rest, "little")) * factor & mask
    hashed = (hashed ^ hashed >> 13) * factor & mask
    return hashed ^ hashed >> 15


NAMED: dict[str, Partitioner] = {"murmur2": murmur2, "fnv1a": fnv1a}


def partitioner_of(given: str | Partitioner) -> Partitioner:
    """The partitioner that is meant.

    Args:
        given: its name, or a function of a key and the number of partitions.

    Raises:
        InvalidSettings: it is neither.
    """
    if callable(given):
        return given
    if given not in NAMED:
        raise InvalidSettings(
            unknown("partitioner", given, NAMED) if isinstance(given, str) else f"{quoted(given)} is no partitioner."
        )
    return NAMED[given]


def path_of(given: str | Partitioner) -> str:
    """What ``partitioner_at`` finds a partitioner by in another process.

    Args:
        given: as of ``partitioner_of``.

    Raises:
        InvalidSettings: it is a function that no module has by its name.
    """
    if isinstance(given, str):
        return given
    path = f"{getattr(given, '__module__', '')}.{getattr(given, '__qualname__', '')}"
    try:
        is_found = import_string(path) is given
    except ImportError:
        is_found = False
    if not is_found:
        raise InvalidSettings(f"{quoted(given)} is no function of a module, by which another process could find it.")
    return path


def partitioner_at(path: str) -> Partitioner:
    """The partitioner whose ``path_of`` this is.

    Raises:
        InvalidSettings: it is no longer there.
    """
    if path in NAMED:
        return NAMED[path]
    try:
        found: Partitioner = import_string(path)
    except ImportError as error:
        raise InvalidSettings(f"There is no partitioner {quoted(path)}: {error}") from error
    return found
