"""Create, mark and delete notifications of users at random until the process is killed, as the workers of a site do."""

import random
import sys
import time

import django

django.setup()

from notifications_counter.exceptions import CounterError  # noqa: E402
from notifications_counter.models import Notification  # noqa: E402

rng, users = random.Random(int(sys.argv[1])), [int(user) for user in sys.argv[2].split(",")]


def step() -> None:
    own = Notification.objects.of(rng.choice(users))
    some = own.filter(pk__in=list(own.order_by("?").values_list("pk", flat=True)[: rng.randrange(1, 4)]))
    kind = rng.randrange(6)
    if kind < 3:
        Notification.objects.bulk_create([Notification(user_id=rng.choice(users), text="x") for _ in range(kind + 1)])
    elif kind == 3:
        some.mark_as_read()
    elif kind == 4:
        some.mark_as_unread()
    else:
        some.delete()


while True:
    try:
        step()
    except CounterError:
        time.sleep(0.1)
    time.sleep(rng.random() * 0.05)
