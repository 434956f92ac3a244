"""Answers of GitLab that are refusals, as exceptions: raised anywhere in a request, answered at its edge."""

from __future__ import annotations

from typing import Any


class ApiError(Exception):
    """The request ends with ``status`` and the JSON ``body``."""

    def __init__(self, status: int, body: Any, headers: dict[str, str] | None = None) -> None:
        super().__init__(f"{status} {body}")
        self.status = status
        self.body = body if isinstance(body, dict) else {"message": body}
        self.headers = headers or {}


def unauthorized() -> ApiError:
    """No token, or one that is unknown, revoked or expired."""
    return ApiError(401, "401 Unauthorized")


def forbidden(reason: str = "") -> ApiError:
    """The caller is known and sees the object, but may not do this."""
    return ApiError(403, f"403 Forbidden - {reason}" if reason else "403 Forbidden")


def not_found(what: str = "") -> ApiError:
    """``what`` (GitLab's word: Project, Commit, User…) is absent, or hidden from the caller."""
    return ApiError(404, f"404 {what} Not Found" if what else "404 Not Found")


def bad_request(message: Any) -> ApiError:
    """A value that the model refuses: ``message`` is a text or GitLab's ``{field: [problems]}``."""
    return ApiError(400, {"message": message})


def bad_parameter(text: str) -> ApiError:
    """A parameter that is missing or malformed, in the words of GitLab's API layer (``ref is missing``)."""
    return ApiError(400, {"error": text})
