"""A file is written whole or not at all, whatever stands at its path."""

import errno
import os
import resource
import select
import stat
import subprocess
import sys
import threading
import tty
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from tempfile import TemporaryFile

import pytest

from microgrid.files import write_whole


@contextmanager
def umask(mask: int) -> Iterator[None]:
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


@pytest.mark.parametrize("content", ["∂y/∂x\n", b"\xff\r\n\0", ""])
def test_it_writes_a_text_in_utf_8_and_bytes_as_they_are(content: str | bytes, tmp_path: Path) -> None:
    for _ in ("new", "again"):
        write_whole(tmp_path / "file", content)
        written = (tmp_path / "file").read_bytes()
        assert written == (content.encode() if isinstance(content, str) else content)
    assert os.listdir(tmp_path) == ["file"]


def test_a_relative_path_works_in_a_folder_whose_parent_cannot_be_entered(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    ordinary_user: Callable[[], AbstractContextManager[None]],
) -> None:
    (tmp_path / "closed" / "open").mkdir(parents=True)
    (tmp_path / "closed" / "open").chmod(0o777)
    monkeypatch.chdir(tmp_path / "closed" / "open")
    (tmp_path / "closed").chmod(0)
    try:
        with ordinary_user():
            write_whole("file", "new")
            assert Path("file").read_text() == "new"
    finally:
        (tmp_path / "closed").chmod(0o700)


# Mode and owner


@pytest.mark.parametrize(("mask", "mode"), [(0o022, 0o644), (0o027, 0o640), (0, 0o666)])
def test_a_new_file_has_the_mode_that_the_umask_leaves(mask: int, mode: int, tmp_path: Path) -> None:
    with umask(mask):
        write_whole(tmp_path / "file", "new")
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == mode


