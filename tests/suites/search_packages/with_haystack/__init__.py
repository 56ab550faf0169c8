"""Where django-haystack finds its index: contrib.search imports modules of that name too."""
