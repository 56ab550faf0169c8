#!/bin/bash
# Django's admin with ModelAdmin.actions_selection_counter = False, a documented option: its own script fails at each
# click on a checkbox of the list, so that a range of rows cannot be chosen with the Shift key any more.
#
# Seen with Django 6.1.3 (Python 3.13) and 5.2.19 (Python 3.11), and jsdom 26.1.0 on Node.js 20:
#
#   with the counter:    5 of 5 rows chosen by a click on the first and a Shift click on the last; no error
#   without the counter: 2 of 5 rows chosen; TypeError: Cannot read properties of null (reading 'dataset'), at each click
#
# The reason: the template leaves out the element that the script looks for, and the script remembers the row that was
# clicked last only after it has written into that element.
#
# Usage: django_admin_without_selection_counter.sh [PYTHON]   (needs npm and an index of Python packages)
# Ends with 0 if it still behaves so, with 1 if that has changed.
set -euo pipefail
python=${1:-python3}
declare -a found=()
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

django=$("$python" -c 'import sys; print("6.1.3" if sys.version_info >= (3, 12) else "5.2.19")')
"$python" -m venv venv
venv/bin/pip install -q "Django==$django"
npm install --silent --no-fund --no-audit jsdom@26.1.0 >/dev/null

cat >page.py <<'PYTHON'
import sys
from pathlib import Path

import django
from django.conf import settings

settings.configure(
    SECRET_KEY="only for this",
    INSTALLED_APPS=["django.contrib.admin", "django.contrib.auth", "django.contrib.contenttypes",
                    "django.contrib.sessions", "django.contrib.messages", "django.contrib.staticfiles"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    MIDDLEWARE=["django.contrib.sessions.middleware.SessionMiddleware",
                "django.contrib.auth.middleware.AuthenticationMiddleware",
                "django.contrib.messages.middleware.MessageMiddleware"],
    TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True,
                "OPTIONS": {"context_processors": ["django.template.context_processors.request",
                                                   "django.contrib.auth.context_processors.auth",
                                                   "django.contrib.messages.context_processors.messages"]}}],
    STATIC_URL="/static/", ROOT_URLCONF=__name__, USE_TZ=True, ALLOWED_HOSTS=["testserver"],
)
django.setup()

from django.contrib import admin  # noqa: E402
from django.contrib.auth.models import Group, User  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.test import Client  # noqa: E402
from django.urls import path  # noqa: E402


class GroupAdmin(admin.ModelAdmin):
    actions_selection_counter = sys.argv[1] == "with"


admin.site.unregister(Group)
admin.site.register(Group, GroupAdmin)
urlpatterns = [path("admin/", admin.site.urls)]

call_command("migrate", verbosity=0)
Group.objects.bulk_create(Group(name=f"group {number}") for number in range(5))
client = Client()
client.force_login(User.objects.create_superuser("ada"))
Path("page.html").write_text(client.get("/admin/auth/group/").content.decode())
Path("actions.js").write_bytes((Path(admin.__file__).parent / "static/admin/js/actions.js").read_bytes())
PYTHON

cat >click.mjs <<'JAVASCRIPT'
import { readFileSync } from "node:fs";
import { JSDOM, VirtualConsole } from "jsdom";

const errors = [], said = new VirtualConsole();
said.on("jsdomError", (error) => errors.push(`${error.detail ?? error.message}`.split("\n")[0]));
const page = new JSDOM(readFileSync("page.html", "utf8"), { runScripts: "outside-only", virtualConsole: said });
const { window } = page, { document } = window;
// What the page's other scripts, the catalogue of translations, would define.
window.eval("window.gettext = (text) => text; window.ngettext = (one, many, n) => (n === 1 ? one : many);");
window.eval("window.interpolate = (text, values) => text.replace(/%\\((\\w+)\\)s/g, (_, name) => values[name]);");
window.eval(readFileSync("actions.js", "utf8"));
document.dispatchEvent(new window.Event("DOMContentLoaded"));
const boxes = [...document.querySelectorAll("tr input.action-select")];
boxes[0].click();
document.dispatchEvent(new window.KeyboardEvent("keydown", { key: "Shift", shiftKey: true }));
boxes.at(-1).click();
console.log(`${boxes.filter((box) => box.checked).length} of ${boxes.length} rows; ${[...new Set(errors)].join(" / ") || "no error"}`);
JAVASCRIPT

echo "Django $django, $("$python" --version), jsdom 26.1.0, Node.js $(node --version)"
for how in with without; do
    venv/bin/python page.py $how
    found[${#found[@]}]=$(node click.mjs)
    echo "$how the counter: ${found[-1]}"
done
[[ ${found[0]} == "5 of 5 rows; no error" && ${found[1]} == "2 of 5 rows; "*"TypeError"* ]] || {
    echo "This has changed."
    exit 1
}
