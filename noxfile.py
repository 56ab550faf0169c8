"""The matrix, for people who have several Pythons: ``nox -l`` lists it, ``nox -s style`` or ``nox -k 'django 6.1'``.

CI does not need it: ``.ci/run`` runs both ends of the matrix by itself.
"""

import nox

nox.options.default_venv_backend = "venv"
nox.options.error_on_missing_interpreters = False
nox.options.sessions = ["tests", "style", "types", "layers", "migrations", "documentation"]

#: Each supported series of Django, on the oldest and the newest Python that it is tested with.
MATRIX = [("3.11", "5.2"), ("3.13", "5.2"), ("3.12", "6.0"), ("3.13", "6.0"), ("3.12", "6.1"), ("3.13", "6.1")]


@nox.session
@nox.parametrize("python,django", MATRIX, ids=[f"Python {python}, Django {django}" for python, django in MATRIX])
def tests(session: nox.Session, django: str) -> None:
    """The tests, with the arguments of runtests.py after ``--``; POSTGRESQL_URL and MARIADB_URL are passed on."""
    session.install(".[test]", f"Django~={django}.0")
    session.run("python", "runtests.py", *session.posargs)


@nox.session
def style(session: nox.Session) -> None:
    """Ruff's rules and format."""
    session.install(".[lint]")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


@nox.session
def types(session: nox.Session) -> None:
    """Strict types of the package."""
    session.install(".[test,lint]")
    session.run("mypy")


@nox.session
def layers(session: nox.Session) -> None:
    """Which module may import which."""
    session.install(".[test,lint]")
    session.run("lint-imports")


@nox.session
def migrations(session: nox.Session) -> None:
    """Whether the models have the migrations that they need."""
    session.install(".[test]")
    session.run("python", "-m", "django", "makemigrations", "--check", "--dry-run", "--settings", "tests.settings")


@nox.session
def documentation(session: nox.Session) -> None:
    """The pages, with every warning an error."""
    session.install("-e", ".[docs]")
    session.run("sphinx-build", "-W", "-n", "docs", "docs/_build")
