"""Tables as people and programs read them."""

from __future__ import annotations

import json
import os
import subprocess

import pytest
from bench import figures, processes
from bench.figures import Cell, Table

TABLE = Table("Exemple", ("measured", "s"), (("a", 1.234), ("longer", None)), ("a note",))
STATUS = "Name:\tpython\nVmHWM:\t  102400 kB\nVmRSS:\t   51200 kB\n"


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        pytest.param(None, "—", id="no figure"),
        pytest.param(0.0449, "0.04", id="small"),
        pytest.param(12.345, "12.3", id="three digits"),
        pytest.param(2048.4, "2048", id="great"),
        pytest.param(1849, "1849", id="a whole number stays whole"),
        pytest.param("php -l", "php -l", id="a name"),
    ],
)
def test_a_figure_shows_the_digits_that_count(cell: Cell, text: str) -> None:
    assert figures.shown(cell) == text


def test_a_table_is_aligned_markdown_with_its_notes() -> None:
    assert figures.text([TABLE]).splitlines() == [
        "### Exemple",
        "",
        "| measured |    s |",
        "| -------- | ---: |",
        "| a        | 1.23 |",
        "| longer   |    — |",
        "",
        "* a note",
    ]


def test_json_keeps_the_figures_whole() -> None:
    rows = json.loads(figures.as_json([TABLE]))[0]["rows"]
    assert rows == [{"measured": "a", "s": 1.234}, {"measured": "longer", "s": None}]


def test_a_row_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match="Exemple"):
        Table("Exemple", ("a", "b"), (("one",),))


@pytest.mark.parametrize(
    ("figure", "peer", "expected"),
    [
        pytest.param(3.0, 2.0, 1.5, id="both"),
        pytest.param(None, 2.0, None, id="no figure"),
        pytest.param(3.0, None, None, id="no peer"),
        pytest.param(3.0, 0.0, None, id="a peer that is nothing"),
    ],
)
def test_a_ratio_needs_both_figures(figure: float | None, peer: float | None, expected: float | None) -> None:
    assert figures.ratio(figure, peer) == expected


@pytest.mark.parametrize(
    ("field", "mib"),
    [pytest.param("VmRSS", 50.0, id="now"), pytest.param("VmHWM", 100.0, id="peak"), pytest.param("Pss", None, id="-")],
)
def test_memory_is_read_in_mib(field: str, mib: float | None) -> None:
    assert processes.status_mib(STATUS, field) == mib


def test_this_process_is_in_its_own_tree_and_has_memory() -> None:
    assert os.getpid() in processes.tree(os.getpid())
    assert processes.tree_pss_mib(os.getpid()) > 1


def test_processor_time_is_read_after_a_name_that_holds_anything() -> None:
    ticks = os.sysconf("SC_CLK_TCK")
    stat = f"12 (a) b (c) S 1 2 3 4 5 6 7 8 9 10 {3 * ticks} {ticks} 0 0 20"
    assert processes.cpu_s(stat) == 4.0


def test_a_process_has_its_own_memory_once_it_runs_its_program() -> None:
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as child:
        assert child.pid in processes.children(os.getpid())
        assert processes.same_memory(os.getpid(), os.getpid())
        assert not processes.same_memory(child.pid, os.getpid())
