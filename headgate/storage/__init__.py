"""What is at rest: the database, its tables and migrations, objects and datasets."""
