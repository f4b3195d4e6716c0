"""Errors that a person reads, in both languages.

What lives here: their base. What may not: the errors themselves (they stand beside what raises
them), or how they are shown (`cli`, `screen`).
"""

from __future__ import annotations

from orchestration.settings import Language


class BilingualError(Exception):
    """Something expected went wrong: what, where and what to do, in English and in Spanish.

    Attributes:
        en: The sentences in English, also what `str()` gives.
        es: The same in Spanish.
    """

    def __init__(self, en: str, es: str) -> None:
        """Carry the sentences in both languages."""
        super().__init__(en)
        self.en = en
        self.es = es

    def message(self, language: Language) -> str:
        """The sentences in the language asked for."""
        return self.es if language == "es" else self.en
