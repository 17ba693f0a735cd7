"""`python -m headgate.pipelines [json]`: the process in which jobs run, and the format of its logs."""

import sys

from headgate.garbage import keeping_all

with keeping_all():
    from headgate.pipelines.child import main

main("json" if sys.argv[1:] == ["json"] else "console")
