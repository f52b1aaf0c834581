"""hf:// through the acquire script, against a hub on loopback: what is fetched, how faults are met, what errors say."""

import io
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from hub.acquiring import OTHER_TOKEN, REPOSITORY, TOKEN, Fetcher
from hub.exchange import Fault
from hub.hub import Hub


def parquet(*texts: str) -> bytes:
    stream = io.BytesIO()
    pq.write_table(pa.table({"prompt": list(texts), "response": [text * 2 for text in texts]}), stream)
    return stream.getvalue()


TRAIN = [parquet("一", "二"), parquet("三")]
SHARDED = {
    "README.md": "---\nlicense: mit\n---\nPoems.\n",
    "data/train-00000-of-00002.parquet": TRAIN[0],
    "data/train-00001-of-00002.parquet": TRAIN[1],
    "data/test-00000-of-00001.parquet": parquet("四"),
    ".gitattributes": "*.parquet filter=lfs\n",
}
BIG = os.urandom(3_000_000)


def test_a_split_is_fetched_resolved_recorded_and_not_fetched_again(hub: Hub, fetch: Fetcher) -> None:
    commit = hub.add_dataset("user/poems", SHARDED)
    uri = "hf://user/poems/default/train"
    first = fetch(uri)
    assert list(first.files.values()) == TRAIN
    assert first.receipt["uri"] == uri and first.receipt["revision"] is None
    assert first.receipt["commit"] == commit
    assert [entry["path"] for entry in first.receipt["files"]] == [
        f"data/train-0000{n}-of-00002.parquet" for n in (0, 1)
    ]
    assert f"resolved to commit {commit}; `revision: {commit}` pins it" in first.output
    assert [path.name for path in first.folder.iterdir() if path.name.startswith(".part")] == []

    hub.add_dataset("user/poems", SHARDED | {"data/train-00001-of-00002.parquet": parquet("新")})
    before = len(hub.requests)
    (first.folder / "receipt.json").unlink()  # as the engine does before it runs a job again
    again = fetch(uri)
    assert again.receipt["commit"] == commit and len(hub.requests) == before

    (first.folder / "data" / "train-00000-of-00002.parquet").write_bytes(b"?")
    mended = fetch(uri)  # what was resolved once stays resolved
    assert list(mended.files.values()) == TRAIN and mended.receipt["commit"] == commit


def test_branches_tags_and_commits(hub: Hub, fetch: Fetcher) -> None:
    old = hub.add_dataset("user/data", {"train.jsonl": "1\n"})
    new = hub.add_dataset("user/data", {"train.jsonl": "2\n"})
    tagged = hub.add_dataset("user/data", {"train.jsonl": "3\n"}, ref="v1.0")
    found = {
        "main": fetch("hf://user/data/default/train", key="a"),
        "old": fetch(f"hf://user/data@{old}/default/train", key="b"),
        "tag": fetch("hf://user/data/default/train", revision="v1.0", key="c"),
        "path": fetch("hf://user/data@v1.0/*.jsonl", key="d"),
    }
    assert {name: each.files["train.jsonl"] for name, each in found.items()} == {
        "main": b"2\n",
        "old": b"1\n",
        "tag": b"3\n",
        "path": b"3\n",
    }
    assert [each.receipt["commit"] for each in found.values()] == [new, old, tagged, tagged]
    assert "resolved to commit" not in found["old"].output
    fetch("hf://user/data@v9/default/train", key="e").refusal("error: user/data has no revision 'v9'")


CARD = """---
configs:
- config_name: zh
  data_files:
  - split: train
    path: zh/part-*.jsonl
- config_name: en
  data_files: [{split: train, path: "en/**"}, {split: held_out, path: other/x.jsonl}]
  default: true
---
"""


