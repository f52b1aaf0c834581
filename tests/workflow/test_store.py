"""The store of earlier outputs: what is put back, what is forgotten, and what never is."""

import contextlib
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from workflow_scripts import manage_store, run_step
from workflow_scripts.lib import devices, planning
from workflow_scripts.lib.errors import UserError
from workflow_scripts.lib.provenance import records, sharing
from workflow_scripts.lib.provenance.seen import SeenFiles
from workflow_scripts.lib.provenance.sizes import parse_size, size
from workflow_scripts.lib.provenance.store import Store
from workflow_scripts.lib.staleness import Code

COPY = "import shutil, sys; shutil.copy(sys.argv[1], sys.argv[2]); print('worked')"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "raw.txt").write_text("one")
    return tmp_path


def copying(code: str = "c0", *options: str) -> None:
    """Run a step that copies raw.txt to results/out.txt."""
    copy_from("raw.txt", code, *options)


def copy_from(raw: str, code: str = "c0", *options: str) -> None:
    Path("results").mkdir(exist_ok=True)
    head = ["--step", "copy ", "--code", code, "--inputs", raw, "--outputs", "results/out.txt"]
    command = [sys.executable, "-c", COPY, raw, "results/out.txt"]
    run_step.main([*head, *(options or ("--store", "results/store")), "--", *command])


