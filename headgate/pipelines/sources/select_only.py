"""Queries from people, for databases of others: one SELECT and nothing else.

It is the first of several guards, and the one that tells when a spec is made: the database runs the query in a
transaction that only reads.
"""

import logging

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

DIALECTS = ("postgres", "sqlite")
REFUSED = (
    *(exp.Insert, exp.Update, exp.Delete, exp.Merge, exp.Create, exp.Drop, exp.Alter),
    *(exp.Command, exp.Copy, exp.Into, exp.Lock, exp.Set, exp.Pragma),
)


def read_select(sql: str) -> str:
    """The query without a semicolon behind it. Raises ValueError, which says what is wrong."""
    if "\0" in sql:
        raise ValueError("a query holds no NUL character")
    query = sql.strip().rstrip(";").rstrip()
    tree = _tree(query)
    if not isinstance(tree, exp.Query):
        raise ValueError("give a query that begins with SELECT or WITH")
    for node in tree.walk():
        if isinstance(node, REFUSED):
            raise ValueError(f"a query only reads: {node.key.upper()} is not allowed")
        if isinstance(node, exp.Placeholder | exp.Parameter):
            raise ValueError("a query has no parameters; `incremental` says how to go on from the last row")
    return query


def _tree(query: str) -> exp.Expr:
    fault: Exception | None = None
    for dialect in DIALECTS:
        try:
            trees = _parsed(query, dialect)
        except (SqlglotError, RecursionError) as error:
            fault = fault or error
            continue
        if len(trees) != 1 or trees[0] is None:
            raise ValueError("give one SELECT, and nothing behind it")
        return trees[0]
    raise ValueError(f"this is not an SQL query{_where(fault)}")


def _parsed(query: str, dialect: str) -> list[exp.Expr | None]:
    logger = logging.getLogger("sqlglot")
    before, logger.disabled = logger.disabled, True
    try:
        return list(sqlglot.parse(query, dialect=dialect))
    finally:
        logger.disabled = before


def _where(error: Exception | None) -> str:
    details = getattr(error, "errors", None)
    if not details:
        return ""
    near = str(details[0].get("highlight") or "").strip()
    return f": unexpected {near!r} at line {details[0].get('line')}, column {details[0].get('col')}"
