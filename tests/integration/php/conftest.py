"""Real PHP, PostgreSQL and sign-in for these tests."""

from __future__ import annotations

from amcloud_sandbox.testing.php import composer_repository, composer_url, database, issuer, serve, workshop
from amcloud_sandbox.testing.services import postgres

__all__ = ["composer_repository", "composer_url", "database", "issuer", "postgres", "serve", "workshop"]
