from tests.support.installed import tests_of

load_tests = tests_of("notifications_counter.contrib.search", __file__)
