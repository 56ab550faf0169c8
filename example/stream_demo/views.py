from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from notifications_counter.contrib.streams.status import status_of

from .models import UserClicks
from .streams import processor


def partitions(request: HttpRequest) -> HttpResponse:
    """Who has which partition, and the counts: it comes again by itself each second."""
    found = status_of(processor)
    owners = sorted({one.owner for one in found if one.owner})
    rows = [(one, owners.index(one.owner) + 1 if one.owner else 0) for one in found]
    counts = UserClicks.objects.order_by("user")
    return render(request, "stream_demo/partitions.html", {"rows": rows, "owners": owners, "counts": counts})
