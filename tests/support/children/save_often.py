"""Load a row, wait for the other process, save what was read or delete it, again and again."""

import sys
import time

import django


def main(user_id: int, start: float, times: int, action: str) -> None:
    django.setup()
    from notifications_counter.models import Notification

    time.sleep(max(0, start - time.time()))
    for place in range(times):
        row = Notification.objects.filter(user_id=user_id, text=f"number {place}").first()
        if row is None:
            continue
        if action == "delete":
            row.delete()
        else:
            row.has_read = action == "read"
            try:
                row.save(force_update=True)
            except Exception as error:  # the other one has deleted it
                if "did not affect any rows" not in str(error):
                    raise
    print("null")


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3]), sys.argv[4])
