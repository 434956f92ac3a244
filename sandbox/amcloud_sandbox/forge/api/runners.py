"""Runners, as administrators see them."""

from __future__ import annotations

from amcloud_sandbox.forge.access import Caller
from amcloud_sandbox.forge.call import Call
from amcloud_sandbox.forge.errors import forbidden
from amcloud_sandbox.forge.paging import Answer, page
from amcloud_sandbox.forge.routing import api
from amcloud_sandbox.forge.store import Row


def shape(description: str) -> Row:
    """A runner that everybody shares: this forge has no other kind."""
    return {
        "id": 1,
        "description": description,
        "ip_address": None,
        "active": True,
        "paused": False,
        "is_shared": True,
        "runner_type": "instance_type",
        "name": "gitlab-runner",
        "online": True,
        "created_at": None,
        "status": "online",
    }


@api("GET", "/runners/all")
def runners(call: Call) -> Answer:
    """Every runner that has announced itself."""
    call.user()
    caller: Caller | None = call.caller
    if caller is None or not caller.admin:
        raise forbidden()
    kind = call.choice("type", ("instance_type", "group_type", "project_type"))
    names = sorted(call.forge.runner_lives) if kind in {None, "instance_type"} else []
    return page(call, [{"name": name} for name in names], lambda row: shape(row["name"]))
