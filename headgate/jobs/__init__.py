"""Background work: queues, signals, engine processes and the worker that ties them together."""
