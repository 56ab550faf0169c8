from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import include, path

from notifications_counter.controller import NotificationController
from notifications_counter.models import Notification


def notify(request: HttpRequest, user_id: int) -> HttpResponse:
    """Answers with the count as the request sees it, or fails after the change."""
    Notification.objects.create(user_id=user_id, text="by a request")
    if "fail" in request.GET:
        raise ZeroDivisionError
    return HttpResponse(NotificationController(user_id).unread_count())


urlpatterns = [
    path("admin/", admin.site.urls),
    path("community/", include("notifications.urls")),
    path("notify/<int:user_id>/", notify),
]