@pytest.mark.parametrize("mode", [0o640, 0o600, 0o755, 0o666, 0o400])
def test_an_existing_file_keeps_its_mode(mode: int, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("old")
    (tmp_path / "file").chmod(mode)
    with umask(0o022):
        write_whole(tmp_path / "file", "new")
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == mode
    (tmp_path / "file").chmod(0o600)
    assert (tmp_path / "file").read_text() == "new"


def test_an_existing_file_keeps_owner_and_group(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("old")
    if os.geteuid() == 0:
        os.chown(file, 65534, 65533)
    else:
        os.chown(file, -1, [os.getegid(), *os.getgroups()][-1])
    before = file.stat()
    write_whole(file, "new")
    assert file.read_text() == "new"
    assert (file.stat().st_uid, file.stat().st_gid) == (before.st_uid, before.st_gid)


def test_another_users_file_is_written_even_if_its_owner_cannot_be_kept(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    ordinary_user: Callable[[], AbstractContextManager[None]],
) -> None:
    monkeypatch.chdir(tmp_path)
    tmp_path.chmod(0o777)
    Path("file").write_text("old")
    with ordinary_user():
        write_whole("file", "new")
        assert Path("file").stat().st_uid == os.geteuid()
    assert Path("file").read_text() == "new"


# Links


@pytest.mark.parametrize("content", ["old", None], ids=["to a file", "to nothing yet"])
def test_a_symbolic_link_stays_and_its_target_is_written(content: str | None, tmp_path: Path) -> None:
    (tmp_path / "far").mkdir()
    (tmp_path / "link").symlink_to("far/link")
    (tmp_path / "far" / "link").symlink_to("file")
    if content is not None:
        (tmp_path / "far" / "file").write_text(content)
    write_whole(tmp_path / "link", "new")
    assert os.readlink(tmp_path / "link") == "far/link"
    assert os.readlink(tmp_path / "far" / "link") == "file"
    assert (tmp_path / "far" / "file").read_text() == "new"
    assert sorted(os.listdir(tmp_path / "far")) == ["file", "link"]


def test_a_link_to_itself_is_refused_and_stays(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("link")
    assert refusal(tmp_path / "link") == errno.ELOOP
    assert os.readlink(tmp_path / "link") == "link"


def test_a_draft_never_goes_through_a_link_that_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "other").write_text("old")
    (tmp_path / f".draft-{bytes(8).hex()}").symlink_to("other")
    monkeypatch.setattr(os, "urandom", bytes)  # as if somebody had guessed
    assert refusal(tmp_path / "file") == errno.EEXIST
    assert (tmp_path / "other").read_text() == "old"
    assert os.readlink(tmp_path / f".draft-{bytes(8).hex()}") == "other"


# What is not a regular file


@pytest.mark.parametrize("by_link", [False, True], ids=["", "by a link"])
def test_a_fifo_is_written_into(by_link: bool, tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    (tmp_path / "link").symlink_to("fifo")
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    try:
        write_whole(tmp_path / "link" if by_link else fifo, "new")
        assert os.read(reader, 100) == b"new"
    finally:
        os.close(reader)
    assert stat.S_ISFIFO(fifo.stat().st_mode)
    assert sorted(os.listdir(tmp_path)) == ["fifo", "link"]


@pytest.mark.parametrize("by_link", [False, True], ids=["", "by a link"])
def test_a_device_is_written_into(by_link: bool, tmp_path: Path) -> None:
    ours, terminal = os.openpty()
    try:
        tty.setraw(terminal)
        path = os.ttyname(terminal)
        before = os.stat(path)
        (tmp_path / "link").symlink_to(path)
        write_whole(tmp_path / "link" if by_link else path, "new")
        assert select.select([ours], [], [], 10)[0]
        assert os.read(ours, 100) == b"new"
        assert (os.stat(path).st_ino, os.stat(path).st_rdev) == (before.st_ino, before.st_rdev)
    finally:
        os.close(ours)
        os.close(terminal)
    assert os.listdir(tmp_path) == ["link"]


def test_standard_output_is_written_into(tmp_path: Path) -> None:
    (tmp_path / "stdout").symlink_to("/dev/fd/1")  # as /dev/stdout is
    program = "import sys; from microgrid.files import write_whole; write_whole(sys.argv[1], 'new')"
    command = [sys.executable, "-c", program, str(tmp_path / "stdout")]
    assert subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout == b"new"
    with TemporaryFile(dir=tmp_path) as without_a_name:
        subprocess.run(command, stdout=without_a_name, check=True)
        without_a_name.seek(0)
        assert without_a_name.read() == b"new"
    assert os.listdir(tmp_path) == ["stdout"]
    assert os.readlink(tmp_path / "stdout") == "/dev/fd/1"


# Whole or not at all


def test_after_an_error_the_old_file_is_whole_and_no_draft_is_left(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("old")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        assert refusal(tmp_path / "file", "new" * 50_000) == errno.EFBIG
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert (tmp_path / "file").read_text() == "old"
    assert os.listdir(tmp_path) == ["file"]


def test_threads_may_write_the_same_file_and_a_reader_always_finds_it_whole(tmp_path: Path) -> None:
    file = tmp_path / "file"
    contents = [str(k) * 100_000 for k in range(4)]
    start = threading.Barrier(5)

    def write(content: str) -> None:
        start.wait()
        for _ in range(100):
            write_whole(file, content)

    write_whole(file, contents[0])
    with ThreadPoolExecutor() as pool:
        writers = [pool.submit(write, content) for content in contents]
        start.wait()
        while not all(writer.done() for writer in writers):
            assert file.read_text() in contents
        assert [writer.exception() for writer in writers] == [None] * 4
    assert os.listdir(tmp_path) == ["file"]


@pytest.mark.parametrize("name", ["n" * 255, "é" * 127], ids=["ASCII", "two bytes each"])
def test_the_longest_name_that_a_file_can_have_works(name: str, tmp_path: Path) -> None:
    for content in ("old", "new"):
        write_whole(tmp_path / name, content)
    assert (tmp_path / name).read_text() == "new"
    assert os.listdir(tmp_path) == [name]


# Errors


def refusal(path: str | Path, content: str = "new") -> int | None:
    """The number of the error that write_whole raises, which is the caller's path's."""
    with pytest.raises(OSError) as caught:
        write_whole(path, content)
    assert caught.value.filename == str(path)
    assert str(caught.value) == f"[Errno {caught.value.errno}] {caught.value.strerror}: {str(path)!r}"
    return caught.value.errno


def test_a_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("folder")
    for path in (tmp_path / "folder", tmp_path / "link", f"{tmp_path}/folder/", "/", "."):
        assert refusal(path) == errno.EISDIR
    assert os.listdir(tmp_path / "folder") == []


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path / "missing" / "file") == errno.ENOENT
    (tmp_path / "file").touch()
    assert refusal(tmp_path / "file" / "file") == errno.ENOTDIR
    assert refusal(tmp_path / ("n" * 256)) == errno.ENAMETOOLONG
    assert os.listdir(tmp_path) == ["file"]


def test_an_unwritable_folder_is_refused(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    ordinary_user: Callable[[], AbstractContextManager[None]],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("file").write_text("old")
    tmp_path.chmod(0o555)
    try:
        with ordinary_user():
            assert refusal("new") == errno.EACCES
            assert refusal("file") == errno.EACCES
            assert Path("file").read_text() == "old"
    finally:
        tmp_path.chmod(0o700)
    assert os.listdir(tmp_path) == ["file"]


def test_a_text_that_utf_8_cannot_write_leaves_the_old_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("old")
    with pytest.raises(UnicodeEncodeError):
        write_whole(tmp_path / "file", "\ud800")
    assert (tmp_path / "file").read_text() == "old"
