"""Preference pairs made from quatrains: the true second couplet against that of another poem."""

from collections import defaultdict
from collections.abc import Iterable, Iterator

from workflow_scripts.lib.adapters.base import Context, Row
from workflow_scripts.lib.adapters.poems import FIELDS, Poem, PoemOptions, check_selected, prompt, read_poem
from workflow_scripts.lib.config.fields import Ratio
from workflow_scripts.lib.mixing import draws
from workflow_scripts.lib.records import Drop, RawRow, RejectedRowError, preference_row
from workflow_scripts.lib.splitting.buckets import bucket_of

USES = ("preference",)
SHAPES = (FIELDS,)
OPTIONAL = ()
DERIVES = True  # pairs that were made and not judged


class Options(PoemOptions):
    """As for poems, and ``other_form``: the share of pairs whose rejected side has another metre."""

    other_form: Ratio


class Pool:
    """Poems to reject, by bucket: a poem of the same bucket is in the same split for any ratios and seed."""

    def __init__(self) -> None:
        self._by_bucket: dict[int, dict[tuple[str, str], tuple[Poem, bool]]] = defaultdict(dict)

    def add(self, poem: Poem, is_selected: bool) -> None:
        """Add a poem; of those with one text, the one with the lowest id stands for all."""
        poems = self._by_bucket[bucket_of(poem.group)]
        if poem.couplets not in poems or poem.raw_id < poems[poem.couplets][0].raw_id:
            poems[poem.couplets] = (poem, is_selected)

    def rejected_for(self, poem: Poem, other_form: float, seed: int) -> Poem:
        """Return another poem whose second couplet is another text.

        One of the same metre comes from the source's own share, so that no pair teaches against what SFT learned;
        one of another metre may come from anywhere. Added poems change a choice only by being chosen themselves.

        Raises:
            RejectedRowError: ``no_rejected`` if the bucket has none.
        """
        wants_other = draws.share(seed, "other form", poem.group) < other_form
        candidates = [
            other
            for other, is_selected in self._by_bucket[bucket_of(poem.group)].values()
            if (other.form != poem.form) == wants_other
            and (wants_other or is_selected)
            and other.group != poem.group
            and other.couplets[1] != poem.couplets[1]
        ]
        if not candidates:
            kind = "another form" if wants_other else "the same form"
            raise RejectedRowError("no_rejected", f"bucket {bucket_of(poem.group)} has no other poem of {kind}")
        return min(candidates, key=lambda other: draws.draw(seed, "rejected", poem.group, *other.couplets))


def convert(rows: Iterable[RawRow], options: Options, context: Context) -> Iterator[Row | Drop]:
    """Read all poems first: what is rejected for the first poem may be the last one."""
    pool, selected = Pool(), []
    for raw in rows:
        poem = None
        try:
            poem = read_poem(raw)
            check_selected(poem, options)
        except RejectedRowError as rejected:
            yield Drop(raw.id, rejected.reason, rejected.detail)
        else:
            selected.append(poem)
        if poem is not None:
            pool.add(poem, bool(selected) and selected[-1] is poem)
    for poem in selected:
        try:
            yield _pair(poem, pool, options, context)
        except RejectedRowError as rejected:
            yield Drop(poem.raw_id, rejected.reason, rejected.detail)


def _pair(poem: Poem, pool: Pool, options: Options, context: Context) -> Row:
    other = pool.rejected_for(poem, options.other_form, context.seed)
    meta = {
        "derived": True,
        "contrast": "other_form" if other.form != poem.form else "same_form",
        "form": poem.form,
        "rejected_form": other.form,
        "rejected_id": other.raw_id,
        "title": poem.title,
        "author": poem.author,
    }
    messages = [prompt(poem, options.instructions, context.seed)]
    return preference_row(
        poem.raw_id, context.source, messages, poem.couplets[1], other.couplets[1], group=poem.group, meta=meta
    )
