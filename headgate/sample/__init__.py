"""Sample data, to look around in: loans, campaigns, sales, and a pipeline that sums these up."""