def test_the_card_says_which_files_a_split_has(hub: Hub, fetch: Fetcher) -> None:
    names = ["zh/part-1.jsonl", "zh/part-2.jsonl", "zh/notes.txt", "en/a/b.jsonl", "other/x.jsonl"]
    hub.add_dataset("user/data", {"README.md": CARD} | {name: f'"{name}"\n' for name in names})
    assert list(fetch("hf://user/data/zh/train", key="a").files) == ["zh/part-1.jsonl", "zh/part-2.jsonl"]
    assert fetch("hf://user/data/en/held_out", key="b").files == {"other/x.jsonl": b'"other/x.jsonl"\n'}
    fetch("hf://user/data/zh/test", key="c").refusal(
        "error: config 'zh' of user/data has no split 'test'", "change: its configs and splits are: zh/train"
    )
    fetch("hf://user/data/fr/train", key="c").refusal("user/data has no config 'fr'", "zh/…, en/…")


def test_files_are_named_by_path_and_glob(hub: Hub, fetch: Fetcher) -> None:
    hub.add_dataset("user/data", {"a/x.jsonl.gz": b"1", "a/y.json": "[2]", "b/x.jsonl.gz": b"3", "COIG.py": "print()"})
    assert fetch("hf://user/data/a/x.jsonl.gz", key="a").files == {"a/x.jsonl.gz": b"1"}
    assert fetch("hf://user/data/**/*.jsonl.gz", key="b").files == {"a/x.jsonl.gz": b"1", "b/x.jsonl.gz": b"3"}
    fetch("hf://user/data/c/*.csv", key="c").refusal("user/data has no file c/*.csv", "a/x.jsonl.gz, a/y.json")


def test_a_data_set_with_a_loading_script_comes_from_the_hubs_parquet_files(hub: Hub, fetch: Fetcher) -> None:
    main = hub.add_dataset("BAAI/COIG", {"COIG.py": "raise SystemExit", "exam.jsonl": "{}\n", "README.md": "# COIG\n"})
    uri = "hf://BAAI/COIG/default/NoTranslate"
    fetch(uri, key="a").refusal("a loading script, which is not run", "no Parquet files of it", "hf://BAAI/COIG/<path")

    export = {"default/Default/0000.parquet": TRAIN[0], "default/NoTranslate/0000.parquet": TRAIN[1]}
    commit = hub.add_dataset("BAAI/COIG", export, ref="refs/convert/parquet")
    fetched = fetch(uri, key="b")
    assert fetched.files == {"default/NoTranslate/0000.parquet": TRAIN[1]} and fetched.receipt["commit"] == commit
    assert fetch(f"hf://BAAI/COIG@{commit}/default/NoTranslate", key="c").files == fetched.files
    assert fetch("hf://BAAI/COIG@refs/convert/parquet/default/Default", key="d").files["default/Default/0000.parquet"]
    fetch("hf://BAAI/COIG/default/train", key="e").refusal("default/Default, default/NoTranslate")
    fetch(f"hf://BAAI/COIG@{main}/default/NoTranslate", key="f").refusal(
        "write hf://BAAI/COIG@refs/convert/parquet/default/NoTranslate", "there are: COIG.py, README.md, exam.jsonl"
    )
    assert fetch("hf://BAAI/COIG/*.jsonl", key="g").files == {"exam.jsonl": b"{}\n"}


def test_of_a_model_comes_what_transformers_loads(hub: Hub, fetch: Fetcher) -> None:
    kept = ["config.json", "generation_config.json", "model.safetensors", "tokenizer.json", "chat_template.jinja"]
    others = ["README.md", "pytorch_model.bin", "consolidated.safetensors", "onnx/model.onnx", "runs/x.json"]
    hub.add_model("user/model", {name: name for name in kept + others})
    hub.add_model("user/pickled", {"config.json": "{}", "pytorch_model.bin": b"x"})
    hub.add_model("user/model-GGUF", {"a-q4.gguf": b"GGUF4", "a-q8.gguf": b"GGUF8"})
    assert sorted(fetch("hf://user/model", key="a").files) == sorted(kept)
    assert fetch("hf://user/model-GGUF/a-q4.gguf", key="b").files == {"a-q4.gguf": b"GGUF4"}
    fetch("hf://user/pickled", key="c").refusal("user/pickled has no safetensors weights", "pytorch_model.bin")


