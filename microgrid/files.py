"""A file written whole or not at all."""

import os
from contextlib import suppress
from pathlib import Path


def write_whole(path: str | os.PathLike[str], content: str | bytes) -> None:
    """Write a file, the whole of it or nothing: what was there stays until all is written.

    Raises OSError where it cannot be written. A process that is killed on the way may leave its draft, a
    hidden file with the process's number in its name; nothing reads it, and it may be deleted.
    """
    target = Path(path)
    draft = target.parent / f".{target.name}.{os.getpid()}"
    try:
        draft.write_bytes(content.encode() if isinstance(content, str) else content)
        draft.replace(target)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(target)) from None  # the caller knows no draft
    finally:
        with suppress(OSError, ValueError):
            draft.unlink()
