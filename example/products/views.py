"""The shop's pages. All work without JavaScript; with it they show what changes, and suggest what is typed."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.core.cache import cache
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from notifications_counter.projections.documents import SinkUnavailable

from .adding import add_product
from .dashboard import by_status, charts
from .finding import Asked, find
from .forms import ProductForm
from .models import Product, ProductViews, Status, Thumbnail
from .samples import PICTURES, draw
from .tasks import KEPT_SECONDS, cache_key
from .thumbnails import SIZES

SUGGESTED = 8
NEWEST = 8


@require_http_methods(["GET", "HEAD", "POST"])
def products(request: HttpRequest) -> HttpResponseBase:
    """``POST`` adds a product, and everything else lists them."""
    return add_product(request) if request.method == "POST" else product_list(request)


@never_cache
def product_list(request: HttpRequest) -> HttpResponse:
    asked = Asked.of(request.GET)
    context = {"asked": asked, "found": find(asked), "newest": Product.objects.order_by("-added")[:NEWEST]}
    if "part" in request.GET:
        return render(request, "products/newest.html", context)
    picture = request.build_absolute_uri(reverse("products:sample", args=[next(iter(PICTURES))]))
    return render(request, "products/list.html", {**context, "form": ProductForm(), "picture": picture})


@never_cache
@require_safe
def suggest(request: HttpRequest) -> JsonResponse:
    """What somebody may be about to type, with the page of the product that it is the title of."""
    try:
        found = Product.search.suggest(request.GET.get("q", "")[:100], size=SUGGESTED)
    except SinkUnavailable:
        return JsonResponse({"suggestions": []}, status=503)
    # Products may have the same title, which is worth one suggestion.
    said = {one.text: reverse("products:product", args=[one.key]) for one in reversed(found)}
    return JsonResponse({"suggestions": [{"text": text, "url": said[text]} for text in reversed(said)]})


@require_safe
def product(request: HttpRequest, pk: int) -> HttpResponse:
    """One product. Who looks at it makes it more popular."""
    found = get_object_or_404(Product, pk=pk, status=Status.ACTIVE)
    ProductViews.counter.add({found: 1})
    context = {"product": found, "views": ProductViews.counter.value(found), "similar": similar_to(found)}
    return render(request, "products/product.html", context)


def similar_to(product: Product) -> list[Product]:
    index = Product.search
    try:
        if index.sink.supports("more_like", index.alias()):
            return index.rows_of(index.more_like(product, size=4))
    except SinkUnavailable:
        pass
    return []


@require_safe
def thumbnail(request: HttpRequest, pk: int, size: int) -> HttpResponse:
    """A small picture, which never becomes another one."""
    if size not in SIZES:
        raise Http404("There are no pictures of this size.")
    content = cache.get_or_set(cache_key(pk, size), lambda: content_of(pk, size), KEPT_SECONDS)
    if content is None:
        raise Http404("This product has no picture.")
    headers = {"Cache-Control": "public, max-age=86400, immutable", "X-Content-Type-Options": "nosniff"}
    return HttpResponse(content, content_type="image/webp", headers=headers)


def content_of(pk: int, size: int) -> bytes | None:
    found = Thumbnail.objects.filter(product=pk, size=size).values_list("content", flat=True).first()
    return None if found is None else bytes(found)


@never_cache
@require_safe
@login_required
def dashboard(request: HttpRequest) -> HttpResponse:
    part = "_live" if "part" in request.GET else ""
    return render(request, f"products/dashboard{part}.html", {"statuses": by_status(), "charts": charts()})


@require_safe
def sample(request: HttpRequest, name: str) -> HttpResponse:
    """A picture that is drawn, so that there is one to fetch without any other site."""
    if name not in PICTURES:
        raise Http404("There is no such picture.")
    return HttpResponse(draw(name), content_type="image/png", headers={"Cache-Control": "max-age=3600"})
