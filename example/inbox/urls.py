from django.urls import path

from . import views

urlpatterns = [
    path("", views.start, name="start"),
    path("inbox/", views.inbox, name="inbox"),
    path("inbox/<int:pk>/read/", views.mark_as_read, name="mark-as-read"),
    path("inbox/read/", views.mark_all_as_read, name="mark-all-as-read"),
    path("inbox/send-me/", views.send_me, name="send-me"),
    path("inbox/send-everybody/", views.send_everybody, name="send-everybody"),
    path("counts/", views.counts, name="counts"),
]
