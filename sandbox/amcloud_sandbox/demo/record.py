"""What the demonstration saw of each application, for its last table."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Line:
    """One application. Seconds count from the push."""

    app: str
    verdict: str = ""
    commit: str = ""
    url: str = ""
    organisations: str = ""
    verdict_s: float | None = None
    serving_s: float | None = None
    report_url: str = ""

    def cells(self) -> tuple[str, ...]:
        """The line of the table."""
        return (
            self.app,
            self.verdict,
            self.commit[:8],
            self.url or "—",
            self.organisations or "—",
            _seconds(self.verdict_s),
            _seconds(self.serving_s),
        )


HEADER = ("application", "verdict", "commit", "adresse", "organismes", "push → verdict", "push → service")


def _seconds(value: float | None) -> str:
    return "—" if value is None else f"{value:.1f} s"
