"""The addresses: ``path("online/", include("notifications_counter.contrib.online.urls"))``."""

from django.contrib.auth.decorators import login_not_required
from django.urls import path

from ...live.views import live_view
from .live import OnlineChannel
from .views import here

app_name = "notifications_counter_online"

urlpatterns = [
    path("live/", live_view(OnlineChannel()), name="live"),
    path("here/", login_not_required(here), name="here"),
]
