"""Pages of the documentation that are written from the code: `make schema` writes them, `make check` compares them."""
