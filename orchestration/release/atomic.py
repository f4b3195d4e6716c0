"""Files that are either there whole or not at all, also after the power went.

What lives here: write-then-rename, fsync of files and folders, and moving a symlink or
exchanging two folders in one step.
What may not: knowing what the files mean.

The order is always: write under a temporary name beside the target, fsync the file, rename, fsync
the folder. A rename without the first fsync can leave an empty file under the final name; without
the second, the old name can come back.
"""

from __future__ import annotations

import ctypes
import json
import os
from pathlib import Path
from uuid import uuid4


def fsync_file(path: Path) -> None:
    """Force a file's content to the disk."""
    # Read-only is enough for fsync, and released files may not be writable any more.
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def fsync_folder(path: Path) -> None:
    """Force a folder's list of names to the disk."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def fsync_tree(root: Path) -> None:
    """Force every file and folder below `root`, and `root` itself, to the disk."""
    for folder, _, names in os.walk(root, topdown=False):
        for name in names:
            fsync_file(Path(folder) / name)
        fsync_folder(Path(folder))


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file so that a reader sees the old content or the new, never a part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{uuid4().hex}.making")
    try:
        temporary.write_bytes(content)
        fsync_file(temporary)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    fsync_folder(path.parent)


def write_json(path: Path, document: object) -> None:
    """Write a JSON document atomically, readable by people (indented, UTF-8)."""
    text = json.dumps(document, ensure_ascii=False, indent=2, sort_keys=True)
    write_bytes(path, f"{text}\n".encode())


def point_symlink(link: Path, target: str) -> None:
    """Make `link` point to `target` in one step: readers see the old target or the new.

    Args:
        link: The symlink; may exist already, as a symlink only.
        target: What it shall hold, word for word; relative ones count from the link's folder.
    """
    temporary = link.with_name(f".{link.name}.{uuid4().hex}.making")
    try:
        temporary.symlink_to(target)
        temporary.replace(link)
    finally:
        temporary.unlink(missing_ok=True)
    fsync_folder(link.parent)


_RENAME_EXCHANGE = 2
_AT_FDCWD = -100


def exchange(one: Path, other: Path) -> None:
    """Let two folders of one file system change places, in one step where the system can.

    Where it cannot (it is Linux's `renameat2`), there is a moment at which `other` is missing.
    """
    renameat2 = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    names = (os.fsencode(one), os.fsencode(other))
    if renameat2 is None or renameat2(_AT_FDCWD, names[0], _AT_FDCWD, names[1], _RENAME_EXCHANGE):
        aside = one.with_name(f".{one.name}.{uuid4().hex}.aside")
        other.rename(aside)
        one.rename(other)
        aside.rename(one)
    fsync_folder(one.parent)
    fsync_folder(other.parent)
