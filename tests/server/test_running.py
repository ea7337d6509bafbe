"""`vulneuron serve` as users run it, and many clients at once."""

import os
import re
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

import httpx2 as httpx
import numpy as np
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from runs import color_net
from served import TIMEOUT, Served, assert_error, decoded
from vulneuron.cli import main
from vulneuron.errors import RecordError, RunError
from vulneuron.server.access import Access, url_of
from vulneuron.server.listening import listen
from vulneuron.server.running import PendingApp

START_SECONDS = 60.0
Start = Callable[..., tuple[subprocess.Popen[str], str]]


@pytest.fixture
def serve() -> Iterator[Start]:
    """Run the command in a process of its own; gives the process and its first line."""
    processes: list[subprocess.Popen[str]] = []

    def command(*arguments: object) -> tuple[subprocess.Popen[str], str]:
        process = subprocess.Popen(
            [sys.executable, "-W", "error", "-m", "vulneuron", "serve", *map(str, arguments), "--no-open"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        processes.append(process)
        assert process.stdout is not None
        assert select.select([process.stdout], [], [], START_SECONDS)[0], "the server did not start"
        return process, process.stdout.readline()

    yield command
    for process in processes:
        process.kill()
        process.communicate()


def address_in(line: str) -> str:
    found = re.search(r"http://\S+/\S*", line)
    assert found is not None, line
    return found.group()


@pytest.mark.slow
def test_serves_and_stops(copied: Path, serve: Start) -> None:
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = busy.getsockname()[1]
        process, line = serve(copied, "--port", port)
        assert f"Port {port} is busy" in line
        address = address_in(line)
        assert not address.endswith(f":{port}/")
        # The first request waits for all that is imported meanwhile.
        listed = httpx.get(f"{address}api/records", timeout=START_SECONDS).json()
        assert [record["id"] for record in listed] == ["colors"]
        # A page that follows its session must not keep the server from stopping.
        with httpx.stream("GET", f"{address}api/sessions/one/events", timeout=TIMEOUT) as stream:
            next(stream.iter_lines())
            process.send_signal(signal.SIGINT)
            output, errors = process.communicate(timeout=START_SECONDS)
    assert (process.returncode, output, errors) == (0, "Stopped.\n", "")


LOADS_FOR_EVER = """
import atexit
from pathlib import Path
from threading import Event, current_thread
from runs import color_net

def net():
    checked = Path(__file__).with_name("checked")
    if checked.exists():
        leaving = Event()
        loading = current_thread()

        def leave():
            leaving.set()
            loading.join(5)

        atexit.register(leave)
        Path(__file__).with_name("loading").open("w").close()
        leaving.wait()
    checked.touch()
    return color_net()
"""


@pytest.mark.slow
def test_stops_while_a_network_is_loading(
    copied: Path, serve: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
    source = copied.with_name("slow.py")
    # The command itself loads it once, to check it; then it is loaded until the process ends.
    source.write_text(LOADS_FOR_EVER)
    os.mkfifo(source.with_name("loading"))
    process, _ = serve(copied, "--model", f"{source}:net", "--port", 0)
    source.with_name("loading").open().close()  # waits until it is opened for writing, too
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=START_SECONDS)
    assert (process.returncode, output, errors) == (0, "Stopped.\n", "")


@pytest.mark.slow
def test_stops_while_it_is_starting_up(copied: Path, serve: Start) -> None:
    process, _ = serve(copied, "--port", 0)
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=START_SECONDS)
    assert (process.returncode, output, errors) == (0, "Stopped.\n", "")


def test_requests_get_an_answer_where_the_application_cannot_be_built() -> None:
    def build() -> FastAPI:
        raise RecordError("the record is gone", allowed="a record", fix="look for it")

    built, failed = Event(), Event()
    pending = PendingApp(build)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(TestClient(pending).get, "/")
        pending.start(built=built.set, failed=failed.set)
        assert waiting.result(TIMEOUT).status_code == 503
    assert failed.wait(TIMEOUT)
    assert not built.is_set()
    pending.end_streams()
    with pytest.raises(RecordError, match="the record is gone"):
        pending.close()


def test_elsewhere_it_needs_a_token(linear: Path, start: Callable[..., Served]) -> None:
    access = Access.for_host("0.0.0.0")  # noqa: S104
    address = start(linear, access=access).client.base_url
    printed = httpx.URL(url_of("0.0.0.0", address.port or 0, access))  # noqa: S104
    assert_error(httpx.get(f"{address}/api/records"), 401, "token")
    with httpx.Client(base_url=address, follow_redirects=True, timeout=TIMEOUT) as client:
        page = client.get("/", params=printed.params)
        assert page.status_code == 200
        assert "token" not in str(page.url)
        assert client.get("/api/records").status_code == 200


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["none.zarr"], ["does not exist"]),
        (["{record}", "--model", "nowhere.py:net"], ["nowhere.py"]),
        (["{record}", "--model", "torchvision:resnet18"], ["layer '0'"]),
        (["{record}", "--host", "203.0.113.7"], ["address '203.0.113.7'", "Omit --host"]),
        (["{record}", "--host", "no.such.host.invalid"], ["'no.such.host.invalid'"]),
        (["{record}", "--host", "no..such"], ["'no..such'"]),
    ],
)
def test_what_cannot_be_served_is_one_line(
    linear: Path,
    arguments: list[str],
    words: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    given = [argument.format(record=linear) for argument in arguments]
    monkeypatch.setattr(sys, "argv", ["vulneuron", "serve", *given, "--no-open"])
    with pytest.raises(SystemExit, match="1"):
        main()
    errors = capsys.readouterr().err
    assert errors.startswith("error: ")
    assert errors.count("\n") == 1
    for word in words:
        assert word in errors


def test_next_free_port() -> None:
    with listen("127.0.0.1", 0) as first:
        port = first.getsockname()[1]
        with listen("127.0.0.1", port) as second:
            assert port < second.getsockname()[1] < port + 50


def test_no_free_port() -> None:
    with listen("127.0.0.1", 0) as first:
        port = first.getsockname()[1]
        with pytest.raises(RunError, match=f"all ports from {port} on are busy"):
            listen("127.0.0.1", port, ports=1)


def test_addresses() -> None:
    assert url_of("127.0.0.1", 8642, Access()) == "http://127.0.0.1:8642/"
    assert url_of("::1", 1, Access()) == "http://[::1]:1/"
    assert url_of("0.0.0.0", 2, Access(token="t")) == f"http://{socket.gethostname()}:2/?token=t"  # noqa: S104, S106


@pytest.mark.slow
def test_fifty_clients_at_once(linear: Path, start: Callable[..., Served]) -> None:
    served = start(linear, color_net())
    truth = served.truth
    pairs = truth.data.count
    expected = [truth.neurons(pair).to_numpy(np.float64).T for pair in range(pairs)]
    trees = [truth.dendrogram(pair).linkage for pair in range(pairs)]

    def visit(number: int) -> None:
        pair = number % pairs
        with httpx.Client(base_url=served.client.base_url, timeout=60) as client:
            base = f"/api/records/{served.name}"
            assert client.get(base).status_code == 200
            assert client.get(f"{base}/thumbnails", params={"pairs": f"0-{pairs - 1}"}).status_code == 200
            found = decoded(client.get(f"{base}/pairs/{pair}/neurons.npy"))
            np.testing.assert_array_equal(found, expected[pair])
            np.testing.assert_array_equal(
                decoded(client.get(f"{base}/pairs/{pair}/dendrogram.npy")), trees[pair]
            )
            assert_error(client.get(f"{base}/pairs/{pairs + number}"), 404)

    with ThreadPoolExecutor(50) as pool:
        list(pool.map(visit, range(50)))
    assert served.get("").status_code == 200
