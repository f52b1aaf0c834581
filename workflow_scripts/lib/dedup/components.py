"""Rows that belong together, directly or through others, as a label each: the lowest row of its component."""

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components


def separate(num_rows: int) -> np.ndarray:
    """Return labels of rows of which each stands alone, int64."""
    return np.arange(num_rows, dtype=np.int64)


def joined(labels: np.ndarray, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return the labels after joining the components of ``first[i]`` and ``second[i]`` for every i."""
    nodes, edges = np.unique(np.concatenate([labels[first], labels[second]]), return_inverse=True)
    if len(nodes) == 0:
        return labels
    ends = edges.reshape(2, -1)
    graph = coo_array((np.ones(ends.shape[1], np.int8), (ends[0], ends[1])), shape=(len(nodes), len(nodes)))
    _, component = connected_components(graph, directed=False)
    lowest = np.full(component.max() + 1, np.iinfo(np.int64).max)
    np.minimum.at(lowest, component, nodes)
    now = separate(len(labels))
    now[nodes] = lowest[component]
    return now[labels]


def joined_by_key(labels: np.ndarray, rows: np.ndarray, keys: np.ndarray, max_rows: int | None = None) -> np.ndarray:
    """Return the labels after joining rows with the same key.

    Args:
        labels: As they are.
        rows: Row of each key; a row may have several.
        keys: Of the rows.
        max_rows: Keys that more rows have join nothing; None: all do.
    """
    order = np.argsort(keys, kind="stable")
    _, counts = np.unique(keys[order], return_counts=True)
    count = np.repeat(counts, counts)
    is_same = np.concatenate([[False], keys[order][1:] == keys[order][:-1]]) if len(order) else np.zeros(0, bool)
    if max_rows is not None:
        is_same &= count <= max_rows
    places = np.flatnonzero(is_same)
    return joined(labels, rows[order[places - 1]], rows[order[places]])
