"""`headgate schema`: the GraphQL schema of this version."""

import typer

from headgate.cli.output import say

app = typer.Typer(help="The GraphQL schema.", no_args_is_help=True)


@app.command(epilog="Example: headgate schema export > schema.graphql")
def export() -> None:
    """Print the GraphQL schema in SDL."""
    from headgate.graphql.schema import make_schema

    say(make_schema().as_str())
