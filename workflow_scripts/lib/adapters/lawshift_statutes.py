"""The statutes of LawShift, by change of the law and number of the article."""

_MISSING = "（未收录）"


class Statutes:
    """Books of statutes; an article that a change's own book lacks is looked up in the others of the same law."""

    def __init__(self) -> None:
        self._books: dict[tuple[str, str], dict[str, str]] = {}
        self._known: dict[str, dict[str, str]] = {}

    def add(self, change: str, law: str, articles: dict[str, str]) -> None:
        """Add articles of a book; ``change`` is empty for one that is of no change."""
        self._books.setdefault((change, law), {}).update(articles)
        known = self._known.setdefault(law, {})
        for number, text in articles.items():
            if not change:
                known[number] = text
            else:
                known.setdefault(number, text)

    def has(self, change: str, law: str) -> bool:
        return (change, law) in self._books

    def quoted(self, numbers: list[str], change: str, law: str) -> str:
        """Return the articles with their numbers, one a line."""
        own, known = self._books.get((change, law), {}), self._known.get(law, {})
        return "\n".join(f"【{number}】{own.get(number) or known.get(number, _MISSING)}" for number in numbers)
