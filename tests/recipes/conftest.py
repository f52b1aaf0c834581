"""What the workflow's tests have for runs of the real command stands one folder up, and beside it."""

import sys
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS), str(TESTS / "workflow"), str(TESTS / "evaluation"), str(TESTS / "recipes")]
