"""`python -m headgate.pipelines`: the process in which jobs run."""

from headgate.garbage import keeping_all

with keeping_all():
    from headgate.pipelines.child import main

main()
