"""The example site, and beside it the same product added the synchronous way: all of it before the answer."""

import uuid

from django.http import HttpRequest, JsonResponse
from django.urls import include, path
from products.forms import ProductForm
from products.models import Product
from products.tasks import _do_other_slow_work


def add_synchronously(request: HttpRequest) -> JsonResponse:
    form = ProductForm(request.POST)
    if not form.is_valid():
        return JsonResponse({"errors": form.errors}, status=400)
    product = Product.objects.create(token=uuid.uuid4(), **form.cleaned_data)
    _do_other_slow_work({"product": product.pk})
    product.refresh_from_db()
    return JsonResponse({"status": product.status}, status=201)


urlpatterns = [path("synchronously/", add_synchronously), path("", include("site_urls"))]
