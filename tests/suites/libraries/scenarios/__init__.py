"""What people do with each library, a module each: its models, and ``steps``, which says what it has just done."""
