"""URLs are fetched from addresses that are public or allowed, whatever they are called and wherever they redirect."""

from collections.abc import Callable, Iterator
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from headgate.errors import JobFault, UserFault
from headgate.pipelines import outgoing
from headgate.pipelines.fetching import fetch
from headgate.pipelines.outgoing import Address, check_url, is_allowed
from tests.pipelines.websites import CERTIFICATE, NAME, Site, redirect, respond, serving

HERE = ip_network("127.0.0.1/32")
Fetch = Callable[..., str]


@pytest.fixture
def site() -> Iterator[Site]:
    with serving() as site:
        site.answers["/data.csv"] = respond(b"a,b\n1,2\n")
        yield site


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "fetched"


@pytest.fixture
def get(target: Path) -> Fetch:
    def get(url: str, **given: Any) -> str:
        usual: dict[str, Any] = {"networks": [HERE], "max_bytes": 1000, "timeout_s": 10}
        return fetch(url, target, watch=lambda stage, **figures: None, **(usual | given))

    return get


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[list[str]]]:
    """What names resolve to, the first time and each next time; the last answer stays."""
    answers: dict[str, list[list[str]]] = {}

    def resolve(host: str, port: int) -> list[Address]:
        known = answers[host]
        return [ip_address(text) for text in (known.pop(0) if len(known) > 1 else known[0])]

    monkeypatch.setattr(outgoing, "resolve", resolve)
    return answers


@pytest.mark.parametrize(
    "url",
    [
        "https://example.org",
        "http://example.org:8080/a/b.csv?token=x%20y#part",
        "HTTPS://Example.org/",
        "http://[2606:4700::1]/",
        "https://münchen.example/straße.csv",
    ],
)
def test_an_absolute_url_of_the_web_is_taken(url: str) -> None:
    check_url(url)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "example.org/data.csv",
        "//example.org/data.csv",
        "/data.csv",
        "http:data.csv",
        "http:///data.csv",
        "file:///etc/passwd",
        "ftp://example.org/",
        "gopher://example.org/",
        "javascript:alert(1)",
        "s3://bucket/key",
        "http://ada@example.org/",
        "http://ada:secret@example.org/",
        "http://:@example.org/",
        "http://example.org:0/",
        "http://example.org:70000/",
        "http://example.org:port/",
        "http://[fe80::1%25eth0]/",
        "http://%31%32%37.0.0.1/",
        "http://[::1/",
        "http://xn--/",
        " http://example.org/",
        "http://exam ple.org/",
        "http://example.org/\r\nHost: other",
        "http://example.org/\x00",
        "http://example.org/\x85",
        "http://example.org/\u202e",
        "http://example.org/\ud800",
        "http://example.org/" + "a" * 2000,
    ],
)
def test_what_is_no_such_url_is_the_callers_fault(url: str) -> None:
    with pytest.raises(UserFault) as refused:
        check_url(url, ("input", "data", "url"))
    assert refused.value.code == "INVALID_URL"
    assert refused.value.path == ("input", "data", "url")
    assert "secret" not in refused.value.message


@given(st.one_of(st.text(), st.text(alphabet="htps:/@[]%.0x1#?\\-é。").map("http://".__add__)))
@example("http://①②⑦.⓪.⓪.①/")
@example("http://[::ffff:1.2.3]/")
def test_any_text_is_taken_or_refused(text: str) -> None:
    assert refusal(text) == "INVALID_URL" or outgoing.parse_url(text).host


def refusal(url: str) -> str | None:
    try:
        check_url(url)
    except UserFault as fault:
        return fault.code
    return None


PUBLIC = [
    "1.1.1.1",
    "8.8.8.8",
    "100.63.255.255",
    "172.32.0.1",
    "2606:4700:4700::1111",
    "2001:4860:4860::8888",
    "::ffff:8.8.8.8",
    "64:ff9b::808:808",
    "2002:808:808::1",
]
PRIVATE = """
0.0.0.0 0.1.2.3 10.0.0.1 100.64.0.1 127.0.0.1 127.255.255.254 169.254.169.254 172.16.0.1 172.31.255.255 192.0.0.1
192.0.0.8 192.0.0.9 192.0.2.1 192.88.99.1 192.168.0.1 198.18.0.1 198.51.100.1 203.0.113.1 224.0.0.1 239.255.255.255
240.0.0.1 255.255.255.255
:: ::1 ::7f00:1 ::8.8.8.8 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:0:127.0.0.1 64:ff9b::7f00:1 64:ff9b::a00:1
64:ff9b:1::808:808 100::1 2001::1 2001:0:7f00:1::1 2001:10::1 2001:20::1 2001:db8::1 2002:7f00:1:: 2002:a9fe:a9fe::
3fff::1 4000::1 5f00::1 fc00::1 fd12:3456::1 fe80::1 fe80::1%eth0 fec0::1 ff02::1 ff0e::1
"""


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_may_be_called(address: str) -> None:
    assert is_allowed(ip_address(address), [])


