"""The story of a walk: each route is asked by the organisation whose records it should show, then by all others.

Nothing is believed that was not seen: a route is closed when its own organisation reached its canary there and the
other one, its agent at the wrong host, and a stranger did not. What a route touches is counted by PostgreSQL.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from typing import Final
from urllib.parse import urlsplit

from amcloud.clients.walking import pages
from amcloud.clients.walking.base import BOTH, Base
from amcloud.clients.walking.pages import Form
from amcloud.clients.walking.routes import Route, addresses
from amcloud.clients.walking.site import HTML, JSON, Answer, Sent, Site
from amcloud.stages.seen.isolation import OWNER_OF_CANARIES as OWNER
from amcloud.stages.seen.isolation import READER
from amcloud.stages.seen.walk import Kind, RouteProbe, Seen, Walk

CONTRACT: Final = frozenset({"/sante", "/connexion", "/connexion/retour", "/deconnexion"})
"""Addresses that the Starter Kit itself answers."""
WALK_S: Final = 120.0
_READ: Final = "l'agent d'un autre organisme y lit ses données"
_READ_AT_HOST: Final = "un agent d'un autre organisme y lit ses données à l'adresse du premier"
_READ_UNKNOWN: Final = "ses données s'y lisent sans connexion"
_CHANGED: Final = "un agent d'un autre organisme y change ses données"
_LINKED: Final = "un organisme y rattache ses données à celles d'un autre"
_OVER: Final = "le temps du parcours est écoulé"
_NOT_FOUND: Final = 404
_WRITABLE: Final = (str, int, float, date)


@dataclass(frozen=True, slots=True)
class _Asked:
    """A request that reads."""

    path: str
    accept: str = HTML
    query: tuple[str, ...] = ()


class Walker:
    """One walk over one application."""

    def __init__(self, site: Site, base: Base, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._site, self._base = site, base
        self._clock, self._until = clock, clock() + WALK_S
        self._planted = ""
        self._forms: list[Form] = []
        self._hidden: dict[tuple[str, str], str] = {}
        """Hidden fields of the forms shown to each agent: a token against forged requests is its own."""
        self._queries: dict[str, dict[tuple[str, ...], None]] = {}

    def walk(self, routes: tuple[Route, ...]) -> Walk:
        """What was seen of every route."""
        if not self._base.tables:
            return Walk()
        self._base.plant()
        self._planted = self._base.state(OWNER)
        for agent in BOTH:
            self._site.sign_in(agent)  # without sessions, pages are asked for with tokens
        own = [route for route in routes if route.path not in CONTRACT]
        seen = [self._restored(probe) for route in own if route.reads for probe in self._reading(route)]
        # what was read has said how to write
        seen += [self._writing(route) for route in own if not route.reads]
        return Walk(tuple(sorted(seen)))

    def _reading(self, route: Route) -> Iterator[RouteProbe]:
        if self._clock() > self._until:
            yield RouteProbe(route.method, route.path, Kind.LIST, Seen.UNCOVERED, _OVER)
            return
        first = RouteProbe(route.method, route.path, Kind.DETAIL if route.parameters else Kind.LIST, Seen.NOTHING)
        yield self._read(first, self._plain(route))
        for names in () if route.parameters else tuple(self._queries.get(route.path, ())):
            asked = [[_Asked(route.path, accept, names) for accept in (HTML, JSON)]]
            yield self._read(replace(first, path=f"{route.path}?{'&'.join(names)}", kind=Kind.SEARCH), asked)

    def _restored(self, probe: RouteProbe) -> RouteProbe:
        """The canaries are as they were for the next route: one that is asked by GET may change them all the same."""
        if self._base.state(OWNER) != self._planted:
            self._base.plant()
        return probe

    def _plain(self, route: Route) -> list[list[_Asked]]:
        found = addresses(route, self._base.records(OWNER))
        return [[_Asked(address, accept) for accept in (HTML, JSON)] for address in found]

    def _read(self, probe: RouteProbe, groups: list[list[_Asked]]) -> RouteProbe:
        """The first group of requests that shows the owner its canary decides; else, what the last ones gave."""
        before, answers, good = self._base.touched(), list[Answer](), list[_Asked]()
        for group in groups:
            own = [(asked, self._ask(asked, OWNER, OWNER)) for asked in group]
            answers += [answer for _, answer in own]
            good += [asked for asked, answer in own if answer.good]
            if any(self._shows(answer, OWNER) for _, answer in own):
                break
        touched = self._base.since(before)
        kind = Kind.EXPORT if any(a.good and a.is_file for a in answers) and probe.kind is Kind.LIST else probe.kind
        probe = replace(probe, kind=kind)
        if any(self._shows(answer, READER) for answer in answers):
            return replace(probe, seen=Seen.LEAK, why=_READ)
        left = self._base.state(OWNER)
        for asked in good or [group[0] for group in groups[:1]]:
            if why := self._leak(asked):
                return replace(probe, seen=Seen.LEAK, why=why)
        if self._base.state(OWNER) != left:
            return replace(probe, seen=Seen.LEAK, why=_CHANGED)
        if any(self._shows(answer, OWNER) for answer in answers):
            return replace(probe, seen=Seen.CLOSED)
        return _unseen(probe, answers, touched)

    def _leak(self, asked: _Asked) -> str:
        """How somebody else reads the owner's canary by that request; empty when nobody does."""
        for host, agent, why in ((READER, READER, _READ), (OWNER, None, _READ_UNKNOWN), (OWNER, READER, _READ_AT_HOST)):
            if self._shows(self._ask(asked, host, agent), OWNER):
                return why
        return ""

    def _writing(self, route: Route) -> RouteProbe:
        form = next((form for form in self._forms if _sends(form, route)), None)
        probe = RouteProbe(route.method, route.path, Kind.UPLOAD if form and form.files else Kind.WRITE, Seen.NOTHING)
        if self._clock() > self._until:
            return replace(probe, seen=Seen.UNCOVERED, why=_OVER)
        sent = self._sent(route, form)
        before, state = self._base.touched(), self._base.state(OWNER)
        aimed, own = (addresses(route, self._base.records(code)) for code in (OWNER, READER))
        why = self._intrusion(route, aimed, own, sent, state)
        answers = [] if why else list(self._owners(route, aimed, sent, state))
        done = self._base.state(OWNER) != state
        touched = self._base.since(before)
        if why or done or touched:
            self._base.plant()
        if why:
            return replace(probe, seen=Seen.LEAK, why=why)
        return replace(probe, seen=Seen.CLOSED) if done else _unseen(probe, answers, touched)

    def _intrusion(
        self, route: Route, aimed: tuple[str, ...], own: tuple[str, ...], sent: list[Sent], state: str
    ) -> str:
        """How the reader, or a stranger, changed the owner's rows, or tied its own to them; empty when nobody did."""
        for path in aimed:
            for body in sent:
                for host, agent in ((READER, READER), (OWNER, READER), (OWNER, None)):
                    self._send(route, path, body, host=host, agent=agent)
        if self._base.state(OWNER) != state:
            return _CHANGED
        for path in own[:1]:  # its own record, with what the owner's form offered to choose from
            for body in sent:
                self._send(route, path, body, host=READER, agent=READER)
        if self._base.state(OWNER) != state:
            return _CHANGED
        return _LINKED if self._base.links() else ""

    def _owners(self, route: Route, aimed: tuple[str, ...], sent: list[Sent], state: str) -> Iterator[Answer]:
        """Answers to the owner's own attempts, until one of them changes its rows."""
        for path in aimed:
            for body in sent:
                yield self._send(route, path, body, host=OWNER, agent=OWNER)
                if self._base.state(OWNER) != state:
                    return

    def _send(self, route: Route, path: str, body: Sent, *, host: str, agent: str | None) -> Answer:
        """The answer to that body, with the agent's own hidden fields."""
        own = {name: self._hidden.get((agent or "", name), value) for name, value in body.values.items()}
        sent = replace(body, values=own)
        return self._site.ask(route.method, path, host=host, agent=agent, accept=body.accept, sent=sent)

    def _sent(self, route: Route, form: Form | None) -> list[Sent]:
        """What to send: what the page's form would, else the columns of the record that the path speaks of."""
        if form is not None:
            values = form.values("canari")
            bodies = [Sent(values, form.files), Sent(values, form.files, accept=JSON)]
            return bodies if form.files else [*bodies, Sent(values, accept=JSON, as_json=True)]
        records = self._base.records(OWNER)
        alike = next((names for table, names in records if table[:4] in route.path), {})
        values = {n: str(v) for n, v in alike.items() if n not in {"id", "organisation"} and isinstance(v, _WRITABLE)}
        return [Sent(values, accept=JSON, as_json=True), Sent(values, accept=JSON)]

    def _ask(self, asked: _Asked, host: str, agent: str | None) -> Answer:
        query = {name: self._base.term(OWNER) if i == 0 else "" for i, name in enumerate(asked.query)}
        answer = self._site.ask("GET", asked.path, host=host, agent=agent, accept=asked.accept, query=query)
        if host == agent and answer.is_page:
            self._learn(asked.path, agent, answer)
        return answer

    def _learn(self, path: str, agent: str, answer: Answer) -> None:
        forms, links = pages.read(path, answer.text)
        for one in (one for form in forms for one in form.fields if one.type == "hidden"):
            self._hidden[agent, one.name] = one.value
        if agent != OWNER:
            return
        self._forms += [form for form in forms if form.method != "GET"]
        for where, names in pages.queries(forms, links):
            self._queries.setdefault(where, {}).setdefault(names[:5])

    def _shows(self, answer: Answer, organisation: str) -> bool:
        return answer.good and self._base.marker(organisation) in answer.text.lower()


def _unseen(probe: RouteProbe, answers: list[Answer], touched: tuple[str, ...]) -> RouteProbe:
    """What to say of a route where the owner's canary did not appear."""
    good = any(answer.good for answer in answers)
    if not touched and good:
        return probe
    statuses = ", ".join(str(status or "aucune") for status in sorted({a.status for a in answers}))
    if touched and good:
        why = f"atteint {', '.join(touched[:3])}, le témoin n'y paraît pas"
    elif answers and all(answer.status == _NOT_FOUND for answer in answers):
        why = "aucun témoin n'y mène (réponse 404)"
    else:
        why = f"réponse {statuses}" if answers else "aucune adresse à essayer"
    return replace(probe, seen=Seen.UNCOVERED, why=why)


def _sends(form: Form, route: Route) -> bool:
    override = next((one.value.upper() for one in form.fields if one.name == "_method"), "")
    return (override or form.method) == route.method and route.matches(urlsplit(form.action).path)
