"""An address that does nothing, so that a page that is looked at for long can say so: the middleware does the rest."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe


@never_cache
@require_safe
def here(request: HttpRequest) -> HttpResponse:
    return HttpResponse(status=204)
