"""The task that brings an old version of a dataset back.

Delta Lake lets nothing else of a process go on meanwhile, not even what waits for the network.
"""

from collections.abc import Mapping
from typing import Any

from headgate.storage.commits import DatasetConflict
from headgate.storage.locations import location_from_json
from headgate.storage.restoring import restore
from headgate.storage.tablefolders import table_folder

TRIES = 10


def run_restore(task: Mapping[str, Any]) -> dict[str, Any]:
    """Run the task "restore", of "folder" to "version"; the answer has the dataset's newest "version".

    That is null where jobs kept committing meanwhile.
    """
    folder = table_folder(location_from_json(task["folder"]))
    for _ in range(TRIES):
        try:
            return {"version": restore(folder, task["version"]).to_json()}
        except DatasetConflict:
            continue
    return {"version": None}
