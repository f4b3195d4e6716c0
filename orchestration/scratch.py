"""Private folders for what is being made, below `scratch` of the home.

What lives here: making one, and removing those whose process died. What may not: knowing what is
put there, or moving anything out of it.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from orchestration.settings import Settings

_LOCK_NAME = "lock"
_PREFIX = "private-"
_UNLOCKED_GRACE_SECONDS = 3600


@contextlib.contextmanager
def scratch_folder(settings: Settings) -> Iterator[Path]:
    """A private folder below scratch, removed at the end.

    The folder holds a lock for as long as its process lives, so that folders of dead processes can
    be told and are removed here first. A process id would not do: ids are used again, and two
    containers may share the home.
    """
    settings.scratch.mkdir(parents=True, exist_ok=True)
    _remove_abandoned(settings.scratch)
    folder = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-", dir=settings.scratch))
    try:
        with (folder / _LOCK_NAME).open("wb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _remove_abandoned(scratch: Path) -> None:
    for folder in scratch.glob(f"{_PREFIX}*"):
        try:
            with (folder / _LOCK_NAME).open("rb") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            continue
        except FileNotFoundError:
            # Made a moment ago and not locked yet, or left by a crash in that moment.
            with contextlib.suppress(FileNotFoundError):
                if time.time() - folder.stat().st_mtime < _UNLOCKED_GRACE_SECONDS:
                    continue
        shutil.rmtree(folder, ignore_errors=True)
