"""Report users as online, until this process is killed: ``report_online NUMBER``."""

import random
import sys

import django

django.setup()

from notifications_counter.contrib.online import report_user  # noqa: E402


def main() -> None:
    report_user(f"user{sys.argv[1]}")
    print("reporting", flush=True)
    while True:
        report_user(f"user{random.randrange(200)}", room=random.choice(["", "thread:42"]))


main()
