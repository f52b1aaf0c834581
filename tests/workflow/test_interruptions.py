"""Killed, stopped, out of disk: what stands under a public name is whole, and the next plain run ends the same."""

import json
import os
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from running import Place
from safetensors import safe_open
from test_end_to_end import place_in, reproducible

pytestmark = pytest.mark.full
KILLS = 30


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    """What an undisturbed run makes."""
    place = place_in(tmp_path_factory.mktemp("undisturbed") / "place")
    place.make()
    return reproducible(place)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return place_in(tmp_path / "place")


def started(place: Place) -> subprocess.Popen:
    command, environment = place.command(cores=2)
    return subprocess.Popen(
        command,
        cwd=place.repository,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def assert_nothing_is_half_written(place: Place) -> int:
    """Read every public file and return how many there are."""
    files = [
        path
        for path in (place.work / "results").rglob("*")
        if path.is_file() and not path.name.startswith(".") and not {"logs", "checkpoints", ".part"} & set(path.parts)
    ]
    read = 0
    for path in files:
        if path.suffix == ".json":
            json.loads(path.read_text(encoding="utf-8"))
        elif path.suffix == ".jsonl":
            assert all(json.loads(line) for line in path.read_text(encoding="utf-8").splitlines())
        elif path.suffix == ".safetensors":
            with safe_open(path, "pt") as tensors:
                assert all(tensors.get_tensor(name) is not None for name in tensors.keys())  # noqa: SIM118
        else:
            continue
        read += 1
    return read


def run_to_the_end(place: Place) -> None:
    for _ in range(3):  # an orphan of the last kill may still be at work
        if place.snakemake(cores=2).status == 0:
            return
        time.sleep(5)
    place.make(cores=2)


def test_killed_at_thirty_random_moments_it_ends_with_the_same_bytes(place: Place, expected: dict) -> None:
    draws = random.Random(30)
    kills, killed = 0, []
    while kills < KILLS:
        run = started(place)
        time.sleep(draws.uniform(1, 15))
        if run.poll() is not None:
            assert run.returncode in (0, 1)
            if run.returncode == 0:  # all made already: begin anew
                assert reproducible(place) == expected
                shutil.rmtree(place.work)
                place.work.mkdir()
            continue
        main = psutil.Process(run.pid)
        victim = draws.choice([main, *main.children(recursive=True)])
        try:
            killed.append(" ".join(victim.cmdline())[:60])
            victim.kill()
        except psutil.NoSuchProcess:
            continue
        kills += 1
        try:
            run.wait(timeout=60)
        except subprocess.TimeoutExpired:
            os.killpg(run.pid, signal.SIGKILL)
            run.wait()
        assert_nothing_is_half_written(place)
    assert len(set(killed)) > 3, killed
    run_to_the_end(place)
    assert assert_nothing_is_half_written(place) > 50
    assert reproducible(place) == expected


def test_ctrl_c_and_sigterm(place: Place, expected: dict) -> None:
    for number, seconds in ((signal.SIGINT, 20), (signal.SIGTERM, 12)):
        run = started(place)
        time.sleep(seconds)
        os.killpg(run.pid, number)
        run.wait(timeout=60)
        assert_nothing_is_half_written(place)
    run_to_the_end(place)
    assert reproducible(place) == expected


@pytest.fixture
def small_disk(place: Place) -> Iterator[Path]:
    """Mount 40 MB where the results go."""
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=40m", "tmpfs", place.work], check=False)
    if mounted.returncode:
        pytest.skip("mounting a small disk takes root")
    yield place.work
    subprocess.run(["umount", "-l", place.work], check=True)


@pytest.mark.parametrize("left_kb", [100, 600])
def test_a_full_disk(place: Place, small_disk: Path, expected: dict, left_kb: int) -> None:
    ballast = small_disk / "ballast"
    free = shutil.disk_usage(small_disk).free
    ballast.write_bytes(b"\0" * (free - left_kb * 1024))
    run = place.snakemake(cores=2)
    assert run.status != 0
    assert "No space left on device" in run.output
    assert_nothing_is_half_written(place)
    ballast.unlink()
    run_to_the_end(place)
    assert reproducible(place) == expected


def test_a_change_that_was_interrupted_goes_on(place: Place) -> None:
    """The results of before stand all around what was cut off: nothing of them may be taken for up to date."""
    place.make(cores=2)
    changed = {"align": {"learning_rate": 1e-3}, "clean": {"min_chars": 3}}
    command, environment = place.command(cores=2, **changed)
    for seconds in (5, 9, 14):
        run = subprocess.Popen(command, cwd=place.repository, env=environment, start_new_session=True)
        time.sleep(seconds)
        os.killpg(run.pid, signal.SIGKILL)
        run.wait()
    for _ in range(3):
        done = place.snakemake(cores=2, **changed)
        if done.status == 0:
            break
        time.sleep(5)
    found = reproducible(place)
    shutil.rmtree(place.work)
    place.work.mkdir()
    place.make(cores=2, **changed)
    assert found == reproducible(place)
