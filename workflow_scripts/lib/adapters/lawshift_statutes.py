"""The statutes of LawShift, by change of the law and number of the article."""

_MISSING = "（未收录）"


class Statutes:
    """Books of statutes; an article that a change's own book lacks is looked up in the others of the original law.

    Under a changed law, too: what a change leaves alone reads as before, and other folders' changed books hold other
    changes.
    """

    def __init__(self) -> None:
        self._books: dict[tuple[str, str], dict[str, str]] = {}
        self._known: dict[str, str] = {}  # of the original law

    def add(self, change: str, law: str, articles: dict[str, str]) -> None:
        """Add articles of a book; ``change`` is empty for one that is of no change."""
        self._books.setdefault((change, law), {}).update(articles)
        if law != "original":
            return
        for number, text in articles.items():
            if not change:
                self._known[number] = text
            else:
                self._known.setdefault(number, text)

    def has(self, change: str, law: str) -> bool:
        return (change, law) in self._books

    def quoted(self, numbers: list[str], change: str, law: str) -> str:
        """Return the articles with their numbers, one a line."""
        books = [self._books.get((change, each), {}) for each in (law, "original")] + [self._known]
        found = {number: next((book[number] for book in books if book.get(number)), _MISSING) for number in numbers}
        return "\n".join(f"【{number}】{found[number]}" for number in numbers)
