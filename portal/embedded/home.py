"""Where the services of a data folder keep their files and sockets: `<data folder>/services`.

For root that is a link to a folder under /var/lib, because PostgreSQL then runs as another account,
which must not need a permission on any folder above the data. The link moves and goes with the data
folder, so a fresh data folder never meets an old database. Scratch homes (tests) are deleted by their
last user, and those of killed ones by the next.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import pwd
import secrets
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from .service import ServiceError

SOCKET_PATH_MAX = 100  # bytes; the kernel's limit is 107 (103 on a Mac)
_SCRATCH = Path("/var/tmp" if Path("/var/tmp").is_dir() else tempfile.gettempdir())


def open_home(folder: Path, *, durable: bool) -> Path:
    """The folder of the services, made if it is missing; ServiceError where it is somebody else's."""
    link = folder / "services"
    if not link.exists():
        if durable and os.geteuid() != 0:
            link.mkdir(mode=0o700, exist_ok=True)
        else:
            _link_new_home(link, durable=durable)
    home = link.resolve()
    if link.is_symlink() and (home / "belongs-to").read_text().strip() != str(folder):  # it was moved
        (home / "belongs-to").write_text(f"{folder}\n")
    owner = home.stat().st_uid
    if owner != os.geteuid():
        raise ServiceError(
            f"The data folder {folder} is used by {_name_of(owner)}; start as that account, "
            "or name another folder with SUANLI_DATA."
        )
    if not durable:
        (home / "scratch").touch()
    return home


def _name_of(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"


def _link_new_home(link: Path, *, durable: bool) -> None:
    base = _SCRATCH
    if durable and os.access("/var/lib", os.W_OK):
        base = Path("/var/lib/suanli")  # unlike /var/tmp never cleaned of what has not been read for long
        base.mkdir(mode=0o755, exist_ok=True)
    home = base / f"suanli-{os.geteuid()}-{secrets.token_hex(6)}"
    home.mkdir(mode=0o711)
    (home / "belongs-to").write_text(f"{link.parent}\n")
    try:
        link.symlink_to(home)
    except FileExistsError:
        if link.exists():  # another start was faster
            shutil.rmtree(home)
        else:  # the home that the link leads to is gone
            link.unlink()
            link.symlink_to(home)


def socket_folder(folder: Path, name: str) -> Path:
    """Where the socket `name` of a service may lie: in its folder if the path is short enough."""
    if len(os.fsencode(folder / name)) <= SOCKET_PATH_MAX:
        return folder
    digest = hashlib.sha256(os.fsencode(folder)).hexdigest()[:12]
    short = Path(tempfile.gettempdir()) / f"suanli-{os.geteuid()}-{digest}"
    short.mkdir(mode=0o700, exist_ok=True)
    if short.stat().st_uid != os.geteuid():
        raise ServiceError(f"The folder {short} belongs to somebody else.")
    return short


def sweep_scratch(stop: Callable[[Path], object]) -> None:
    """Stop and delete scratch homes whose user was killed before it could."""
    for marker in _SCRATCH.glob(f"suanli-{os.geteuid()}-*/scratch"):
        home = marker.parent
        try:
            fd = os.open(home / "users.lock", os.O_RDWR | os.O_CLOEXEC)
        except OSError:  # being made or being deleted at this moment
            continue
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            stop(home)
            shutil.rmtree(home, ignore_errors=True)
        except BlockingIOError:
            continue
        finally:
            os.close(fd)
