"""Which programs and packages the jobs find."""

import importlib.metadata
import os
import sys
from pathlib import Path

from workflow_scripts.lib.errors import UserError

GONE_ON = "TUIQIAO_GONE_ON"  # set where a process was gone on with in another environment
UNSLOTH = (
    "python -m venv .venv-unsloth && .venv-unsloth/bin/python -m pip install -r envs/requirements-unsloth.txt, "
    "and set execution.unsloth_python to .venv-unsloth/bin/python; or run with --sdm conda"
)


def prefer_own_programs() -> None:
    """Put the running interpreter's folder on the PATH, so that an environment need not be activated.

    Conda environments of jobs still come before it, and so does whatever the user put before it.
    """
    own = str(Path(sys.executable).parent)
    if own not in os.environ["PATH"].split(os.pathsep):
        os.environ["PATH"] = os.pathsep.join([own, os.environ["PATH"]])


def go_on_in(python: Path, module: str, arguments: list[str]) -> None:
    """Run a module in another environment, with its programs first on the PATH, in place of this process.

    Comes back if that was done before, and this is it.
    """
    if GONE_ON not in os.environ:
        path = os.pathsep.join([str(python.parent), os.environ["PATH"]])
        command = [str(python), "-m", module, *arguments]
        os.execve(python, command, os.environ | {"PATH": path, GONE_ON: str(python)})


def no_unsloth(found: str) -> UserError:
    """Return the error of a run or step that has no environment for unsloth, saying what was found in its place."""
    what = f"sft.backend is unsloth, which has an environment of its own, {found}"
    return UserError(what, "execution.unsloth_python", UNSLOTH)


def check_pins(pins: dict[str, str]) -> None:
    """Refuse to work with other versions than the pinned ones: what they make would go under the wrong name.

    Args:
        pins: Package to version. A local version, as in ``2.13.0+cpu``, is the same version.

    Raises:
        UserError: If a package is missing or of another version.
    """
    installed = {name: _installed(name) for name in pins}
    wrong = [name for name, version in pins.items() if installed[name] != version]
    if wrong:
        found = ", ".join(f"{name} {installed[name] or 'is missing'}" for name in wrong)
        wanted = " ".join(f"{name}=={pins[name]}" for name in wrong)
        if "unsloth" in pins:
            raise no_unsloth(f"and this one has: {found}")
        raise UserError(
            f"installed: {found}; pinned: {wanted}",
            "envs/requirements.txt",
            f"python -m pip install {wanted}   (or change the pin: what imports it is then made anew)",
        )


def _installed(name: str) -> str | None:
    try:
        return importlib.metadata.version(name).split("+")[0]
    except importlib.metadata.PackageNotFoundError:
        return None
