from django.urls import path

from .page import page

urlpatterns = [path("<str:name>/", page)]
