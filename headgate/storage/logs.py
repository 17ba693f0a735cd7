"""The log of a table loses its beginning, once no version that can be read needs it.

The entries go that are older than the newest checkpoint from which all versions that stay can be read, as Delta Lake's
protocol has it: https://github.com/delta-io/delta/blob/master/PROTOCOL.md#metadata-cleanup.
"""

import re

from headgate.storage.tablefolders import TableFolder

LOG = "_delta_log/"
ENTRY = re.compile(r"_delta_log/(\d{20})\.(json|checkpoint\.parquet)")


def cut_log(folder: TableFolder, oldest: int) -> int:
    """Remove what only versions before `oldest` need, the oldest entries first; answers how many files went."""
    versions = {name: int(found[1]) for name in folder.names(LOG) if (found := ENTRY.fullmatch(name))}
    checkpoints = (version for name, version in versions.items() if not name.endswith(".json"))
    first = max((version for version in checkpoints if version <= oldest), default=0)
    before = sorted(name for name, version in versions.items() if version < first)
    folder.remove(before)
    return len(before)
