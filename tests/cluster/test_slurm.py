"""The tiny workflow through Slurm, on a cluster of one node that lives as long as these tests: `make test-slurm`."""

import importlib.util
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import slurm
from running import Place, Run
from test_end_to_end import place_in, reproducible

pytestmark = pytest.mark.full
ADAPTER = "results/models/sft/adapter_model.safetensors"
# What a site edits in the profile: here a cluster without accounting, asked often.
SITE = {
    "slurm-init-seconds-before-status-checks: 20": "slurm-init-seconds-before-status-checks: 1",
    "# slurm-status-command: squeue": "slurm-status-command: squeue",
    "latency-wait: 60": "latency-wait: 5",
}


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A cluster to which this process's environment leads."""
    reason = slurm.missing()
    if not reason and not importlib.util.find_spec("snakemake_executor_plugin_slurm"):
        reason = "no executor plugin: pip install -r envs/requirements-slurm.txt"
    if reason:
        pytest.skip(reason)
    with (
        slurm.cluster(tmp_path_factory.mktemp("cluster") / "slurm") as variables,
        pytest.MonkeyPatch.context() as patch,
    ):
        for name, value in variables.items():
            patch.setenv(name, value)
        yield


def edit_profile(place: Place, replacements: dict[str, str]) -> None:
    profile = place.repository / "profiles" / "slurm" / "config.yaml"
    text = profile.read_text(encoding="utf-8")
    for old, new in replacements.items():
        assert old in text
        text = text.replace(old, new, 1)
    profile.write_text(text, encoding="utf-8")


def through_slurm(place: Place, *arguments: str, **config: Any) -> Run:
    return place.make("--profile", "profiles/slurm", *arguments, cores=None, **config)


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory, cluster: None) -> Place:
    """What a run on this machine makes, if there is anything to compare it with."""
    place = place_in(tmp_path_factory.mktemp("local") / "place")
    place.make(cores=2)
    return place


@pytest.fixture(scope="module")
def remote(tmp_path_factory: pytest.TempPathFactory, cluster: None) -> Place:
    """What a run through Slurm makes."""
    place = place_in(tmp_path_factory.mktemp("remote") / "place")
    edit_profile(place, SITE)
    run = through_slurm(place)
    assert "results/eval/report.html: " in run.output
    assert len(set(re.findall(r"SLURM jobid (\d+)", run.output))) > 15
    return place


def test_the_bytes_are_those_of_a_local_run(local: Place, remote: Place) -> None:
    expected, found = reproducible(local), reproducible(remote)
    assert found.keys() == expected.keys()
    assert [path for path in found if found[path] != expected[path]] == []
    assert sum(path.endswith(".safetensors") for path in found) >= 3


def test_nothing_is_left_to_do_for_either(remote: Place, cluster: None) -> None:
    assert "Nothing to be done" in through_slurm(remote).output
    assert "Nothing to be done" in remote.make().output


def test_a_dry_run_lists_the_same(remote: Place, cluster: None) -> None:
    changed = {"align": {"beta": 0.3}}
    planned = through_slurm(remote, "--dry-run", **changed)
    assert "train_align" in planned.rules and "train_sft" not in planned.rules
    assert sorted(planned.rules) == sorted(remote.make("--dry-run", **changed).rules)


def test_a_training_longer_than_the_time_limit_goes_on_in_further_jobs(
    remote: Place, cluster: None, tmp_path: Path
) -> None:
    longer = {"sft": {"max_steps": 45}, "execution": {"save_steps": 1000, "threads": 2}}
    whole = remote.copy(tmp_path / "whole")
    whole.make(ADAPTER, **longer)
    cut = remote.copy(tmp_path / "cut")
    # Slurm looks at limits twice a minute: the warning comes after 90 to 120 seconds, and these steps take 135.
    edit_profile(cut, {"runtime: 1440": "runtime: 3", "TERM@300": "TERM@60"})
    step_ends = "        if self.received and state.global_step < state.max_steps:\n            control."
    cut.edit("lib/training/schedule.py", step_ends, f"        time.sleep(3)\n{step_ends}")
    run = through_slurm(cut, ADAPTER, **longer)
    ids, logs = re.findall(r"SLURM jobid (\d+)", run.output), cut.work / ".snakemake" / "slurm_logs" / "rule_train_sft"
    assert len(ids) in (2, 3, 4)
    assert run.output.count("Trying to restart job") == len(ids) - 1
    failed = [(logs / f"{number}.log").read_text(encoding="utf-8") for number in ids[:-1]]
    (step,) = re.findall(r"told to stop: a checkpoint of step (\d+) is saved", failed[0])
    assert f"resuming after step {step} of 45" in "".join([*failed[1:], cut.read("results/logs/train_sft.log")])
    assert (cut.work / ADAPTER).read_bytes() == (whole.work / ADAPTER).read_bytes()


def test_a_failed_step_says_why_where_the_run_was_started(remote: Place, cluster: None, tmp_path: Path) -> None:
    place = remote.copy(tmp_path / "place")
    edit_profile(place, {"retries: 3": "retries: 0"})
    target = "results/data/sft/train.jsonl"
    run = place.snakemake("--profile", "profiles/slurm", target, cores=None, clean={"min_chars": 89})
    assert run.status == 1
    assert "The last lines of results/logs/mix_sources/sft.log:\n" in run.output
    assert "no row is left after mixing" in run.output[run.output.index("The last lines of") :]
