"""The names that the page takes for granted."""

from django.contrib.auth import get_user_model

User = get_user_model()
ada, bob = (User.objects.get_or_create(username=name)[0] for name in ("ada", "bob"))