@pytest.mark.parametrize("address", PRIVATE.split())
def test_an_address_that_is_not_public_may_not(address: str) -> None:
    assert not is_allowed(ip_address(address), [])


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("10.1.2.3", "10.0.0.0/8"),
        ("::ffff:10.1.2.3", "10.0.0.0/8"),
        ("64:ff9b::a01:203", "10.0.0.0/8"),
        ("fd00::1", "fd00::/8"),
        ("2001:db8::1", "2001:db8::/32"),
    ],
)
def test_an_address_of_an_allowed_network_may_be_called(address: str, network: str) -> None:
    assert is_allowed(ip_address(address), [ip_network("192.168.0.0/16"), ip_network(network)])
    assert not is_allowed(ip_address(address), [ip_network("192.168.0.0/16")])


CARRIERS: list[Callable[[int], int]] = [
    lambda inside: int(IPv6Address("::ffff:0:0")) | inside,
    lambda inside: int(IPv6Address("::ffff:0:0:0")) | inside,
    lambda inside: int(IPv6Address("64:ff9b::")) | inside,
    lambda inside: int(IPv6Address("2002::")) | inside << 80,
]


@given(
    st.ip_addresses(v=4), st.sampled_from(CARRIERS), st.sampled_from(["10.0.0.0/8", "127.0.0.0/8", "::/0"])
)
def test_an_address_that_carries_another_is_taken_for_that(
    inside: IPv4Address, carrier: Callable[[int], int], network: str
) -> None:
    networks = [ip_network(network)]
    assert is_allowed(IPv6Address(carrier(int(inside))), networks) == is_allowed(inside, networks)


def test_this_machine_is_called_only_where_its_network_is_allowed(
    get: Fetch, site: Site, target: Path
) -> None:
    with pytest.raises(JobFault) as refused:
        get(site.url("/data.csv?token=s3cret"), networks=[])
    assert (refused.value.code, refused.value.category) == ("URL_NOT_ALLOWED", "CONFIG")
    assert not refused.value.retryable
    assert "127.0.0.1" not in refused.value.message
    assert "s3cret" not in refused.value.message
    assert site.asked == []
    assert not target.exists()
    assert get(site.url("/data.csv")) == "data.csv"
    assert target.read_bytes() == b"a,b\n1,2\n"


SPELLINGS = """
127.1 2130706433 017700000001 0x7f000001 0x7f.0.0.1 0177.0.0.1 0 localhost 127。0。0。1
[::ffff:127.0.0.1] [::ffff:7f00:1] [::1] [::] [64:ff9b::7f00:1] [2002:7f00:1::]
"""


@pytest.mark.parametrize("host", SPELLINGS.split())
def test_no_spelling_of_this_machine_is_called(get: Fetch, site: Site, host: str) -> None:
    with pytest.raises(JobFault) as refused:
        get(site.url("/data.csv", host), networks=[])
    assert refused.value.code in ("URL_NOT_ALLOWED", "URL_UNREACHABLE")
    assert site.asked == []


@pytest.mark.parametrize(
    "there",
    [
        "http://10.0.0.1/data.csv",
        "http://169.254.169.254/latest/meta-data/",
        "http://[::1]/data.csv",
        "//127.0.0.2/data.csv",
        "http://0x7f000002/data.csv",
        "file:///etc/passwd",
        "http://ada:secret@127.0.0.1/data.csv",
        "http://[::1",
    ],
)
def test_a_redirect_is_checked_like_the_url_itself(get: Fetch, site: Site, target: Path, there: str) -> None:
    site.answers["/"] = redirect(there)
    with pytest.raises(JobFault) as refused:
        get(site.url())
    assert refused.value.code == "URL_NOT_ALLOWED"
    assert "secret" not in refused.value.message
    assert len(site.asked) == 1
    assert not target.exists()


