"""A row filter tells null from absent."""

from headgate.graphql.rows import RowFilter, RowOrder, SortDirection, row_query
from headgate.storage import filters


def _filter(wanted: RowFilter) -> filters.RowFilter | None:
    return row_query(wanted, None, None, None, None).filter


def test_null_is_a_value_to_compare_with() -> None:
    assert _filter(RowFilter(column="a", eq=None)) == filters.RowFilter(column="a", eq=None)
    assert _filter(RowFilter(column="a")) == filters.RowFilter(column="a")
    assert _filter(RowFilter(column="a", eq=None)) != _filter(RowFilter(column="a"))


def test_null_is_no_condition_elsewhere() -> None:
    wanted = RowFilter(
        column=None, in_=None, contains=None, starts_with=None, is_null=None, and_=None, not_=None
    )
    assert _filter(wanted) == filters.RowFilter()


def test_nested_filters_are_read_all_the_way_down() -> None:
    wanted = RowFilter(
        or_=[RowFilter(not_=RowFilter(column="a", eq=None)), RowFilter(and_=[RowFilter(column="b")])]
    )
    assert _filter(wanted) == filters.RowFilter(
        or_=[
            filters.RowFilter(not_=filters.RowFilter(column="a", eq=None)),
            filters.RowFilter(and_=[filters.RowFilter(column="b")]),
        ]
    )


def test_rows_are_sorted_upwards_unless_told_otherwise() -> None:
    orders = [
        RowOrder(column="a"),
        RowOrder(column="b", direction=None),
        RowOrder(column="c", direction=SortDirection.DESC),
    ]
    query = row_query(None, orders, None, None, None)
    assert query.order_by == [("a", False), ("b", False), ("c", True)]
    assert query.first == 100
