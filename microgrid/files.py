"""A file written whole or not at all.

write_whole("loss.html", page)      # the old file stays until the new one is complete
"""

import os
from contextlib import suppress
from pathlib import Path


def write_whole(path: str | os.PathLike[str], content: str | bytes) -> None:
    """Write a file whole or not at all: the old one stays until the new one is complete.

    A text is written in UTF-8. An existing file keeps its mode, and its owner and group where the system
    permits that. A symbolic link stays, and the file it leads to is written. Anything but a regular file (a
    device, a FIFO, a terminal) is written into directly.

    Raises OSError with this path if it cannot be written. A process that is killed midway may leave its
    draft, a hidden file `.draft-…` in the same folder, which may be deleted.
    """
    data = content.encode() if isinstance(content, str) else content
    target = Path(os.path.realpath(path) if os.path.islink(path) else path)
    try:
        found = _status(path)
        # /dev/stdout leads to a name such as "pipe:[1]", which is not a file.
        if found and not target.is_file():
            Path(path).write_bytes(data)
        else:
            _replace(target, data, found)
    except OSError as error:
        raise OSError(error.errno, error.strerror, os.fspath(path)) from None  # not the draft's path


def _status(path: str | os.PathLike[str]) -> os.stat_result | None:
    """Return the file's status; None if there is no file."""
    try:
        return os.stat(path)
    except FileNotFoundError:
        return None


def _replace(target: Path, data: bytes, found: os.stat_result | None) -> None:
    """Write a draft beside the target, and give it the target's name once it is complete."""
    mode = found.st_mode & 0o777 if found else 0o666
    # Nobody can guess this name, and O_EXCL refuses one that is taken, even by a link. Unlike tempfile, this
    # lets the system apply the umask to a new file.
    draft = target.with_name(f".draft-{os.urandom(8).hex()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with open(descriptor, "wb") as file:
            file.write(data)
        if found:
            for owner in ((found.st_uid, -1), (-1, found.st_gid)):
                with suppress(OSError, AttributeError):  # not permitted; Windows has no chown
                    os.chown(draft, *owner)
            draft.chmod(mode)
        draft.replace(target)
    except BaseException:
        with suppress(OSError):
            draft.unlink()
        raise
