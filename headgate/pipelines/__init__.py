"""The engine: sources, typing and sinks. Polars in, Polars out; it knows no database, queue or GraphQL."""
