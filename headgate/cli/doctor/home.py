"""The home folder and the secret keys in it."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryFile

from headgate.cli.doctor.findings import Finding, fine, problem, warning
from headgate.errors import reason_of
from headgate.server.keys import read_keys
from headgate.server.preparation import key_path
from headgate.settings import Settings

MOUNTS = Path("/proc/mounts")
NETWORK_FILESYSTEMS = frozenset({"nfs", "nfs4", "cifs", "smb3", "9p", "fuse.sshfs", "glusterfs", "ceph"})
OTHERS = stat.S_IRWXG | stat.S_IRWXO


def home(settings: Settings) -> Iterator[Finding]:
    """Find out whether the home can be used, or made."""
    folder = settings.home.absolute()
    if not folder.exists():
        yield from _to_be_made(folder)
    elif not folder.is_dir():
        yield problem("home", f"{folder} is no folder.", "Set HEADGATE_HOME to a folder.")
    else:
        yield from _used(folder)
        yield from _far(settings, folder)


def keys(settings: Settings) -> Iterator[Finding]:
    """Look at the file of secret keys."""
    path = key_path(settings)
    if settings.secret_key is not None:
        return
    try:
        mode = path.stat().st_mode
        count = len(read_keys(path))
    except FileNotFoundError:
        yield fine("secret key", "The first start makes one.")
    except (OSError, ValueError) as error:
        yield problem(
            "secret key",
            f"{path} can't be used: {reason_of(error)}",
            "Bring back a copy of it, or remove it.",
        )
    else:
        yield from _kept(path, mode, count)


def _to_be_made(folder: Path) -> Iterator[Finding]:
    above = next(each for each in folder.parents if each.exists())
    if os.access(above, os.W_OK | os.X_OK):
        yield fine("home", f"The first start makes {folder}.")
    else:
        yield problem(
            "home", f"{folder} is not there, and can't be made.", "Make it, and let this user write into it."
        )


def _used(folder: Path) -> Iterator[Finding]:
    try:
        with TemporaryFile(dir=folder) as file:
            file.write(b"written")
    except OSError as error:
        yield problem(
            "home", f"{folder} can't be written into: {error.strerror}.", "Let this user write into it."
        )
        return
    if folder.stat().st_mode & OTHERS:
        yield warning("home", f"Other users may enter {folder}.", f"chmod 700 {folder}")
    else:
        yield fine("home", f"{folder} can be written into.")


def _far(settings: Settings, folder: Path) -> Iterator[Finding]:
    kind = filesystem_of(folder)
    if settings.database_url is None and kind in NETWORK_FILESYSTEMS:
        yield problem(
            "home",
            f"The database would be a SQLite file on a network filesystem ({kind}), where its locks don't hold.",
            "Set HEADGATE_HOME to a folder of this machine, or HEADGATE_DATABASE_URL to a postgresql:// URL.",
        )


def filesystem_of(folder: Path, mounts: Path = MOUNTS) -> str | None:
    """The kind of filesystem that a folder is on; None where the system doesn't tell."""
    try:
        listed = [line.split()[1:3] for line in mounts.read_text().splitlines()]
    except OSError:
        return None
    above = [(len(at), kind) for at, kind in listed if folder.is_relative_to(at)]
    return max(above)[1] if above else None


def _kept(path: Path, mode: int, count: int) -> Iterator[Finding]:
    if mode & OTHERS:
        yield problem(
            "secret key", f"Other users can read {path}.", f"chmod 600 {path}, then: headgate rotate-key"
        )
    else:
        yield fine("secret key", f"{count} in {path}.")
