"""What all addresses of the API have in common: who may ask, how errors are answered, and which headers are sent."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import SuspiciousOperation
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.middleware.csrf import CsrfViewMiddleware
from django.utils.translation import gettext as _
from django.views import View
from django.views.decorators.csrf import csrf_exempt

from .api_body import refuse_large
from .numbers import EPOCH_HEADER, Numbers
from .problems import Problem

SAFE_METHODS = ("GET", "HEAD", "OPTIONS")


def _no_view(request: HttpRequest) -> HttpResponse:
    return HttpResponse()


_csrf = CsrfViewMiddleware(_no_view)


class ApiView(View):
    """A view that answers JSON, with errors as problem documents, to the user of the session alone.

    A subclass has a method for each HTTP method that it takes, and raises ``Problem``. Methods that change something
    need the CSRF token, whatever middleware the site has.
    """

    #: Whether only a user is answered.
    needs_user = True

    @classmethod
    def as_view(cls, **initkwargs: Any) -> Any:
        # Neither a page to log in nor Django's page about CSRF helps a program: both are answered here.
        return login_not_required(csrf_exempt(super().as_view(**initkwargs)))

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            response = self._answered(request, *args, **kwargs)
        except Problem as problem:
            response = problem.response()
        except SuspiciousOperation:  # too many parameters, or too much data for the site's own limits
            detail = _("The request has more data or parameters than the site takes.")
            response = Problem(HTTPStatus.BAD_REQUEST, "too_much_data", detail).response()
        response.headers.setdefault("Cache-Control", "no-store")
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response

    def _answered(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.method not in self.methods:
            return self.http_method_not_allowed(request, *args, **kwargs)
        if request.method != "OPTIONS":
            self._check_user(request)
        if request.method not in SAFE_METHODS:
            refuse_large(request)  # before the token is looked for in the body
            _check_csrf(request)
        return super().dispatch(request, *args, **kwargs)

    @property
    def methods(self) -> list[str]:
        """The HTTP methods that it takes."""
        return [name.upper() for name in self.http_method_names if hasattr(self, name)]

    def _check_user(self, request: HttpRequest) -> None:
        user = getattr(request, "user", None)
        if self.needs_user and not (user and user.is_authenticated):
            raise Problem(
                HTTPStatus.UNAUTHORIZED,
                "not_authenticated",
                _("Nobody is logged in: send the cookie of a session."),
                headers={"WWW-Authenticate": "Session"},
            )

    def http_method_not_allowed(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Answer which methods there are instead."""
        allowed = ", ".join(self.methods)
        detail = _("This address takes %(allowed)s.") % {"allowed": allowed}
        problem = Problem(HTTPStatus.METHOD_NOT_ALLOWED, "method_not_allowed", detail, headers={"Allow": allowed})
        return problem.response()


def answer(document: dict[str, Any], numbers: Numbers | None = None) -> JsonResponse:
    """A response.

    Args:
        document: its body.
        numbers: the numbers in it, if there are any, whose epoch a header says.
    """
    headers = {EPOCH_HEADER: numbers.epoch} if numbers else None
    return JsonResponse(document, headers=headers)


def _check_csrf(request: HttpRequest) -> None:
    """Check the token as Django does.

    Raises:
        Problem: it is missing or wrong, or the request comes from another site.
    """
    _csrf.process_request(request)
    if _csrf.process_view(request, _no_view, (), {}) is not None:
        detail = _(
            "The CSRF token is missing or wrong, or the request comes from another site: send the token in the header"
            " X-CSRFToken."
        )
        raise Problem(HTTPStatus.FORBIDDEN, "csrf_failed", detail)
