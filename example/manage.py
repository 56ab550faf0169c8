#!/usr/bin/env python
"""The example's manage.py. Begin with: python example/manage.py demo"""

import os
import sys

from django.core.management import execute_from_command_line


def main() -> None:
    # Not setdefault: whoever tries this may have the variable set for a project of his own.
    os.environ["DJANGO_SETTINGS_MODULE"] = "site_settings"
    try:
        execute_from_command_line(sys.argv)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
