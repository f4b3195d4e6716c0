"""What every writer of raw needs while it works: a scratch folder, the ledger, and an engine.

What lives here: opening the three, closing them, and a new engine for a broken one. What may not:
reading or writing rows.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Self

from orchestration.ingest.engine import open_connection
from orchestration.ingest.ledger import Ledger
from orchestration.ingest.publication import finish
from orchestration.scratch import scratch_folder
from orchestration.settings import Settings

if TYPE_CHECKING:
    from types import TracebackType


class IngestSession:
    """A context manager, the base of those who bring rows into raw day by day."""

    def __init__(self, settings: Settings) -> None:
        """Remember what to do; nothing is opened before the `with`."""
        self._settings = settings
        self._stack = ExitStack()
        self._days = 0

    def __enter__(self) -> Self:
        """Take a private scratch folder, open connection and ledger, and finish what broke off."""
        with ExitStack() as stack:
            self._folder = stack.enter_context(scratch_folder(self._settings))
            self._ledger = stack.enter_context(Ledger(self._settings.ledger))
            finish(self._ledger, self._settings)
            # One thread for what need not be waited for while DuckDB works.
            self._beside = stack.enter_context(ThreadPoolExecutor(max_workers=1))
            self._connection = open_connection(self._folder, self._settings)
            stack.callback(self._close_connection)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close both and remove the scratch folder."""
        self._stack.close()

    def _close_connection(self) -> None:
        # Not the connection's own method: a broken engine may have been replaced meanwhile.
        self._connection.close()

    def _replace_connection(self) -> None:
        """Begin a new engine: DuckDB gives up the whole database after some errors."""
        self._connection.close()
        self._connection = open_connection(self._folder, self._settings)

    @contextmanager
    def _day_folder(self) -> Iterator[Path]:
        """A folder in scratch for one day's files, removed at the end."""
        self._days += 1
        folder: Path = self._folder / f"day-{self._days:06d}"
        folder.mkdir()
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
