"""The addresses of the tests of the apps."""

from django.contrib.auth.views import LoginView, LogoutView
from django.urls import include, path

from .urls import urlpatterns

urlpatterns = [
    *urlpatterns,
    path("inbox/", include("notifications_counter.inbox.urls")),
    path("clicks/", include("notifications_counter.contrib.clicks.urls")),
    path("login/", LoginView.as_view(template_name="admin/login.html")),
    path("logout/", LogoutView.as_view(next_page="/login/")),
]
