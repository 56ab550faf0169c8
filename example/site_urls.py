from django.contrib import admin
from django.contrib.auth.views import LoginView, LogoutView
from django.urls import include, path

urlpatterns = [
    path("", include("demo.urls")),
    path("inbox/", include("notifications_counter.inbox.urls")),
    path("clicks/", include("notifications_counter.contrib.clicks.urls")),
    path("online/", include("notifications_counter.contrib.online.urls")),
    path("products/", include("products.urls")),
    path("login/", LoginView.as_view(), name="login"),
    path("logout/", LogoutView.as_view(), name="logout"),
    path("admin/", admin.site.urls),
]
