"""Send what is outdated, again and again, until somebody ends this process."""

import logging
import time

import django


def main() -> None:
    django.setup()
    logging.disable(logging.CRITICAL)
    from notifications_counter.projections.flushing import flush_projections

    while True:
        flush_projections()
        time.sleep(0.02)


if __name__ == "__main__":
    main()
