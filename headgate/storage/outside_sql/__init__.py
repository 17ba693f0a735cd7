"""SQL databases of others, PostgreSQL and SQLite: what writes rows into their tables and reads what a query answers."""
