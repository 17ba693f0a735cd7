"""Loading rows into Apache Druid: what its tables are like, what it is told, and what it says of it."""
