"""Shows Headgate at work: `make demo`."""
