"""What the product does: use cases, one module per noun; knows no transport."""
