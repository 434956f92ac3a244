"""Where `amcloud evidence` connects, and what it says when it cannot write."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from typer.testing import CliRunner

from amcloud.cli import build
from amcloud.cli.evidence import reached


@pytest.mark.parametrize(
    ("url", "place", "headers"),
    [
        pytest.param("https://rapports.example/a/b", "https://rapports.example/a/b", {}, id="a name of the network"),
        pytest.param(
            "http://rapports.amcloud.localhost:8080/a?b=c",
            "http://127.0.0.1:8080/a?b=c",
            {"Host": "rapports.amcloud.localhost:8080"},
            id="a name of this machine",
        ),
        pytest.param(
            "http://localhost.example/a", "http://localhost.example/a", {}, id="a name that only looks like it"
        ),
    ],
)
def test_names_under_localhost_are_this_machine(url: str, place: str, headers: dict[str, str]) -> None:
    assert reached(url) == (place, headers)


class _Reports(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response({"/absent/evidence.json": 404, "/panne/evidence.json": 503}.get(self.path, 200))
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: object) -> None:
        pass


@pytest.mark.parametrize(
    ("place", "code", "words"), [("ici.json", 0, "2 octets"), ("x/y", 3, "ne peut pas être écrit")]
)
def test_a_place_that_cannot_be_written_is_told(tmp_path: Path, place: str, code: int, words: str) -> None:
    with HTTPServer(("127.0.0.1", 0), _Reports) as server:
        threading.Thread(target=server.handle_request, daemon=True).start()
        asked = ["evidence", f"http://127.0.0.1:{server.server_port}/a", "--output", str(tmp_path / place)]
        done = CliRunner().invoke(build("evidence"), asked)
    assert done.exit_code == code
    assert words in done.output


@pytest.mark.parametrize(("path", "code"), [("absent", 1), ("panne", 2)])
def test_a_refusal_is_not_a_silence(path: str, code: int, tmp_path: Path) -> None:
    with HTTPServer(("127.0.0.1", 0), _Reports) as server:
        threading.Thread(target=server.handle_request, daemon=True).start()
        asked = ["evidence", f"http://127.0.0.1:{server.server_port}/{path}", "--output", str(tmp_path / "x")]
        done = CliRunner().invoke(build("evidence"), asked)
    assert done.exit_code == code
    assert done.output.startswith("amcloud evidence : ")


def test_a_server_that_is_not_there_gives_no_answer(tmp_path: Path) -> None:
    with HTTPServer(("127.0.0.1", 0), _Reports) as server:
        closed = server.server_port
    done = CliRunner().invoke(
        build("evidence"), ["evidence", f"http://127.0.0.1:{closed}/a", "-o", str(tmp_path / "x")]
    )
    assert done.exit_code == 2
    assert done.output.startswith("amcloud evidence : les preuves de ")
