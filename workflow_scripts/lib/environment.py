"""Which programs the jobs find."""

import os
import sys
from pathlib import Path


def prefer_own_programs() -> None:
    """Put the running interpreter's folder on the PATH, so that an environment need not be activated.

    Conda environments of jobs still come before it, and so does whatever the user put before it.
    """
    own = str(Path(sys.executable).parent)
    if own not in os.environ["PATH"].split(os.pathsep):
        os.environ["PATH"] = os.pathsep.join([own, os.environ["PATH"]])
