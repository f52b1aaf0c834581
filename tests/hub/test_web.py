"""https:// with a hash (over plain http here): one file, pinned by its hash."""

import hashlib
import os
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from hub.acquiring import Fetcher
from hub.exchange import Fault
from hub.hub import Hub
from workflow_scripts.lib.errors import UserError
from workflow_scripts.lib.sources import fetching, retries

DATA = os.urandom(2_000_000)
HASH = hashlib.sha256(DATA).hexdigest()


@pytest.fixture
def uri(hub: Hub) -> str:
    hub.plain_files["/files/rows%20a.jsonl.gz"] = DATA
    return f"{hub.endpoint}/files/rows%20a.jsonl.gz#sha256={HASH}"


def test_a_file_is_fetched_and_recorded_by_its_hash(uri: str, hub: Hub, fetch: Fetcher) -> None:
    fetched = fetch(uri)
    assert fetched.files == {"rows a.jsonl.gz": DATA}
    assert fetched.receipt["commit"] is None and fetched.receipt["uri"] == uri
    assert fetch(uri).receipt == fetched.receipt
    assert len(hub.asked("/files/")) == 1


def test_a_broken_body_is_gone_on_with_over_all_kinds_of_trouble(uri: str, hub: Hub, fetch: Fetcher) -> None:
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=2), usegmt=True)
    hub.fault(
        "/files/",
        Fault(cut_at=1_500_000),
        Fault(status=503, headers={"Retry-After": soon}),
        Fault(cut_at=0),
        Fault(status=416),  # a server that cannot go on: begun anew
        Fault(cut_at=1_900_000),
    )
    assert fetch(uri).files == {"rows a.jsonl.gz": DATA}
    starts = [request.headers.get("range") for request in hub.asked("/files/")]
    assert starts[0] is None and starts[4] is None
    assert 1_400_000 < int(starts[1].removeprefix("bytes=").removesuffix("-")) <= 1_500_000
    assert starts[1] == starts[2] == starts[3] != starts[5]


def test_a_whole_file_of_an_earlier_try_is_not_fetched_again(uri: str, hub: Hub, fetch: Fetcher) -> None:
    part = fetch.folder / "key" / ".part" / "tree" / "rows a.jsonl.gz.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(DATA)
    assert fetch(uri).files == {"rows a.jsonl.gz": DATA}
    assert [request.headers["range"] for request in hub.asked("/files/")] == [f"bytes={len(DATA)}-"]


def test_other_bytes_are_refused(hub: Hub, fetch: Fetcher) -> None:
    hub.plain_files["/a.json"] = b"[]"
    fetched = fetch(f"{hub.endpoint}/a.json#sha256={'0' * 64}")
    fetched.refusal("error: a.json does not have the hash that it should have", "do not trust this address")
    assert len(hub.asked("/a.json")) == 2


@pytest.mark.parametrize(
    ("status", "what", "change"),
    [
        (404, "error: 127.0.0.1:{port} has no such file (404)", "check the address"),
        (403, "error: 127.0.0.1:{port} refuses the file (403)", "~/.netrc, or put the file into data_raw/"),
        (418, "error: the server answers 418", "check the address, or put the files into data_raw/"),
    ],
)
def test_refusals(status: int, what: str, change: str, uri: str, hub: Hub, fetch: Fetcher) -> None:
    hub.fault("/files/", Fault(status=status))
    fetch(uri).refusal(what.format(port=hub.endpoint.rpartition(":")[2]), change)


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Keep the pauses between tries instead of making them."""
    kept: list[float] = []
    monkeypatch.setattr(retries.time, "sleep", kept.append)
    return kept


def test_nobody_answers(pauses: list[float], tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"127.0.0.1:9 cannot be reached \(no answer\)") as caught:
        fetching.fetch(f"http://127.0.0.1:9/a.json#sha256={HASH}", None, tmp_path, tmp_path)
    assert "put the file into data_raw/<name of the source>/" in caught.value.change
    assert pauses == [1.0, 3.0]


def test_a_server_that_breaks_off_for_ever_is_given_up(uri: str, hub: Hub, pauses: list[float], tmp_path: Path) -> None:
    hub.fault("/files/", Fault(cut_at=1_000_000), Fault(cut_at=400_000), *[Fault(cut_at=0)] * 4)
    with pytest.raises(UserError, match=r"rows a.jsonl.gz broke off at 1.[34] MB"):
        fetching.fetch(uri, None, tmp_path, tmp_path)
    assert pauses == [1.0, 1.0, 2.0, 4.0, 8.0]  # what brought something along does not count
    assert fetching.fetch(uri, None, tmp_path / "other", tmp_path)["files"][0]["sha256"] == HASH
