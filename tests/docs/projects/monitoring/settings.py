NOTIFICATIONS_COUNTER = {
    "BUFFERS": {
        "default": {
            "BACKEND": "notifications_counter.buffers.redis.RedisBuffer",
            "OPTIONS": {"URL": "redis://127.0.0.1:6379/1"},
        }
    }
}
