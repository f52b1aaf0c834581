"""modelscope:// through the acquire script, against the same repositories behind ModelScope's API."""

from hub.acquiring import OTHER_TOKEN, TOKEN, Fetcher
from hub.exchange import Fault
from hub.hub import Hub

FILES = {"README.md": "# data\n", "train.jsonl": "1\n", "test.jsonl": "2\n", "raw/a.csv": "x\n"}


def test_a_split_and_files_by_name(hub: Hub, fetch: Fetcher) -> None:
    commit = hub.add_dataset("user/data", FILES)
    fetched = fetch("modelscope://user/data/default/train", key="a")
    assert fetched.files == {"train.jsonl": b"1\n"} and fetched.receipt["commit"] == commit
    assert fetch("modelscope://user/data/raw/*.csv", key="b").files == {"raw/a.csv": b"x\n"}
    hub.add_dataset("user/data", FILES | {"train.jsonl": "new\n"})
    assert fetch(f"modelscope://user/data@{commit}/default/train", key="c").files == {"train.jsonl": b"1\n"}
    assert fetch("modelscope://user/data/default/train", revision="master", key="d").files == {"train.jsonl": b"new\n"}
    fetch("modelscope://user/data/default/dev", key="e").refusal("no split 'dev'", "default/train, default/test")


def test_all_pages_of_a_large_data_set_are_read(hub: Hub, fetch: Fetcher) -> None:
    files = {f"part/{number:04d}.jsonl": f"{number}\n" for number in range(200)}
    hub.add_dataset("user/data", files)  # and one folder: one entry more than an answer holds
    assert len(fetch("modelscope://user/data/part/*.jsonl").files) == 200
    assert len(hub.asked("PageNumber")) == 2


def test_a_model(hub: Hub, fetch: Fetcher) -> None:
    hub.add_model("user/model", {"config.json": "{}", "model.safetensors": b"w", "x.bin": b"p", "q.gguf": b"G"})
    assert sorted(fetch("modelscope://user/model", key="a").files) == ["config.json", "model.safetensors"]
    assert fetch("modelscope://user/model/q.gguf", key="b").files == {"q.gguf": b"G"}


def test_faults(hub: Hub, fetch: Fetcher) -> None:
    hub.add_dataset("user/data", FILES)
    hub.fault("/repo/tree", Fault(status=429, headers={"Retry-After": "1"}))
    hub.fault("FilePath=train", Fault(cut_at=1), Fault(body=b"?\n"))
    fetched = fetch("modelscope://user/data/train.jsonl")
    assert fetched.files == {"train.jsonl": b"1\n"}
    assert "ModelScope answers 429; next try in 1 s" in fetched.output


def test_refusals(hub: Hub, fetch: Fetcher) -> None:
    hub.add_dataset("user/own", FILES, gated=True)
    page = f"{hub.endpoint}/datasets/user/own"
    for token in (None, OTHER_TOKEN):
        fetch("modelscope://user/own/train.jsonl", token=token).refusal(
            "error: ModelScope refuses user/own (403)",
            f"set MODELSCOPE_API_TOKEN to a token that may read {page}, or put the files into data_raw/",
        )
    assert fetch("modelscope://user/own/train.jsonl", token=TOKEN).files == {"train.jsonl": b"1\n"}
    fetch("modelscope://user/none/train.jsonl", key="b").refusal("ModelScope has no such data set, revision or file")
    fetch("modelscope://user/own/a.json", key="c", MODELSCOPE_ENDPOINT="http://127.0.0.1:9").refusal(
        "error: http://127.0.0.1:9 cannot be reached", "set MODELSCOPE_ENDPOINT to an address that you can reach"
    )
