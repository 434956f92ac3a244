"""The measurements' command lines, and the tables they make of figures. Nothing is measured here."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import pytest
from bench import check, cluster, controller, corpus
from bench.check import Command, Measured, Run
from bench.controller import Memory, Rate

PARSERS = [pytest.param(check.parser, id="check"), pytest.param(controller.parser, id="controller")]


@pytest.mark.parametrize("parser", PARSERS)
def test_output_is_text_unless_json_is_asked_for(parser: Callable[[], argparse.ArgumentParser]) -> None:
    assert parser().parse_args([]).output == "text"
    assert parser().parse_args(["--output", "json"]).output == "json"


@pytest.mark.parametrize("parser", PARSERS)
@pytest.mark.parametrize("wrong", [["--output", "xml"], ["--unknown"], ["--repeat", "0"], ["--apps", "-1"]])
def test_a_wrong_option_is_refused(parser: Callable[[], argparse.ArgumentParser], wrong: list[str]) -> None:
    with pytest.raises(SystemExit) as refused:
        parser().parse_args(wrong)
    assert refused.value.code == 2


@pytest.mark.parametrize("parser", PARSERS)
def test_help_names_every_option(
    parser: Callable[[], argparse.ArgumentParser], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        parser().parse_args(["--help"])
    assert ended.value.code == 0
    assert "--output {text,json}" in capsys.readouterr().out


def test_the_subset_is_spread_over_the_corpus_and_always_the_same() -> None:
    files = [Path(f"{number}.php") for number in range(10)]
    assert corpus.spread(files, 3) == (files[0], files[3], files[6])
    assert corpus.spread(files, 20) == tuple(files)


def test_only_what_read_the_same_files_is_compared() -> None:
    ours = Measured("amcloud check", 150, 1.0, 2.0, 60.0)
    others = [Measured("php -l", 150, 3.0, 1.0), Measured("elsewhere", 1800, 4.0, 8.0)]
    table = check.table("A title", [ours], others, ["a note"])
    assert table.columns == check.COLUMNS
    assert table.rows == (
        ("amcloud check", 150, 1.0, 150.0, 2.0, 60.0, None, None),
        ("php -l", 150, 3.0, 50.0, 1.0, None, 3.0, 0.5),
        ("elsewhere", 1800, 4.0, 450.0, 8.0, None, None, None),
    )


def test_the_median_of_the_rounds_counts() -> None:
    command = Command("php -l", ("php",), 150, (0,))
    runs = [Run(1.0, 9.0), Run(5.0, 2.0), Run(2.0, 3.0)]
    assert Measured.of(command, runs, None) == Measured("php -l", 150, 2.0, 3.0)


def test_memory_is_compared_with_kopf_and_with_the_limit_of_the_pod() -> None:
    found = [Memory("python, import kopf", 60.0, 60.0), None, Memory("amcloud operator", 90.0, 120.0)]
    assert controller.memory_table(found, 240.0, []).rows[1] == ("amcloud operator", 90.0, 120.0, 1.5, 0.5)


def test_memory_without_kopf_has_no_ratio_to_it() -> None:
    assert controller.memory_table([Memory("amcloud operator", 90.0, 120.0)], 240.0, []).rows[0][3] is None


def test_rates_are_compared_with_the_first() -> None:
    raw, ours = Rate("raw", 200, 0.5, 0.2, 200), Rate("operator", 100, 1.0, 0.5, 800)
    table = controller.rate_table([raw, ours], [])
    assert table.rows == (("raw", 200, 0.5, 400.0, 1.0, 1.0, 1.0), ("operator", 100, 1.0, 100.0, 4.0, 5.0, 8.0))


def test_a_peer_measured_twice_counts_by_its_mean() -> None:
    assert controller.mean(Rate("raw", 200, 1.0, 0.5, 200), Rate("raw", 200, 3.0, 1.5, 200)) == Rate(
        "raw", 200, 2.0, 1.0, 200
    )


@pytest.mark.parametrize(("quantity", "mib"), [("2Gi", 2048.0), ("256Mi", 256.0), ("512Ki", 0.5)])
def test_quantities_of_memory_are_read(quantity: str, mib: float) -> None:
    assert controller.mib(quantity) == mib


def test_the_limit_of_the_pod_is_what_deploy_says() -> None:
    assert controller.pod_limit_mib() >= 256


def test_requests_of_passes_are_counted_and_no_others() -> None:
    metrics = "\n".join(
        [
            "# TYPE apiserver_request_total counter",
            'apiserver_request_total{code="200",resource="localapps",subresource="status",verb="PATCH"} 200',
            'apiserver_request_total{code="201",resource="events",verb="POST"} 1e+02',
            'apiserver_request_total{code="200",resource="localapps",verb="LIST"} 7',
            'apiserver_request_total{code="200",resource="localapps",verb="WATCH"} 3',
            'apiserver_request_total{code="200",resource="leases",verb="PUT"} 9',
            'apiserver_other_total{resource="events",verb="POST"} 5',
        ]
    )
    assert cluster.requests_served(metrics) == 307


def test_an_application_to_be_refused_names_an_organisation_that_nobody_declared() -> None:
    assert cluster.local_app("a", refused=True)["spec"]["organisations"] == ["671", "999"]
    assert "organisations" not in cluster.local_app("a", refused=False)["spec"]
