"""Links into a running server, with a token or without one.

A token stands in a link's fragment, which browsers send to no server and which stands in no server's log.
"""

from urllib.parse import quote

from headgate.cli.output import say

PAGES = {"Console": "/", "GraphiQL": "/graphiql"}
HOW_TO_CALL = "For a token, run: headgate token"
HOW_TO_ENTER = "For links that sign you in, run: headgate token --link"


def link(url: str, path: str, token: str | None) -> str:
    """A page of the server at `url`, which signs in with the token."""
    return f"{url}{path}" + (f"#token={quote(token, safe='')}" if token else "")


def print_links(url: str, token: str | None) -> None:
    """Print where people can go, and how they get in."""
    width = max(map(len, PAGES))
    for name, path in PAGES.items():
        say(f"{name:{width}}  {link(url, path, token)}")
    say(HOW_TO_CALL if token else f"{HOW_TO_CALL}\n{HOW_TO_ENTER}")
