"""The addresses of the inbox: ``path("inbox/", include("notifications_counter.inbox.urls"))``."""

from django.urls import include, path

from . import api, live, preferences_page, views

app_name = "notifications_counter"

urlpatterns = [
    *views.urlpatterns,
    *preferences_page.urlpatterns,
    path("api/", include(api.urlpatterns)),
    *live.urlpatterns,
]
