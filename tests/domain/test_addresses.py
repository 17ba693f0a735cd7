"""IP addresses, as those who use them are counted."""

import pytest

from headgate.domain.addresses import NOWHERE, site_of


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("198.51.100.7", "198.51.100.7"),
        ("::ffff:198.51.100.7", "198.51.100.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("testclient", NOWHERE),
        ("", NOWHERE),
        (None, NOWHERE),
    ],
)
def test_an_address_is_counted_with_all_that_its_owner_has(address: str | None, name: str) -> None:
    assert site_of(address) == name
