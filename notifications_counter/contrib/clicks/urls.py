"""The address of clicks: ``path("clicks/", include("notifications_counter.contrib.clicks.urls"))``."""

from django.urls import path

from .views import count

app_name = "clicks"

urlpatterns = [path("", count, name="count")]
