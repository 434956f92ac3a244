"""One API request as the handlers see it: parameters parsed and bounded, caller known, project found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from amcloud_sandbox.forge import access
from amcloud_sandbox.forge.access import Caller, Level
from amcloud_sandbox.forge.errors import ApiError, bad_parameter, not_found, unauthorized
from amcloud_sandbox.forge.store import Row, Store

if TYPE_CHECKING:
    from amcloud_sandbox.forge.state import Forge

TRUE = {"true", "1", "t", "yes", "on"}
FALSE = {"false", "0", "f", "no", "off", ""}


@dataclass(slots=True)
class Call:
    """A request to the API. ``params`` merges query, form and JSON body, as GitLab's API layer does."""

    forge: Forge
    method: str
    path: Mapping[str, str]
    params: Mapping[str, Any]
    url: str
    caller: Caller | None = None
    query: Sequence[tuple[str, str]] = ()
    _found: dict[str, Row] = field(default_factory=dict)

    @property
    def store(self) -> Store:
        """The forge's state."""
        return self.forge.store

    # ---- parameters

    def text(self, name: str, default: str | None = None) -> str | None:
        """The parameter as text, ``default`` when absent."""
        value = self.params.get(name)
        if value is None:
            return default
        if isinstance(value, (dict, list)):
            raise bad_parameter(f"{name} is invalid")
        return str(value).lower() if isinstance(value, bool) else str(value)

    def required(self, *names: str) -> str:
        """The first of ``names`` that is given.

        Raises:
            ApiError: 400 ``<name> is missing``.
        """
        for name in names:
            value = self.text(name)
            if value is not None and value != "":
                return value
        raise bad_parameter(f"{names[0]} is missing")

    def integer(self, name: str, default: int | None = None) -> int | None:
        """The parameter as a number."""
        value = self.text(name)
        if value is None:
            return default
        try:
            return int(value)
        except ValueError:
            raise bad_parameter(f"{name} is invalid") from None

    def flag(self, name: str, default: bool | None = None) -> bool | None:
        """The parameter as a boolean."""
        value = self.text(name)
        if value is None:
            return default
        if value.lower() in TRUE | FALSE:
            return value.lower() in TRUE
        raise bad_parameter(f"{name} is invalid")

    def choice(self, name: str, values: Sequence[str], default: str | None = None) -> str | None:
        """The parameter, one of ``values``.

        Raises:
            ApiError: 400 ``<name> does not have a valid value``.
        """
        value = self.text(name)
        if value is not None and value not in values:
            raise bad_parameter(f"{name} does not have a valid value")
        return default if value is None else value

    def words(self, name: str) -> list[str] | None:
        """A list given as a JSON list or as text with commas."""
        value = self.params.get(name)
        if value is None:
            return None
        if isinstance(value, list):
            return [str(item) for item in value]
        return [word.strip() for word in str(value).split(",") if word.strip()]

    def number(self, name: str, what: str = "") -> int:
        """A number of the path.

        Raises:
            ApiError: 400, it is not one.
        """
        try:
            return int(self.path[name])
        except ValueError:
            raise bad_parameter(f"{what or name} is invalid") from None

    # ---- the caller

    def user(self) -> Row:
        """The calling user.

        Raises:
            ApiError: 401 without a token, 403 for a deploy token.
        """
        if self.caller is None or self.caller.user is None:
            raise unauthorized()
        return self.caller.user

    def admin(self) -> Row:
        """The calling administrator, else 401 or 403."""
        user = self.user()
        if not user["admin"]:
            raise ApiError(403, "403 Forbidden")
        return user

    # ---- the project

    def project(self, wanted: int = Level.GUEST) -> Row:
        """The project of the path's ``id`` (number or path), seen by the caller, who has the level ``wanted``.

        Raises:
            ApiError: 404 absent or hidden, 403 not enough, 301 or 405 for the old path of a renamed project.
        """
        if "project" not in self._found:
            self._found["project"] = self._look_up(self.path["id"])
        project = self._found["project"]
        access.require(self.store, self.caller, project, wanted)
        return project

    def _look_up(self, key: str) -> Row:
        if key.isdigit():
            row = self.store.one("select * from projects where id = ?", int(key))
        else:
            row = self.store.one("select * from projects where full_path = ?", key)
            moved = None if row else self.store.value("select project_id from redirects where old_path = ?", key)
            if moved:
                self._moved(moved)
        if row is None:
            raise not_found("Project")
        return row

    def _moved(self, project_id: int) -> None:
        project = self.store.one("select * from projects where id = ?", project_id)
        if project is None or access.level(self.store, self.caller, project) == Level.NONE:
            raise not_found("Project")
        if self.method != "GET":
            raise ApiError(405, "Non GET methods are not allowed for moved projects")
        start, _, rest = self.url.partition("/projects/")
        _, slash, after = rest.partition("/")
        query = "" if slash or "?" not in rest else "?" + rest.partition("?")[2]
        target = f"{start}/projects/{project_id}{slash}{after}{query}"
        raise ApiError(301, f"This resource has been moved permanently to {target}", {"Location": target})

    def group(self, wanted: int = Level.GUEST) -> Row:
        """The group of the path's ``id`` (number or path), seen by the caller, who has the level ``wanted``."""
        key = self.path["id"]
        column = "id" if key.isdigit() else "full_path"
        row = self.store.one(f"select * from groups where {column} = ?", key)
        if row is None:
            raise not_found("Group")
        found = access.group_level(self.store, self.caller, row["id"])
        if row["visibility"] != "private":
            found = max(found, Level.GUEST)
        if found == Level.NONE:
            raise not_found("Group")
        if found < wanted:
            raise unauthorized() if self.caller is None else ApiError(403, "403 Forbidden")
        return row
