"""Templates: which exits an instance has, and what a connector changes."""

from __future__ import annotations

import dataclasses
import json

from hosting_objects import (
    BY_ADDRESS,
    BY_NAME,
    CLOSED,
    SETTINGS,
    objects,
    one,
)


def test_a_service_given_by_name_is_in_the_networks_of_the_settings() -> None:
    settings = dataclasses.replace(SETTINGS, service_networks=("192.0.2.0/24", "198.51.100.0/24"))
    egress = one(objects(settings=settings), "NetworkPolicy", "sorties")["spec"]["egress"]
    assert [(rule["ports"][0]["port"], rule["to"][0]["ipBlock"]["cidr"]) for rule in egress[1:]] == [
        (15432, "198.18.0.1/32"),
        (443, "192.0.2.0/24"),
        (443, "198.51.100.0/24"),
    ]


def test_names_are_asked_of_the_cluster_s_dns_and_of_the_resolvers_of_the_settings_alone() -> None:
    settings = dataclasses.replace(SETTINGS, dns_networks=("169.254.20.10/32",))
    (asked,) = (
        rule
        for rule in one(objects(settings=settings), "NetworkPolicy", "sorties")["spec"]["egress"]
        if rule["ports"][0]["port"] == 53
    )
    assert asked["to"] == [
        {"namespaceSelector": {}, "podSelector": {"matchLabels": {"k8s-app": "kube-dns"}}},
        {"ipBlock": {"cidr": "169.254.20.10/32"}},
    ]


def test_a_migration_calls_no_national_service() -> None:
    job = one(objects(links=(BY_ADDRESS,)), "Job")
    assert "connector" not in json.dumps(job).lower()


def test_a_connector_opens_its_addresses_at_its_port_and_no_other_place() -> None:
    egress = one(objects(links=(BY_ADDRESS, BY_NAME, CLOSED)), "NetworkPolicy", "sorties")["spec"]["egress"]
    assert [(rule["ports"][0]["port"], rule["to"][0]["ipBlock"]["cidr"]) for rule in egress[3:]] == [
        (8932, "198.18.0.1/32"),
        (443, "192.0.2.0/28"),
        (443, "198.51.100.7/32"),
    ]


def test_a_connector_s_credential_is_in_the_secret_alone_and_no_pod_changes_with_it() -> None:
    before, after = objects(links=(BY_ADDRESS,)), objects(links=(BY_ADDRESS.with_token("nouveau"),))
    assert [a["kind"] for a, b in zip(before, after, strict=True) if a != b] == ["Secret"]
    assert "jeton" not in json.dumps([thing for thing in before if thing["kind"] != "Secret"])


def test_a_closed_connector_changes_no_pod() -> None:
    closed = dataclasses.replace(BY_ADDRESS, cidrs=(), secret="", token="")
    before, after = objects(links=(BY_ADDRESS,)), objects(links=(closed,))
    assert [a["kind"] for a, b in zip(before, after, strict=True) if a != b] == ["Secret", "NetworkPolicy"]


def test_egress_names_the_address_or_else_the_port() -> None:
    egress = one(objects(), "NetworkPolicy", "sorties")["spec"]["egress"]
    assert egress[1:] == [
        {"ports": [{"protocol": "TCP", "port": 15432}], "to": [{"ipBlock": {"cidr": "198.18.0.1/32"}}]},
        {"ports": [{"protocol": "TCP", "port": 443}]},
    ]
