"""Who is online: users, guests, rooms."""
