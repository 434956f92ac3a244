"""The running forge: its state, its queue of webhook deliveries, its switches. Effects live in the modules it names."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from amcloud_sandbox.forge import access, git
from amcloud_sandbox.forge.config import Config
from amcloud_sandbox.forge.deliveries import Deliveries
from amcloud_sandbox.forge.faults import Faults, RequestLog
from amcloud_sandbox.forge.store import Row, Store, now


@dataclass(slots=True)
class Forge:
    """Everything one server holds."""

    config: Config
    store: Store
    faults: Faults
    requests: RequestLog
    deliveries: Deliveries
    pipelines_changed: threading.Condition = field(default_factory=threading.Condition)
    runner_lives: dict[str, int] = field(default_factory=dict)
    closing: threading.Event = field(default_factory=threading.Event)

    def close(self) -> None:
        """Deliveries have stopped and the state is on disk."""
        self.deliveries.stop()
        self.store.close()

    def hang_up(self) -> None:
        """Runners that wait are answered: the server is about to stop."""
        self.closing.set()
        self.wake_runners()

    def user(self, user_id: int) -> Row:
        """The user, who must exist."""
        user = self.store.one("select * from users where id = ?", user_id)
        assert user is not None
        return user

    def wake_runners(self) -> None:
        """Runners that wait for a pipeline look again."""
        with self.pipelines_changed:
            self.pipelines_changed.notify_all()


def open_forge(config: Config) -> Forge:
    """The forge over ``config.data``, made when absent; its root user holds ``config.root_token``."""
    store = Store(config.data / "forge.sqlite3")
    git.install_hooks(config.data / "hooks")
    config.repositories.mkdir(parents=True, exist_ok=True)
    config.artifacts.mkdir(parents=True, exist_ok=True)
    _ensure_root(store, config.root_token)
    faults = Faults()
    deliveries = Deliveries(
        store, faults, timeout_s=config.hook_timeout_s, backoff_s=config.hook_backoff_s, url=config.url
    )
    return Forge(config, store, faults, RequestLog(), deliveries)


def _ensure_root(store: Store, token: str) -> None:
    root = store.one("select * from users where username = 'root'") or store.insert(
        "users", username="root", name="Administrator", email="root@forge.example", admin=1, created_at=now()
    )
    if not store.one("select id from tokens where digest = ?", access.digest(token)):
        access.issue_token(
            store, kind="personal", name="root", scopes=frozenset({"api", "sudo"}), value=token, user_id=root["id"]
        )
