"""Keep a pipeline in a file beside your code, and run it from cron or CI.

python examples/python/nightly_pipeline.py [PIPELINE.yaml]

The exit status is 1 where the run fails. To let Headgate itself run it every night, add to the file:
schedule: {cron: "0 6 * * *", timezone: Europe/Berlin}
"""

import sys
from pathlib import Path

from headgate.client import Headgate, HeadgateError

NIGHTLY = Path(__file__).with_name("nightly.yaml")


def main(path: str = str(NIGHTLY)) -> int:
    """Apply a pipeline and run it; what has not changed is left as it is."""
    with Headgate() as headgate:
        try:
            pipeline = headgate.apply_pipeline(Path(path).read_text())
            started = headgate.run_pipeline(pipeline.name)
            job = headgate.wait(started, timeout_s=3600).raise_for_failure()
        except HeadgateError as error:
            print(f"The nightly run failed. {error}", file=sys.stderr)
            return 1
    print(f"{pipeline.name} version {pipeline.version}: {job.status}, {job.counts.accepted} rows written.")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
