"""Packages of other people, found as installed ones are: a folder to import from, with what they say of themselves."""

from collections.abc import Mapping
from pathlib import Path

Groups = Mapping[str, Mapping[str, str]]
"""Entry points: by the name of their group and their own, where they lead."""


def installed(folder: Path, name: str, groups: Groups) -> None:
    """Write what the installation of a package leaves beside its modules."""
    said = folder / f"{name}-1.0.dist-info"
    said.mkdir(parents=True)
    (said / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    lines = [
        line
        for group, entries in groups.items()
        for line in (f"[{group}]", *(f"{entry} = {value}" for entry, value in entries.items()), "")
    ]
    (said / "entry_points.txt").write_text("\n".join(lines))
