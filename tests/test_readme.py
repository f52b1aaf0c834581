"""Every command of both READMEs: planned in an empty folder here, and for real in an empty clone in the long tier."""

import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
READMES = ("README.md", "README.zh-CN.md")


def console_blocks(name: str) -> list[tuple[str, str]]:
    """Return (command, output shown below it) of every console block."""
    text = (REPOSITORY / name).read_text(encoding="utf-8")
    found = []
    for block in re.findall(r"```console\n(.*?)```", text, flags=re.DOTALL):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, output = part.partition("\n")
            found.append((command, output))
    return found


COMMANDS = list(dict.fromkeys(command for name in READMES for command, _ in console_blocks(name)))
SNAKEMAKE = [command for command in COMMANDS if command.startswith("snakemake ")]


def run(command: str, folder: Path, **more: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        ["bash", "-c", command],
        cwd=folder,
        env={**os.environ, **more},
        capture_output=True,
        text=True,
        check=False,
    )


def test_both_readmes_show_the_same_commands():
    english, chinese = ([command for command, _ in console_blocks(name)] for name in READMES)
    assert english == chinese
    assert len(english) > 10
    assert "make report" in english
    assert "make test" in english


def test_both_readmes_show_the_same_output():
    english, chinese = (console_blocks(name) for name in READMES)
    assert english == chinese
    assert not re.search("@@", "".join(output for _, output in english))


@pytest.mark.parametrize("name", READMES)
def test_every_linked_file_exists(name):
    links = re.findall(r"\]\(([^)#:]+)\)", (REPOSITORY / name).read_text(encoding="utf-8"))
    assert links
    assert [link for link in links if not (REPOSITORY / link).exists()] == []


@pytest.mark.parametrize("command", [command for command in COMMANDS if command.startswith("make ")])
def test_make_targets_exist(command):
    planned = run(f"make -n {command.removeprefix('make ')}", REPOSITORY)
    assert planned.returncode == 0, planned.stderr


@pytest.mark.parametrize("command", SNAKEMAKE)
def test_snakemake_commands_plan_in_an_empty_folder(command, tmp_path):
    if "--report" in command:
        pytest.skip("needs results: run for real in the long tier")
    if "-n" not in shlex.split(command) and "graph" not in command and "dag" not in command:
        command += " -n"
    command = re.sub(r"--directory \S+", "", command) + f" --directory {tmp_path}"
    planned = run(command, REPOSITORY)
    if "rank: 8" in command:
        assert planned.returncode == 1
        assert "unknown key 'rank'" in planned.stderr + planned.stdout
    else:
        assert planned.returncode == 0, planned.stderr[-2000:]


def test_the_config_error_is_shown_as_it_is():
    (shown,) = {output for command, output in console_blocks("README.md") if "rank: 8" in command}
    (command,) = {command for command in SNAKEMAKE if "rank: 8" in command}
    said = run(command, REPOSITORY)
    lines = [line for line in shown.splitlines() if line.strip()]
    assert lines
    for line in lines:
        assert line in said.stderr + said.stdout


@pytest.mark.full
def test_readme_in_an_empty_clone(tmp_path):
    clone = tmp_path / "clone"
    run(f"git clone -q {REPOSITORY} {clone}", tmp_path)
    if (REPOSITORY / "data_cache").exists():  # the downloads are tested elsewhere; here the commands are
        shutil.copytree(REPOSITORY / "data_cache", clone / "data_cache")
    bare = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": os.environ["HOME"]}

    def bash(command):
        given = ["env", "-i", *(f"{name}={value}" for name, value in bare.items()), "bash", "-c", command]
        found = subprocess.run(given, cwd=clone, capture_output=True, text=True, check=False)
        return found.returncode, found.stdout + found.stderr

    code, said = bash("make report")
    assert code == 0, said[-3000:]
    assert "results/eval/report.html: " in said
    assert (clone / "results/eval/report.json").exists()
    code, said = bash("source .venv/bin/activate; snakemake --cores 1 results/eval/report.json")
    assert code == 0, said
    assert "Nothing to be done" in said
    code, said = bash("source .venv/bin/activate; snakemake --report results/snakemake-report.html")
    assert code == 0, said
    assert (clone / "results/snakemake-report.html").stat().st_size > 100_000
