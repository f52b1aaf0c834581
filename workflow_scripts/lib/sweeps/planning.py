"""What a sweep would run: how often each step, where variants share it and where they do not."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workflow_scripts.lib.planning import duration
from workflow_scripts.lib.provenance.seen import SeenFiles
from workflow_scripts.lib.sweeps import graph
from workflow_scripts.lib.sweeps.graph import Graph, Step


@dataclass(frozen=True)
class SweepPlan:
    """The steps of each variant, and the ids of those that are made in its folder."""

    steps: dict[str, list[Step]]
    made: dict[str, set[str]]
    num_graphs: int

    @property
    def finished(self) -> list[str]:
        """Return the variants of which every step is made."""
        return [name for name, found in self.steps.items() if len(self.made[name]) == len({step.id for step in found})]

    @property
    def left(self) -> list[str]:
        finished = set(self.finished)
        return [name for name in self.steps if name not in finished]


def plan(
    plans: Mapping[str, Any], folders: Mapping[str, Path], seen: SeenFiles, draw: Callable[[str], Graph]
) -> SweepPlan:
    """Return the steps of all variants.

    Args:
        plans: The plan of each variant, by its name.
        folders: Its folder.
        seen: Digests of raw files.
        draw: Returns the graph of a variant. It takes seconds, and is called once for each kind of graph.
    """
    graphs: list[Graph] = []
    found = {}
    for name, asked in plans.items():
        fitting = next((drawn for drawn in graphs if drawn.fits(asked)), None)
        if fitting is None:
            fitting = draw(name)
            graphs.append(fitting)
        found[name] = graph.steps(fitting, asked)
    made = {name: graph.made(steps, folders[name], seen) for name, steps in found.items()}
    return SweepPlan(found, made, len(graphs))


def table(found: SweepPlan, seconds: Mapping[str, float]) -> str:
    """Return the plan as text.

    Args:
        found: The plan.
        seconds: How long a step of a rule took last.
    """
    runs = [
        (step.id if step.is_kept else f"{step.id} {name}", step.rule, step.id in found.made[name])
        for name, steps in found.steps.items()
        for step in steps
    ]
    rules, made = {run: rule for run, rule, _ in runs}, {run for run, _, is_made in runs if is_made}
    wanted, shared = Counter(rule for _, rule, _ in runs), Counter(rules.values())
    left = Counter(rule for run, rule in rules.items() if run not in made)
    rows = [(rule, str(wanted[rule]), str(shared[rule]), str(left[rule])) for rule in wanted]
    head = ("step", "in all variants", "with sharing", "left to run")
    rows = [head, *rows, ("all", str(wanted.total()), str(shared.total()), str(left.total()))]
    widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
    lines = [
        "  ".join(f"{cell:{width}}" if not column else f"{cell:>{width}}" for column, (cell, width) in enumerate(cells))
        for cells in (zip(row, widths, strict=True) for row in rows)
    ]
    return "\n".join([*lines, _summary(found, left, seconds)])


def _summary(found: SweepPlan, left: Counter, seconds: Mapping[str, float]) -> str:
    finished = len(found.finished)
    text = f"{len(found.steps)} variants, {finished} of them finished"
    if not left:
        return text
    text += f"; at most {left.total()} steps left, less what the store holds"
    untimed = sum(count for rule, count in left.items() if rule not in seconds)
    if untimed == left.total():
        return text
    total = duration(sum(count * seconds.get(rule, 0.0) for rule, count in left.items()))
    return f"{text}: about {total}" + (f" ({untimed} not timed yet)" if untimed else "")
