"""What tests of pages do and look up beside the pages: through the API, as any client."""

from typing import Any
from uuid import uuid4

import httpx

from tests.acceptance.processes import Headgate

PASSWORD = "correct horse battery staple"
CREATE_USER = """
mutation ($input: CreateUserInput!) { createUser(input: $input) { user { id } errors { message } } }
"""
DATASET = "query ($name: String!) { dataset(name: $name) { rowCount rows { records } } }"


def ask(headgate: Headgate, query: str, **variables: object) -> Any:
    """Run an operation as an administrator; it must not fail."""
    answer = httpx.post(
        f"{headgate.url}/graphql",
        json={"query": query, "variables": variables},
        headers={"Authorization": f"Bearer {headgate.token()}"},
        timeout=30,
    ).json()
    assert "errors" not in answer, answer["errors"]
    return answer["data"]


def new_user(headgate: Headgate, role: str = "OPERATOR") -> dict[str, str]:
    """Add a user; answers their id and email, and everybody's password is PASSWORD."""
    email = f"{uuid4().hex}@example.org"
    given = {"email": email, "password": PASSWORD, "role": role}
    added = ask(headgate, CREATE_USER, input=given)["createUser"]
    assert not added["errors"], added["errors"]
    return {"id": added["user"]["id"], "email": email}


def dataset(headgate: Headgate, name: str) -> Any:
    """Look a dataset up; None where there is none."""
    return ask(headgate, DATASET, name=name)["dataset"]