def test_a_body_that_breaks_off_is_gone_on_with(hub: Hub, fetch: Fetcher) -> None:
    hub.add_dataset("user/data", {"train.parquet": BIG})
    hub.fault(r"^/cdn/", Fault(cut_at=1_000_000), Fault(cut_at=500_000), Fault(cut_at=100_000, ignores_range=True))
    assert fetch("hf://user/data/train.parquet").files == {"train.parquet": BIG}
    ranges = [request.headers.get("range", "bytes=0-") for request in hub.asked(r"^/cdn/")]
    starts = [int(text.removeprefix("bytes=").removesuffix("-")) for text in ranges]
    assert starts[0] == 0 and 900_000 < starts[1] <= 1_000_000
    assert 400_000 < starts[2] - starts[1] <= 500_000
    assert starts[3] < 100_000  # the third answer began anew, and so did we


def test_a_killed_fetch_is_gone_on_with(hub: Hub, fetch: Fetcher) -> None:
    commit = hub.add_dataset("user/data", {"a.parquet": b"first", "b.parquet": BIG})
    hub.fault(r"^/cdn/.*b.parquet", Fault(stalls_at=2_000_000))
    uri = "hf://user/data/*.parquet"
    process = subprocess.Popen(fetch.command(uri, None, "key"), cwd=REPOSITORY, env=fetch.environment())
    part = fetch.folder / "key" / ".part" / "tree" / "b.parquet.part"
    for _ in range(300):
        if part.exists() and part.stat().st_size >= 1_000_000:
            break
        time.sleep(0.1)
    process.kill()
    process.wait()
    have = part.stat().st_size
    assert 1_000_000 <= have < len(BIG)
    hub.add_dataset("user/data", {"a.parquet": b"other", "b.parquet": b"other"})
    fetched = fetch(uri)
    assert fetched.files == {"a.parquet": b"first", "b.parquet": BIG} and fetched.receipt["commit"] == commit
    assert hub.asked(r"^/cdn/.*b.parquet")[-1].headers["range"] == f"bytes={have}-"
    assert len(hub.asked(r"^/cdn/.*a.parquet")) == 1


@pytest.mark.parametrize(
    "answers",
    [
        [Fault(status=429, headers={"Retry-After": "2"})],
        [Fault(status=503, headers={"Retry-After": "2"})],
        [Fault(status=500), Fault(status=502)],
    ],
    ids=["429", "503", "500_502"],
)
@pytest.mark.parametrize("path", [r"^/api/", r"/resolve/", r"^/cdn/"])
def test_a_busy_server_is_waited_for(answers: list[Fault], path: str, hub: Hub, fetch: Fetcher) -> None:
    hub.add_dataset("user/data", {"train.parquet": TRAIN[0]})
    hub.fault(path, *answers)
    started = time.monotonic()
    assert fetch("hf://user/data/train.parquet").files == {"train.parquet": TRAIN[0]}
    assert time.monotonic() - started > 2
    assert len(hub.asked(path)) == len(answers) + 1


def test_too_long_a_wait_is_not_waited(hub: Hub, fetch: Fetcher) -> None:
    hub.add_dataset("user/data", {"train.parquet": TRAIN[0]})
    hub.fault(r"^/api/", Fault(status=429, headers={"Retry-After": "7200"}))
    fetch("hf://user/data/train.parquet").refusal(
        "the hub answers 429", "asks to wait 7200 s", "HF_TOKEN", "HF_ENDPOINT"
    )


