"""GitLab's API v4, one module a resource; importing this package registers every handler."""

from amcloud_sandbox.forge.api import (
    access_tokens,
    deployments,
    groups,
    hooks,
    issues,
    jobs,
    members,
    merge_requests,
    pipelines,
    projects,
    refs,
    repository,
    statuses,
    users,
    variables,
)

__all__ = [
    "access_tokens",
    "deployments",
    "groups",
    "hooks",
    "issues",
    "jobs",
    "members",
    "merge_requests",
    "pipelines",
    "projects",
    "refs",
    "repository",
    "statuses",
    "users",
    "variables",
]
