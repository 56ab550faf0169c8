"""Those of the tests, with the audit that sites have."""

from tests.settings import *  # noqa: F403
from tests.settings import NOTIFICATIONS_COUNTER

NOTIFICATIONS_COUNTER["AUDIT_INTERVAL"] = 86_400
