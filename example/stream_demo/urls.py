from django.urls import include, path

from .streams import view
from .views import partitions

urlpatterns = [path("", partitions), path("", include(view.urls))]
