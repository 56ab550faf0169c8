"""What the package says of itself agrees with how it is packaged."""

import re
from configparser import ConfigParser

from django.test import SimpleTestCase

from notifications_counter.exceptions import MissingExtra
from tests.support.base import ROOT


class ExtraTest(SimpleTestCase):
    def test_each_extra_that_a_message_tells_to_install_exists_with_the_package_that_is_missing(self) -> None:
        config = ConfigParser()
        config.read(ROOT / "setup.cfg")
        code = "".join(path.read_text() for path in (ROOT / "notifications_counter").rglob("*.py"))
        raised = set(re.findall(r'MissingExtra\("([\w-]+)", "(\w+)"\)', code))
        self.assertGreaterEqual(len(raised), 4)
        for package, extra in raised:
            with self.subTest(package):
                self.assertRegex(config["options.extras_require"][extra], rf"(?m)^{package}\b")

    def test_the_command_works_in_a_clone_while_the_package_is_on_no_index(self) -> None:
        self.assertIn("python -m pip install '.[redis]' (in a clone", str(MissingExtra("redis", "redis")))
