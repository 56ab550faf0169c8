from django.urls import path

from notifications_counter.live.views import live_view

from . import views
from .adding import product_status
from .live import ProductsChannel

app_name = "products"
urlpatterns = [
    path("", views.products, name="products"),
    path("<int:pk>/", views.product, name="product"),
    path("<int:pk>/<int:size>.webp", views.thumbnail, name="thumbnail"),
    path("added/<str:signed>/", product_status, name="status"),
    path("suggest/", views.suggest, name="suggest"),
    path("dashboard/", views.dashboard, name="dashboard"),
    path("live/", live_view(ProductsChannel()), name="live"),
    path("samples/<slug:name>.png", views.sample, name="sample"),
]
