from django.apps import apps
from django.urls import include, path

from .page import page

urlpatterns = [path("<str:name>/", page)]
if apps.is_installed("notifications_counter.inbox"):
    urlpatterns.insert(0, path("inbox/", include("notifications_counter.inbox.urls")))