def test_wrong_bytes_are_fetched_once_more_and_then_refused(hub: Hub, fetch: Fetcher) -> None:
    hub.add_dataset("user/data", {"a.parquet": TRAIN[0], "b.jsonl": "right\n"})
    wrong = Fault(body=b"x" * len(TRAIN[0]))
    hub.fault(r"^/cdn/", wrong)
    once = fetch("hf://user/data/a.parquet", key="a")
    assert once.files == {"a.parquet": TRAIN[0]}
    assert "a.parquet has other bytes than its hash says; fetched once more" in once.output
    hub.fault(r"^/cdn/", wrong, wrong)
    fetch("hf://user/data/a.parquet", key="b").refusal("error: a.parquet does not have the hash that it should have")
    assert not list((fetch.folder / "b").rglob("*.parquet*"))
    hub.fault(r"/resolve/.*b.jsonl", Fault(body=b"wrong\n"), Fault(body=b"wrong\n"))  # in git: another kind of hash
    fetch("hf://user/data/b.jsonl", key="c").refusal("b.jsonl does not have the hash that it should have")


def test_gated(hub: Hub, fetch: Fetcher) -> None:
    hub.add_dataset("user/gated", SHARDED, gated=True)
    uri = "hf://user/gated/default/train"
    page = f"{hub.endpoint}/datasets/user/gated"
    for number, wanted in enumerate((uri, "hf://user/gated/data/*.parquet")):
        fetch(wanted, key=f"a{number}").refusal(
            "error: the data set user/gated is gated",
            f"accept the terms at {page}, then set HF_TOKEN to a token of that account, or put the files into",
        )
    fetch(uri, key="b", token=OTHER_TOKEN).refusal(
        f"the account of HF_TOKEN has no access yet: accept the terms at {page}"
    )
    fetch(uri, key="c", token="hf_mistyped").refusal(
        "the hub does not accept HF_TOKEN (401)", "set HF_TOKEN to a valid"
    )
    assert list(fetch(uri, key="d", token=TOKEN).files.values()) == TRAIN
    home = fetch.folder / "home"
    home.mkdir(exist_ok=True)
    (home / "token").write_text(TOKEN)  # as `hf auth login` leaves it
    assert list(fetch(uri, key="e").files.values()) == TRAIN
    assert {request.headers.get("authorization") for request in hub.asked("", "cdn")} == {None}
    assert f"Bearer {TOKEN}" in {request.headers.get("authorization") for request in hub.asked("/resolve/", "hub")}


def test_what_does_not_exist(hub: Hub, fetch: Fetcher) -> None:
    hub.add_dataset("user/data", {"a.zip": b"no archive"})
    fetch("hf://user/none/default/train", key="a").refusal(
        "error: there is no data set user/none, or it is private",
        f"change: check the name at {hub.endpoint}/datasets/user/none; for a private one, set HF_TOKEN",
    )
    fetch("hf://user/none", key="b", token=TOKEN).refusal("there is no model user/none")
    fetch("hf://user/data/default/train", key="c").refusal(
        "user/data has no configs and splits that can be told from its names", "name its files, as hf://user/data/<path"
    )


def test_an_unreachable_hub_says_to_take_a_mirror_and_a_mirror_serves(hub: Hub, fetch: Fetcher) -> None:
    commit = hub.add_dataset("user/poems", SHARDED)
    uri = "hf://user/poems/default/train"
    fetch(uri, HF_ENDPOINT="http://127.0.0.1:9").refusal(
        f"error: http://127.0.0.1:9 cannot be reached for {uri}",
        "set HF_ENDPOINT to a mirror that you can reach, such as https://hf-mirror.com, or put the files into",
    )
    hub.plain_files["/gateway/api/datasets/user/poems"] = b"<html>please log in</html>"
    fetch(uri, HF_ENDPOINT=f"{hub.endpoint}/gateway").refusal("does not answer as a Hugging Face hub does")
    with Hub() as mirror:
        assert mirror.add_dataset("user/poems", SHARDED) == commit
        fetched = fetch(uri, HF_ENDPOINT=mirror.endpoint)
        assert list(fetched.files.values()) == TRAIN and fetched.receipt["commit"] == commit
        assert mirror.asked("^/cdn/.*train-00001") and not hub.asked("^/cdn/")
    assert "127.0.0.1" not in json.dumps(fetched.receipt)


