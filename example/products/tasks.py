"""The article's two tasks. Each may come twice, or be killed anywhere and come again: it does what is left to do.

Both are functions of one dictionary, tasks of Celery where that is installed, and of Django where that has tasks.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.db import DatabaseError, transaction

from notifications_counter.tasks import celery_task

from .fetching import ImageRefused, ImageUnavailable, Limits, fetch
from .models import Product, Status, Thumbnail
from .running import also_by_django, send
from .thumbnails import thumbnails

#: How often a picture is asked for whose host does not answer; after 2, 4, 8 ... seconds.
ATTEMPTS = 4
KEPT_SECONDS = 3600
#: A worker for each: many slow tasks must not keep a product from being saved.
QUEUE, SLOW_QUEUE = settings.PRODUCTS["QUEUES"]


def limits() -> Limits:
    """From where pictures may be fetched."""
    return Limits(settings.PRODUCTS["IMAGE_HOSTS"], settings.PRODUCTS["PRIVATE_IMAGE_HOSTS"])


def cache_key(product: int, size: int) -> str:
    """Under which a thumbnail is cached; there is only ever one of it."""
    return f"products:thumbnail:{product}:{size}"


def _save_product(data: dict[str, Any]) -> None:
    """Save a product, once for its token, and let the rest be done.

    Args:
        data: ``token``, ``title``, ``image_url``, ``category``.
    """
    data = dict(data)
    with transaction.atomic():
        product, _ = Product.objects.get_or_create(token=data.pop("token"), defaults=data)
        if product.status == Status.PROCESSING:
            # A worker that is killed before this gets its message again, and finds the product there.
            transaction.on_commit(partial(send, do_other_slow_work, {"product": product.pk}))


def _do_other_slow_work(data: dict[str, Any]) -> None:
    """Fetch the picture of a product, make its thumbnails, and let it be active; inactive if that cannot be.

    Args:
        data: ``product``, a primary key; ``attempt``, from 0.
    """
    product = Product.objects.filter(pk=data["product"], status=Status.PROCESSING).first()
    if product is None:
        return
    try:
        made = thumbnails(fetch(product.image_url, limits()))
    except ImageRefused as refusal:
        _finish(product, Status.INACTIVE, refusal=str(refusal))
    except ImageUnavailable as failure:
        _try_again(product, data.get("attempt", 0) + 1, failure)
    else:
        _finish(product, Status.ACTIVE, made)


def _try_again(product: Product, attempt: int, failure: ImageUnavailable) -> None:
    if attempt < ATTEMPTS:
        send(do_other_slow_work, {"product": product.pk, "attempt": attempt}, after=2.0**attempt)
    else:
        _finish(product, Status.INACTIVE, refusal=f"{failure} Tried {attempt} times.")


def _finish(product: Product, status: Status, made: dict[int, bytes] | None = None, refusal: str = "") -> None:
    """All of it in one transaction, by whoever is first."""
    made = made or {}
    with transaction.atomic():
        row = Product.objects.select_for_update().filter(pk=product.pk, status=Status.PROCESSING).first()
        if row is None:
            return
        Thumbnail.objects.bulk_create(Thumbnail(product=row, size=size, content=made[size]) for size in made)
        row.status, row.refusal = status, refusal[:300]
        row.save(update_fields=["status", "refusal"])
    cache.set_many({cache_key(product.pk, size): made[size] for size in made}, KEPT_SECONDS)


#: With what it is told a task finds what is left to do, so that it may come again whatever has kept it from its end.
AGAIN = {
    "acks_late": True,
    "reject_on_worker_lost": True,
    "autoretry_for": (DatabaseError,),
    "retry_backoff": True,
    "max_retries": 10,
    "ignore_result": True,
}

save_product = celery_task(_save_product, "products.tasks.save_product", queue=QUEUE, priority=9, **AGAIN)
do_other_slow_work = celery_task(
    _do_other_slow_work, "products.tasks.do_other_slow_work", queue=SLOW_QUEUE, priority=3, **AGAIN
)

if settings.is_overridden("TASKS"):  # Django has them from 6.0 on; the queues must be those of the backend
    from django.tasks import task

    @task(queue_name=QUEUE, priority=9)
    def save_product_task(data: dict[str, Any]) -> None:
        """Save a product, by Django's own tasks."""
        _save_product(data)

    @task(queue_name=SLOW_QUEUE, priority=3)
    def do_other_slow_work_task(data: dict[str, Any]) -> None:
        """The slow work, by Django's own tasks."""
        _do_other_slow_work(data)

    also_by_django(save_product, save_product_task)
    also_by_django(do_other_slow_work, do_other_slow_work_task)
