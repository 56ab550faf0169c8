from django.urls import path

from . import views

urlpatterns = [
    path("", views.start, name="start"),
    path("send/", views.send, name="send"),
    path("counters/", views.counters, name="counters"),
    path("tickets/", views.tickets, name="tickets"),
    path("links/", views.links, name="links"),
    path("who/", views.who, name="who"),
    path("cost/", views.cost_of_reading, name="cost"),
]