def test_offline(hub: Hub, fetch: Fetcher) -> None:
    commit = hub.add_dataset("user/poems", SHARDED)
    uri = "hf://user/poems/default/train"
    fetch(uri, HF_HUB_OFFLINE="1").refusal(
        f"error: {uri} is not in the cache, and HF_HUB_OFFLINE forbids to fetch it",
        "unset HF_HUB_OFFLINE, or put the files into data_raw/",
    )
    download = "import huggingface_hub as h; h.snapshot_download('user/poems', repo_type='dataset'{})"
    python = [sys.executable, "-c"]
    subprocess.run(
        [*python, download.format(", allow_patterns=['*00000-of-00002*', '*.md']")], env=fetch.environment(), check=True
    )
    fetch(uri, HF_HUB_OFFLINE="1").refusal("is not in the cache")  # half of it is: nothing is taken
    subprocess.run([*python, download.format("")], env=fetch.environment(), check=True)
    before = len(hub.requests)
    fetched = fetch(uri, HF_HUB_OFFLINE="1")
    assert list(fetched.files.values()) == TRAIN and fetched.receipt["commit"] == commit
    (fetched.folder / "receipt.json").unlink()
    assert fetch(uri, HF_HUB_OFFLINE="1").receipt == fetched.receipt
    assert len(hub.requests) == before


def test_what_other_tools_have_fetched_is_used_if_it_is_right(hub: Hub, fetch: Fetcher) -> None:
    hub.add_dataset("user/poems", SHARDED)
    download = "import huggingface_hub as h; print(h.snapshot_download('user/poems', repo_type='dataset'))"
    done = subprocess.run([sys.executable, "-c", download], env=fetch.environment(), capture_output=True, text=True)
    snapshot = Path(done.stdout.strip())
    (snapshot / "data" / "train-00001-of-00002.parquet").resolve().write_bytes(b"harmed")
    before = len(hub.asked("^/cdn/"))
    assert list(fetch("hf://user/poems/default/train").files.values()) == TRAIN
    assert [request.path.rpartition("/")[2][:11] for request in hub.asked("^/cdn/")[before:]] == ["train-00001"]


@pytest.mark.parametrize(
    "name", ["../evil.jsonl", "/evil.jsonl", "a/../../evil.jsonl", "receipt.json", ".part/x.jsonl"]
)
def test_names_out_of_the_folder_are_refused(name: str, hub: Hub, fetch: Fetcher) -> None:
    hub.add_dataset("user/data", {name: "{}\n"})
    fetched = fetch(f"hf://user/data/{name if name == 'receipt.json' else '**'}")
    assert fetched.status == 1 and not list(fetch.folder.rglob("evil.jsonl"))
    hidden = name.startswith(".part")
    assert ("user/data has no file **" if hidden else f"error: refused to fetch '{name}'") in fetched.output


def test_the_hub_of_these_tests_is_one_to_the_true_clients(hub: Hub, fetch: Fetcher) -> None:
    commit = hub.add_dataset("user/poems", SHARDED)
    hub.page_size = 2
    code = f"""
import datasets, huggingface_hub, json
api = huggingface_hub.HfApi()
tree = [entry.path for entry in api.list_repo_tree("user/poems", repo_type="dataset", recursive=True)]
path = huggingface_hub.hf_hub_download("user/poems", "data/test-00000-of-00001.parquet", repo_type="dataset")
rows = datasets.load_dataset("user/poems", split="train", revision={commit!r})["prompt"]
print(json.dumps([tree, path, list(rows)]))
"""
    done = subprocess.run([sys.executable, "-c", code], env=fetch.environment(), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    tree, path, rows = json.loads(done.stdout.splitlines()[-1])
    assert set(SHARDED) < set(tree)
    assert Path(path).read_bytes() == SHARDED["data/test-00000-of-00001.parquet"]
    assert rows == ["一", "二", "三"]
