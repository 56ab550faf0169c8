"""``POST /products/``: a product is checked, accepted, and saved in the background."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib import messages
from django.core.signing import BadSignature, TimestampSigner
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from .forms import ProductForm
from .middleware import has_api_key, unknown_user
from .models import Product, Status
from .running import CannotQueue, send
from .tasks import save_product

#: Seconds after which a product that was accepted and is not there is lost.
LOST_AFTER = 86_400

signer = TimestampSigner(salt="products.added")


def add_product(request: HttpRequest) -> HttpResponseBase:
    """Accept a product: 202 with the address of its status, or 400 with what is wrong with it.

    A browser that sends the form by itself is led on to a page instead, and gets a page with the errors.
    """
    if not (has_api_key(request) or request.user.is_authenticated):
        return unknown_user()
    form = ProductForm(request.POST)
    if not form.is_valid():
        return refused(request, form)
    token = str(uuid.uuid4())
    try:
        send(save_product, {"token": token, **form.cleaned_data})
    except CannotQueue:
        errors = {"__all__": ["Products cannot be added now. Try again."]}
        return JsonResponse({"errors": errors}, status=503, headers={"Retry-After": "5"})
    return accepted(request, signer.sign(token))


def wants_page(request: HttpRequest) -> bool:
    """Whether a browser asks, for its window."""
    return request.get_preferred_type(["application/json", "text/html"]) == "text/html"


def refused(request: HttpRequest, form: ProductForm) -> HttpResponse:
    if wants_page(request):
        return render(request, "products/refused.html", {"form": form}, status=400)
    return JsonResponse({"errors": form.errors}, status=400)


def accepted(request: HttpRequest, signed: str) -> HttpResponse:
    url = reverse("products:status", args=[signed])
    if wants_page(request):
        messages.success(request, "It was accepted, and will be there in a moment.")
        return redirect("products:products")
    said = {"status": Status.PROCESSING, "label": Status.PROCESSING.label, "status_url": url}
    return JsonResponse(said, status=202, headers={"Location": url})


@never_cache
@require_safe
def product_status(request: HttpRequest, signed: str) -> JsonResponse:
    """What has become of a product that was accepted; who has its address may know."""
    try:
        token = signer.unsign(signed, max_age=LOST_AFTER)
    except BadSignature:  # or too old
        raise Http404("No product was accepted under this address.") from None
    return JsonResponse(described(Product.objects.filter(token=token).first()))


def described(product: Product | None) -> dict[str, Any]:
    """A product for those who wait for it; None where it is not saved yet."""
    if product is None:
        return {"status": Status.PROCESSING, "label": Status.PROCESSING.label}
    found = {"status": product.status, "label": product.get_status_display(), "id": product.pk, "title": product.title}
    if product.status == Status.ACTIVE:
        found["url"] = reverse("products:product", args=[product.pk])
    return found | ({"refusal": product.refusal} if product.refusal else {})
