"""Pages as GitLab gives them: 20 rows unless asked (100 at most), headers, and keyset pages where GitLab has them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

from amcloud_sandbox.forge.call import Call
from amcloud_sandbox.forge.errors import ApiError, bad_parameter
from amcloud_sandbox.forge.store import Row

PER_PAGE, MAX_PER_PAGE = 20, 100


@dataclass(frozen=True, slots=True)
class Answer:
    """A JSON answer with its status and headers; handlers may also return bare values (status 200)."""

    body: Any
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()


def _bounds(call: Call) -> tuple[int, int]:
    page, size = call.integer("page", 1) or 0, call.integer("per_page", PER_PAGE) or 0
    if page < 1:
        raise bad_parameter("page does not have a valid value")
    if size < 1:
        raise bad_parameter("per_page has a value not allowed")
    return page, min(size, MAX_PER_PAGE)


def _address(call: Call, **changed: object) -> str:
    parts = urlsplit(call.url)
    kept = [(key, value) for key, value in call.query if key not in changed and key != "private_token"]
    added = [(key, str(value)) for key, value in changed.items() if value is not None]
    return f"{call.forge.config.url}{parts.path}?{urlencode([*kept, *added])}"


def page(call: Call, rows: Sequence[Row], shape: Callable[[Row], Any]) -> Answer:
    """One page of ``rows`` (given in their final order), each through ``shape``."""
    number, size = _bounds(call)
    total, pages = len(rows), max(1, -(-len(rows) // size))
    shown = rows[(number - 1) * size : number * size]
    links = [("first", 1), ("last", pages)]
    if number > 1:
        links.insert(0, ("prev", number - 1))
    if number < pages:
        links.insert(0, ("next", number + 1))
    link = ", ".join(f'<{_address(call, page=target, per_page=size)}>; rel="{rel}"' for rel, target in links)
    headers = (
        ("Link", link),
        ("X-Next-Page", str(number + 1) if number < pages else ""),
        ("X-Page", str(number)),
        ("X-Per-Page", str(size)),
        ("X-Prev-Page", str(number - 1) if number > 1 else ""),
        ("X-Total", str(total)),
        ("X-Total-Pages", str(pages)),
    )
    return Answer([shape(row) for row in shown], headers=headers)


def keyset(
    call: Call, rows: Sequence[Row], shape: Callable[[Row], Any], *, order_by: Sequence[str] = ("id",)
) -> Answer:
    """Like :func:`page`, and by keyset (``pagination=keyset``) when ordered by one of ``order_by``.

    Raises:
        ApiError: 405, keyset pages are not offered for that order.
    """
    if call.text("pagination") != "keyset":
        return page(call, rows, shape)
    if call.text("order_by", "id") not in order_by:
        raise ApiError(405, {"error": "Keyset pagination is not yet available for this type of request"})
    _, size = _bounds(call)
    descending = call.text("sort", "desc") == "desc"
    after, before = call.integer("id_after"), call.integer("id_before")
    ordered = sorted(rows, key=lambda row: int(row["id"]), reverse=descending)
    kept = [row for row in ordered if (after is None or row["id"] > after) and (before is None or row["id"] < before)]
    shown, headers = kept[:size], [("X-Per-Page", str(size))]
    if len(kept) > size:
        edge = {"id_before": shown[-1]["id"]} if descending else {"id_after": shown[-1]["id"]}
        headers.append(("Link", f'<{_address(call, per_page=size, **edge)}>; rel="next"'))
    return Answer([shape(row) for row in shown], headers=tuple(headers))
