"""What a URI means in an object store, refusals in words, and what is taken of fetched objects."""

import shutil
from pathlib import Path

import pytest
from store import CLOSED, LISTER, OPEN, READER, STRANGER, Store

from workflow_scripts.lib.errors import UserError
from workflow_scripts.lib.sources import receipts, s3, s3_client
from workflow_scripts.lib.sources.taking import take
from workflow_scripts.lib.sources.uris import parse

pytestmark = pytest.mark.full
KEYS = ("list/a.jsonl", "list/a.jsonl.bak", "list/b/c.jsonl", "list/b/.hidden.jsonl", "list/中文 名/d.json")


@pytest.fixture
def filled(as_owner: Store) -> Store:
    for key in KEYS:
        as_owner.put(key, key.encode())
    return as_owner


@pytest.mark.parametrize(
    ("path", "names"),
    [
        ("list/a.jsonl", ["a.jsonl"]),
        ("list/*", ["a.jsonl", "a.jsonl.bak", "b/c.jsonl", "中文 名/d.json"]),
        ("list/b/", ["c.jsonl"]),
        ("list/b", ["b/c.jsonl"]),
        ("list/**/*.jsonl", ["a.jsonl", "b/c.jsonl"]),
        ("list/{b,中文 名}/*", ["b/c.jsonl", "中文 名/d.json"]),
    ],
)
def test_keys_prefixes_and_globs(filled: Store, path: str, names: list[str]) -> None:
    found = s3.listing(parse(f"s3://{OPEN}/{path}"))
    assert [stored.name for stored in found] == names
    assert {stored.key: stored.size for stored in found} == {stored.key: len(stored.key.encode()) for stored in found}


def test_what_cannot_be_fetched_by_the_plugin_is_refused(filled: Store) -> None:
    filled.put("odd/a#b.jsonl", b"{}")
    with pytest.raises(UserError, match=r"the storage plugin cannot fetch the object 'odd/a#b\.jsonl'"):
        s3.listing(parse(f"s3://{OPEN}/odd/*"))


@pytest.mark.parametrize(
    ("user", "address", "what", "change"),
    [
        (READER, f"{OPEN}/list/z.jsonl", f"bucket {OPEN} has no object list/z.jsonl", "check the key"),
        (READER, f"{OPEN}/list/*.csv", "has no object list/*.csv", "there are: list/a.jsonl, list/a.jsonl.bak"),
        (READER, f"{CLOSED}/a", f"the store refuses s3://{CLOSED}/a (AccessDenied, 403)", "may list the bucket"),
        (
            LISTER,
            f"{OPEN}/list/*.jsonl",
            f"the store refuses s3://{OPEN}/list/a.jsonl (403)",
            "and read (to push: write)",
        ),
        (READER, "no-bucket/a", "there is no bucket 'no-bucket' (NoSuchBucket, 404)", "check its name, AWS_ENDPOINT"),
        (STRANGER, f"{OPEN}/a", "(InvalidAccessKeyId, 403)", "check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"),
        ((READER[0], "x"), f"{OPEN}/a", "(SignatureDoesNotMatch, 403)", "or put the files into data_raw/"),
    ],
    ids=["no key", "no match", "not allowed", "names only", "no bucket", "unknown key", "wrong secret"],
)
def test_refusals_are_told_in_words(
    filled: Store,
    monkeypatch: pytest.MonkeyPatch,
    user: tuple[str, str],
    address: str,
    what: str,
    change: str,
) -> None:
    if user != READER or not address.startswith("no-bucket"):  # who may not see it is refused before it is looked for
        for name, value in filled.variables(user).items():
            monkeypatch.setenv(name, value)
    s3_client.client.cache_clear()
    with pytest.raises(UserError) as caught:
        s3.listing(parse(f"s3://{address}"))
    assert what in caught.value.what
    assert caught.value.where.startswith(f"s3://{address.partition('*')[0]}")
    assert change in caught.value.change
    assert user[1] not in str(caught.value) or user[1] == "x"


