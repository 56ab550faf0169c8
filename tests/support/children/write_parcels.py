"""Change parcels at random, as one of several processes that change the same ones; prints how many changes it made."""

import random
import sys

import django

CHANGES = 200


def main(seed: int, user_ids: list[int]) -> None:
    django.setup()
    from django.db import OperationalError, transaction

    from tests.testapp.models import Parcel

    choose = random.Random(seed)
    done = 0
    for _ in range(10 * CHANGES):
        if done == CHANGES:
            break
        try:
            with transaction.atomic():
                change(choose, user_ids, Parcel)
                change(choose, user_ids, Parcel)
                transaction.set_rollback(choose.random() < 0.2)
            done += 1
        except OperationalError:  # two that wait for each other: the database ends one
            continue
    print(done)


def change(choose: random.Random, user_ids: list[int], model: type) -> None:
    rows = model.objects.filter(owner=choose.choice(user_ids))
    values = {
        "owner_id": choose.choice(user_ids),
        "state": choose.choice(["open", "shut"]),
        "weight": choose.choice([1, 9]),
    }
    kind = choose.randrange(4)
    if kind == 0:
        model.objects.create(**values)
    elif kind == 1:
        rows.filter(pk__in=list(rows.values_list("pk", flat=True)[:1])).delete()
    else:
        name = choose.choice(sorted(values))
        rows.update(**{name: values[name]})


if __name__ == "__main__":
    main(int(sys.argv[1]), [int(pk) for pk in sys.argv[2].split(",")])
