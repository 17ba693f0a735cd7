"""The Pandera schema that ships as an example: people who can be written to."""

import polars as pl
from pandera.polars import DataFrameModel, Field

EMAIL = r"^[^@\s]+@[^@\s]+\.[^@\s]+$"


class Contacts(DataFrameModel):
    """People with an e-mail address of their own and, where it is known, when they signed up."""

    email: str = Field(str_matches=EMAIL, unique=True, description="An e-mail address.")
    name: str = Field(str_length={"min_value": 1, "max_value": 200}, nullable=True)
    signed_up: pl.Date = Field(nullable=True)
