"""GraphQL alone: one module per noun, beside the schema, scalars and limits."""
