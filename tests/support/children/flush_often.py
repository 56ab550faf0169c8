"""Flush again and again until a file is there, and once more, in small chunks; prints how many sums were added."""

import sys
from pathlib import Path

import django


def main(end: Path) -> None:
    django.setup()
    from notifications_counter.models import UserNotificationsCount

    keys, is_last = 0, False
    while not is_last:
        is_last = end.exists()
        keys += UserNotificationsCount.counter.flush(chunk_size=2).keys
    print(keys)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