def test_a_name_is_refused_where_one_of_its_addresses_is(
    get: Fetch, site: Site, names: dict[str, list[list[str]]]
) -> None:
    names[NAME] = [["127.0.0.1", "10.0.0.1"]]
    with pytest.raises(JobFault) as refused:
        get(site.url("/data.csv", NAME))
    assert refused.value.code == "URL_NOT_ALLOWED"
    assert site.asked == []


def test_the_next_address_is_dialled_where_one_is_silent(
    get: Fetch, site: Site, names: dict[str, list[list[str]]]
) -> None:
    names[NAME] = [["127.0.0.9", "127.0.0.1"]]
    assert get(site.url("/data.csv", NAME), networks=[ip_network("127.0.0.0/8")]) == "data.csv"


def test_the_address_that_was_checked_is_dialled_by_its_name(
    get: Fetch, site: Site, names: dict[str, list[list[str]]]
) -> None:
    names[NAME] = [["127.0.0.1"], ["10.0.0.1"]]
    assert get(site.url("/data.csv", NAME)) == "data.csv"
    assert f"\r\nHost: {NAME}:{site.port}\r\n" in site.asked[0]
    assert names[NAME] == [["10.0.0.1"]]


def test_a_name_that_changes_its_address_at_a_redirect_is_checked_again(
    get: Fetch, site: Site, names: dict[str, list[list[str]]]
) -> None:
    names[NAME] = [["127.0.0.1"], ["10.0.0.1"]]
    site.answers["/"] = redirect("/data.csv")
    with pytest.raises(JobFault) as refused:
        get(site.url("/", NAME))
    assert refused.value.code == "URL_NOT_ALLOWED"
    assert len(site.asked) == 1


def test_no_proxy_of_the_environment_is_asked(
    get: Fetch, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving() as proxy:
        for variable in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(variable, proxy.url())
        get(site.url("/data.csv"))
        assert proxy.asked == []


class TestEncrypted:
    """Over TLS, the server has to prove that it has the URL's name, not the address that is dialled."""

    @pytest.fixture
    def site(self) -> Iterator[Site]:
        with serving(encrypted=True) as site:
            site.answers["/data.csv"] = respond(b"a,b\n1,2\n")
            yield site

    @pytest.fixture(autouse=True)
    def trusted(self, monkeypatch: pytest.MonkeyPatch, names: dict[str, list[list[str]]]) -> None:
        monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
        names |= {NAME: [["127.0.0.1"]], "other.example.org": [["127.0.0.1"]]}

    def test_the_server_hears_the_name_and_proves_it(self, get: Fetch, site: Site, target: Path) -> None:
        assert get(site.url("/data.csv", NAME)) == "data.csv"
        assert site.names == [NAME]
        assert target.read_bytes() == b"a,b\n1,2\n"

    def test_a_server_of_another_name_is_not_trusted(self, get: Fetch, site: Site) -> None:
        with pytest.raises(JobFault) as refused:
            get(site.url("/data.csv", "other.example.org"))
        assert refused.value.code == "URL_UNREACHABLE"
        assert not refused.value.retryable
        assert "certificate" in refused.value.message
        assert site.asked == []

    def test_an_unknown_authority_is_not_trusted(
        self, get: Fetch, site: Site, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("SSL_CERT_FILE")
        with pytest.raises(JobFault) as refused:
            get(site.url("/data.csv", NAME))
        assert refused.value.code == "URL_UNREACHABLE"
        assert site.asked == []

    def test_no_redirect_leads_out_of_encryption(self, get: Fetch, site: Site) -> None:
        with serving() as plain:
            plain.answers["/data.csv"] = respond(b"a,b\n1,2\n")
            site.answers["/"] = redirect(plain.url("/data.csv"))
            with pytest.raises(JobFault) as refused:
                get(site.url("/", NAME))
            assert refused.value.code == "URL_NOT_ALLOWED"
            assert plain.asked == []

    def test_a_server_that_does_not_encrypt_is_unreachable(self, get: Fetch) -> None:
        with serving() as plain, pytest.raises(JobFault) as refused:
            get(plain.url("/data.csv", NAME).replace("http:", "https:"))
        assert refused.value.code == "URL_UNREACHABLE"
        assert refused.value.retryable
