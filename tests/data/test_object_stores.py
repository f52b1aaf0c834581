"""Raw data in an object store, as far as no store is needed; the rest stands in tests/storage/."""

import sys

import pytest

from workflow_scripts.lib.errors import UserError
from workflow_scripts.lib.sources import s3, s3_client
from workflow_scripts.lib.sources.s3 import Stored
from workflow_scripts.lib.sources.uris import parse

ONE, OTHER = Stored("a/b.jsonl", "b.jsonl", 3, "0af3"), Stored("a/c.jsonl", "c.jsonl", 3, "99bc-2")


def test_versions_differ_where_an_object_does() -> None:
    assert s3.version([ONE]) == "etag:0af3"
    changed = Stored("a/c.jsonl", "c.jsonl", 3, "99bd-2")
    versions = [s3.version(objects) for objects in ([ONE, OTHER], [ONE, changed], [ONE])]
    assert len(set(versions)) == 3
    assert s3.version([ONE, OTHER]) == "etags:1089034607bd6278"


def test_without_the_plugin_it_is_said_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "snakemake_storage_plugin_s3", None)
    s3_client.client.cache_clear()
    with pytest.raises(UserError) as caught:
        s3.listing(parse("s3://bucket/a.jsonl"))
    assert "object stores need Snakemake's storage plugin for S3 (no module " in caught.value.what
    assert caught.value.where == "s3://bucket/a.jsonl"
    assert caught.value.change == "python -m pip install -r envs/requirements-storage.txt"