def test_a_step_is_put_back_when_its_inputs_come_back(
    capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    copying()
    Path("raw.txt").write_text("two")
    copying()
    assert Path("results/out.txt").read_text() == "two"
    Path("raw.txt").write_text("one")
    capfd.readouterr()
    copying()
    assert Path("results/out.txt").read_text() == "one"
    assert "worked" not in capfd.readouterr().out
    assert "copy: restored, it was made from the same before" in caplog.text
    assert records.read(Path("results/provenance/out.txt.json")).inputs == {
        "raw.txt": records.file_digest(Path("raw.txt"))
    }


def test_in_how_many_parts_it_was_made_is_not_asked(
    capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    for number in range(3):
        Path(f"part{number}").write_text(str(number))
    for parts in ([], ["part0", "part1", "part2"]):
        Path("results").mkdir(exist_ok=True)
        head = ["--step", "join ", "--code", "c", "--inputs", "raw.txt", *parts, "--parts", *parts]
        command = [sys.executable, "-c", COPY, "raw.txt", "results/out.txt", *parts]
        run_step.main([*head, "--outputs", "results/out.txt", "--store", "results/store", "--", *command])
    assert capfd.readouterr().out.count("worked") == 1
    assert "join: restored" in caplog.text
    assert records.read(Path("results/provenance/out.txt.json")).inputs.keys() == {"raw.txt"}


def test_other_code_or_no_store_runs_it_again(capfd: pytest.CaptureFixture[str]) -> None:
    for options in (("c0",), ("c1",), ("c1", "--folder", "results")):
        copying(*options)
        assert "worked" in capfd.readouterr().out


def test_a_spoilt_blob_is_not_put_back(capfd: pytest.CaptureFixture[str]) -> None:
    copying()
    (blob,) = Path("results/store/blobs").iterdir()
    blob.unlink()
    blob.write_text("spoilt")
    Path("results/out.txt").unlink()
    capfd.readouterr()
    copying()
    assert "worked" in capfd.readouterr().out
    assert Path("results/out.txt").read_text() == "one"
    assert blob.read_text() == "one"


def test_a_failed_step_leaves_its_status_and_that_it_was_begun() -> None:
    copying()
    head = ["--step", "fails", "--code", "c", "--inputs", "--outputs", "results/out.txt", "--"]
    with pytest.raises(SystemExit) as stop:
        run_step.main([*head, sys.executable, "-c", "raise SystemExit(7)"])
    assert stop.value.code == 7
    assert records.read(Path("results/provenance/out.txt.json")) is None
    assert records.was_cut_off(["results/out.txt"])
    assert not records.was_cut_off(["results/never.txt"])


def test_inputs_that_the_command_does_not_name_do_not_count() -> None:
    inputs = ["results/data/sft/split.json", "results/models/base/manifest.json", "results/store/1.jsonl"]
    command = ["python", "--base", "results/models/base", "--rows", "results/store/1.jsonl"]
    assert records.named_inputs(command, inputs) == inputs[1:]


def test_pruning_forgets_the_longest_unused_and_nothing_in_use(capsys: pytest.CaptureFixture[str]) -> None:
    for text in ("a" * 100, "b" * 200, "c" * 300):
        Path("raw.txt").write_text(text)
        copying()
    store = Store(Path("results/store"))
    for age, entry in enumerate(store.entries([])):
        os.utime(store.actions / f"{entry.record.key}.json", (1000 + age, 1000 + age))
    assert store.num_bytes() == 600
    (store.blobs / "left-by-a-killed-job.part").write_text("d" * 50)

    manage_store.main(["prune", "--results", "results", "--max-size", "500B"])
    assert "1 forgotten" in capsys.readouterr().out
    assert store.num_bytes() == 500
    manage_store.main(["prune", "--results", "results", "--max-size", "0"])
    assert store.num_bytes() == 300, "what results/out.txt is stays"
    manage_store.main(["list", "--results", "results"])
    assert "in use" in capsys.readouterr().out
    assert Path("results/out.txt").read_text() == "c" * 300


def test_sizes_are_read_and_written_as_people_do() -> None:
    assert [parse_size(text) for text in ("0", "20GB", "1.5 MB", "7kb")] == [0, 20 * 10**9, 1_500_000, 7000]
    assert [size(number) for number in (0, 999, 1000, 2_500_000)] == ["0 B", "999 B", "1.0 KB", "2.5 MB"]
    with pytest.raises(ValueError, match="write it like 20GB"):
        parse_size("many")


def test_a_receipt_in_the_shared_cache_needs_no_record_of_this_folder() -> None:
    def step(output: str) -> planning.Step:
        return planning.Step("acquire", {"key": "k"}, {}, Code({}, {}), [], [output], needed=False)

    seen = SeenFiles(Path("results/provenance/files.seen"))
    assert planning.doubts([step("../../data_cache/k/receipt.json")], seen) == []
    assert planning.doubts([step("results/a.json")], seen) == [
        "acquire k: no record of what results/a.json was made from"
    ]


def test_a_step_waits_for_the_one_that_a_killed_run_left_at_work() -> None:
    script = "import pathlib, sys, time; time.sleep(2); pathlib.Path('results/out.txt').write_text(sys.argv[1])"
    Path("results").mkdir()
    head = ["--step", "slow ", "--code", "c", "--inputs", "--outputs", "results/out.txt", "--"]
    first = subprocess.Popen(
        [sys.executable, "-m", "workflow_scripts.run_step", *head, sys.executable, "-c", script, "abandoned"],
        env=os.environ | {"PYTHONPATH": str(Path(run_step.__file__).parents[1])},
    )
    lock = Path("results/provenance/out.txt.lock")
    while not (lock.exists() and lock.read_text()):
        time.sleep(0.02)
    group = int(lock.read_text().removeprefix("kill -- -"))
    first.kill()  # the command goes on
    first.wait()
    second = subprocess.run(
        [sys.executable, "-m", "workflow_scripts.run_step", *head, sys.executable, "-c", script, "wanted"],
        env=os.environ | {"PYTHONPATH": str(Path(run_step.__file__).parents[1])},
        capture_output=True,
        text=True,
        check=True,
    )
    told = re.search(r"slow: a run that was killed left it at work; .* kill -- -(\d+)\n", second.stderr + second.stdout)
    assert int(told[1]) == group != first.pid
    assert Path("results/out.txt").read_text() == "wanted"
    time.sleep(2.2)
    assert Path("results/out.txt").read_text() == "wanted"


def test_folders_that_share_a_store_take_what_another_made_and_keep_what_it_uses(
    capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level("INFO")
    monkeypatch.setattr(run_step, "REPOSITORY", Path.cwd())
    copying()
    store = Path("results/store").resolve()
    variant = Path("runs/sweep/variant").resolve()
    sharing.share(variant / "results", store)
    monkeypatch.chdir(variant)
    capfd.readouterr()
    copy_from("../../../raw.txt")
    assert "worked" not in capfd.readouterr().out
    assert "copy: restored, it was made from the same before" in caplog.text
    record = records.read(Path("results/provenance/out.txt.json"))
    assert list(record.inputs) == ["../../../raw.txt"], "as this folder names it"

    monkeypatch.chdir(store.parents[1])
    Path("raw.txt").write_text("two")
    copying()  # what the first folder had is now the variant's alone
    manage_store.main(["prune", "--results", "results", "--max-size", "0"])
    assert "0 forgotten" in capfd.readouterr().out
    assert sharing.sharers(store) == [store.parent, variant / "results"]
    (variant / "results/store").unlink()
    manage_store.main(["prune", "--results", "results", "--max-size", "0"])
    assert "1 forgotten" in capfd.readouterr().out


def test_a_store_is_not_pruned_while_a_run_holds_it() -> None:
    copying()
    with sharing.take_part(Path("results/store")), pytest.raises(UserError, match="a run is at work with this store"):
        manage_store.main(["prune", "--results", "results", "--max-size", "0"])
    with sharing.take_part(Path("results/store")) as lock:
        assert sharing.is_alone(lock)


def test_a_folder_with_a_store_of_its_own_is_not_made_to_share() -> None:
    copying()
    with pytest.raises(UserError, match="this folder has a store of its own"):
        sharing.share(Path("results"), Path("other/store"))


def test_a_store_that_a_link_leads_to_comes_back_when_it_was_removed() -> None:
    sharing.share(Path("runs/sweep/variant/results"), Path("results/store"))
    shutil.rmtree("results")
    with sharing.take_part(Path("runs/sweep/variant/results/store")):
        assert Path("results/store").is_dir()


def test_of_two_runs_one_makes_a_key_and_the_other_waits() -> None:
    store, order = Store(Path("results/store")), []
    begun = threading.Event()

    def second() -> None:
        with store.reserved("key", lambda: (order.append("waits"), begun.set())):
            order.append("second")

    with store.reserved("key", lambda: order.append("never")):
        thread = threading.Thread(target=second)
        thread.start()
        assert begun.wait(10)
        with store.reserved("another", lambda: order.append("never")):
            order.append("first")
    thread.join(10)
    assert order == ["waits", "first", "second"]
    assert not list((store.folder / "at-work").iterdir())


@pytest.mark.parametrize(("cards", "seen"), [([], [None]), (["0", "2,3"], ["0", "2,3"])])
def test_steps_take_turns_at_the_devices(monkeypatch: pytest.MonkeyPatch, cards: list[str], seen: list) -> None:
    for name, value in devices.shared(Path("locks"), cards).items():
        monkeypatch.setenv(name, value)
    given, told = [], threading.Event()
    with contextlib.ExitStack() as held:
        for _ in seen:
            device = held.enter_context(devices.reserved(True, told.set))
            given.append(device.variables.get("CUDA_VISIBLE_DEVICES"))
        with devices.reserved(False, told.set) as light:
            assert light.locks == []
        last = threading.Thread(target=lambda: held_by(given, told))
        last.start()
        assert told.wait(10)
        assert given == seen
    last.join(10)
    assert given == [*seen, seen[0]]


def test_a_step_of_several_processes_takes_a_card_for_each(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(devices.VARIABLE, raising=False)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1,3,5,7")
    assert devices.of_a_run(1, Path("locks")) == {}
    for name, value in devices.of_a_run(3, Path("locks")).items():
        monkeypatch.setenv(name, value)
    assert devices.of_a_run(3, Path("locks")) == {}  # said already
    given, told = [], threading.Event()
    with devices.reserved(True, told.set) as one, devices.reserved(True, told.set, 2) as two:
        seen = [device.variables["CUDA_VISIBLE_DEVICES"] for device in (one, two)]
        assert seen == ["1", "3,5"]
        last = threading.Thread(target=lambda: held_by(given, told, 4))  # more than there are: all of them
        last.start()
        assert told.wait(10)
        assert given == []
    last.join(10)
    assert given == ["1,3,5"]


def held_by(given: list, told: threading.Event, number: int = 1) -> None:
    with devices.reserved(True, told.set, number) as device:
        given.append(device.variables.get("CUDA_VISIBLE_DEVICES"))


def test_a_single_run_leaves_devices_to_the_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(devices.VARIABLE, raising=False)
    with devices.reserved(True, pytest.fail) as one, devices.reserved(True, pytest.fail) as other:
        assert one.variables == other.variables == {}


def test_on_another_node_a_step_is_ended_by_the_number_of_its_job(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLURM_JOB_ID", "45")
    copying()
    assert Path("results/provenance/out.txt.lock").read_text() == "scancel 45"