@pytest.mark.parametrize(
    ("variables", "what", "where"),
    [
        (
            {"AWS_ENDPOINT_URL": "http://127.0.0.1:9"},
            f'cannot be reached (Could not connect to the endpoint URL: "http://127.0.0.1:9/{OPEN}")',
            f"s3://{OPEN}/a",
        ),
        ({"AWS_ENDPOINT_URL": "127.0.0.1:9"}, "cannot be reached (Invalid endpoint: 127.0.0.1:9)", f"s3://{OPEN}/a"),
        ({"AWS_ACCESS_KEY_ID": ""}, f"no credentials for s3://{OPEN}/a (", "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY"),
        ({"AWS_PROFILE": "nobody"}, "(The config profile (nobody) could not be found)", "AWS_PROFILE"),
    ],
    ids=["nobody there", "no address", "no credentials", "no profile"],
)
def test_a_store_that_cannot_be_asked(
    as_owner: Store, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], what: str, where: str
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    if "AWS_ACCESS_KEY_ID" in variables:
        monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    s3_client.client.cache_clear()
    with pytest.raises(UserError) as caught:
        s3.listing(parse(f"s3://{OPEN}/a"))
    assert what in caught.value.what
    assert where in caught.value.where


def fetched(store: Store, folder: Path, prefix: str) -> Path:
    """Lay copies of all objects below a prefix out as the plugin does, and return the first."""
    for key, content in store.contents(prefix).items():
        (folder / key).parent.mkdir(parents=True, exist_ok=True)
        (folder / key).write_bytes(content)
    return min(path for path in folder.rglob("*") if path.is_file())


def test_what_was_fetched_is_checked_and_put_in_place(as_owner: Store, tmp_path: Path) -> None:
    for key in ("take/a.jsonl", "take/b/c.jsonl"):
        as_owner.put(key, key.encode())
    uri, cache = parse(f"s3://{OPEN}/take/"), tmp_path / "cache"
    (cache / "b").mkdir(parents=True)
    (cache / "b" / "gone.jsonl").write_text("of an earlier version")
    version = s3.version(s3.listing(uri))
    receipt = take(uri, version, fetched(as_owner, tmp_path / "copies", "take/"), cache)
    assert receipt["commit"] == version
    assert [entry["path"] for entry in receipt["files"]] == ["a.jsonl", "b/c.jsonl"]
    assert receipts.is_intact(receipt, cache)
    assert (cache / "b" / "c.jsonl").read_text() == "take/b/c.jsonl"
    assert not (cache / "b" / "gone.jsonl").exists()


@pytest.mark.parametrize("content", [b"take/a.jsonX", b"short"])
def test_a_copy_that_is_not_the_object_is_refused(as_owner: Store, tmp_path: Path, content: bytes) -> None:
    as_owner.put("damaged/a.jsonl", b"take/a.jsonl")
    uri = parse(f"s3://{OPEN}/damaged/a.jsonl")
    first = fetched(as_owner, tmp_path / "copies", "damaged/")
    first.write_bytes(content)
    with pytest.raises(UserError, match="bytes that are not those of the store"):
        take(uri, s3.version(s3.listing(uri)), first, tmp_path / "cache")
    assert not first.exists()  # or the engine would take it for fetched


def test_an_object_that_changes_while_it_is_fetched_is_noticed(as_owner: Store, tmp_path: Path) -> None:
    as_owner.put("moving/a.jsonl", b"one")
    uri = parse(f"s3://{OPEN}/moving/a.jsonl")
    version = s3.version(s3.listing(uri))
    as_owner.put("moving/a.jsonl", b"two")
    with pytest.raises(UserError, match="changed while they were fetched"):
        take(uri, version, fetched(as_owner, tmp_path / "copies", "moving/"), tmp_path / "cache")


def test_an_object_that_came_in_parts(as_owner: Store, tmp_path: Path) -> None:
    """Its ETag is no MD5 of its bytes."""
    (tmp_path / "large").write_bytes(bytes(range(256)) * 40_000)
    as_owner.client.upload_file(str(tmp_path / "large"), OPEN, "parts/large.bin")
    uri = parse(f"s3://{OPEN}/parts/large.bin")
    (stored,) = s3.listing(uri)
    assert "-" in stored.etag
    first = fetched(as_owner, tmp_path / "copies", "parts/")
    receipt = take(uri, s3.version([stored]), first, tmp_path / "cache")
    assert receipt["files"][0]["sha256"] == receipts.sha256_of(tmp_path / "large")
    shutil.rmtree(tmp_path / "copies")
    assert receipts.is_intact(receipt, tmp_path / "cache")
