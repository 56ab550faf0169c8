"""Addresses of a site whose inbox is not at ``/inbox/``."""

from django.urls import include, path

urlpatterns = [path("messages/in/", include("notifications_counter.inbox.urls"))]
