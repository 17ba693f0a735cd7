"""The source `http` fetches every page of a web service once, or fails; and goes on from where it came to."""

import json
from collections.abc import Callable, Iterator
from ipaddress import ip_network
from pathlib import Path
from typing import Any, ClassVar

import pytest
from pydantic import ValidationError

from headgate.errors import JobFault
from headgate.pipelines.endpoints import retrying
from headgate.pipelines.endpoints.outside import Endpoint, Outside
from headgate.pipelines.orders import Stopped
from headgate.pipelines.sources.http import HttpSource
from headgate.pipelines.sources.source import Fetched, Fetching
from headgate.storage.formats import FileFormat
from tests.pipelines.intake import unheard
from tests.restapi import (
    CUT,
    KEY,
    PASSWORD,
    TOKEN,
    USER,
    Asked,
    Reply,
    RestApi,
    busy,
    days,
    serving_api,
    unavailable,
    wants_basic,
    wants_key,
)

PAGINATIONS: dict[str, dict[str, Any]] = {
    "/page": {"page": {"sizeParam": "size", "size": 3}},
    "/offset": {"offset": {"limit": 3}},
    "/cursor": {"cursor": {"path": "paging.cursors.after", "param": "after"}},
    "/next": {"nextLink": {"path": "links.next"}},
    "/link": {"linkHeader": {}},
    "/header": {"headerCursor": {"header": "x-next", "param": "from"}},
}


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[RestApi]:
    monkeypatch.setattr(retrying, "FIRST_WAIT_S", 0.001)
    with serving_api() as api:
        yield api


class Jobs:
    """Jobs of one pipeline; the state is kept as if each were committed."""

    def __init__(self, api: RestApi, folder: Path) -> None:
        self.api, self.folder = api, folder
        self.secrets: dict[str, str] = {}
        self.reaching: dict[str, Any] = {}
        self.state: Any = None
        self.count = 0

    def fetch(self, settings: dict[str, Any], *, max_bytes: int = 1 << 20, watch: Any = unheard) -> Fetched:
        self.count += 1
        self.job.mkdir()
        endpoint = Endpoint("ads", "HTTP", {"url": self.api.url, **self.reaching}, self.secrets)
        outside = Outside({"ads": endpoint}, [ip_network("127.0.0.0/8")], 20)
        source = HttpSource.model_validate(settings)
        return source.fetch(Fetching(self.job, outside, max_bytes, watch, self.state))

    @property
    def job(self) -> Path:
        return self.folder / f"job-{self.count}"

    def run(self, path: str = "/all", **settings: Any) -> list[dict[str, Any]]:
        """Fetch; answers the records."""
        given = {} if "url" in settings else {"endpoint": "ads", "path": path}
        fetched = self.fetch({**given, **settings})
        self.state = fetched.state
        lines: list[bytes] = []
        for file in fetched.files:
            assert file.format is FileFormat.NDJSON
            lines += (self.job / file.name).read_bytes().splitlines()
        return [json.loads(line) for line in lines]

    def fault(self, path: str = "/all", **settings: Any) -> JobFault:
        with pytest.raises(JobFault) as failed:
            self.run(path, **settings)
        assert "s3cret" not in str(failed.value.args)
        return failed.value


@pytest.fixture
def jobs(api: RestApi, tmp_path: Path) -> Jobs:
    return Jobs(api, tmp_path)


def answers(api: RestApi, *said: Any, path: str = "/all") -> None:
    """Let a path answer with one of these after the other."""
    left = list(said)
    api.routes[path] = lambda asked: each if isinstance(each := left.pop(0), Reply) else Reply(said=each)


class TestPages:
    @pytest.mark.parametrize("count", [0, 1, 2, 3, 4, 7, 9])
    @pytest.mark.parametrize("path", PAGINATIONS)
    def test_every_record_comes_once_and_in_order(
        self, api: RestApi, jobs: Jobs, path: str, count: int
    ) -> None:
        api.records = days(count)
        assert jobs.run(path, pagination=PAGINATIONS[path]) == days(count)

    @pytest.mark.parametrize("path", PAGINATIONS)
    def test_trouble_on_the_way_changes_nothing(self, api: RestApi, jobs: Jobs, path: str) -> None:
        api.records = days(7)
        api.troubles = [busy(), None, unavailable(), CUT, busy("0"), None, unavailable(), None]
        assert jobs.run(path, pagination=PAGINATIONS[path]) == days(7)

    @pytest.mark.parametrize("path", PAGINATIONS)
    def test_a_page_that_can_not_be_had_fails_the_whole(self, api: RestApi, jobs: Jobs, path: str) -> None:
        api.records = days(7)
        api.troubles = [None, *[unavailable()] * 9]
        fault = jobs.fault(path, pagination=PAGINATIONS[path])
        assert (fault.code, fault.category, fault.retryable) == ("HTTP_STATUS", "DEPENDENCY", True)

    @pytest.mark.parametrize("path", PAGINATIONS)
    def test_more_pages_than_are_taken_fail_the_whole(self, api: RestApi, jobs: Jobs, path: str) -> None:
        api.records = days(10)
        fault = jobs.fault(path, pagination=PAGINATIONS[path], maxPages=2)
        assert (fault.code, fault.details) == ("TOO_MANY_PAGES", {"maxPages": 2})
        assert len(api.asked) == 2

    def test_without_pagination_there_is_one_page(self, api: RestApi, jobs: Jobs) -> None:
        api.records = days(10)
        assert jobs.run("/all", maxPages=1) == days(10)
        assert len(api.asked) == 1

    @pytest.mark.parametrize("pagination", [{"page": {}}, {"page": {"size": 3}}, {"offset": {"limit": 3}}])
    def test_a_short_page_is_the_last_where_its_size_is_known(
        self, api: RestApi, jobs: Jobs, pagination: dict[str, Any]
    ) -> None:
        api.records = days(7)
        path = "/page" if "page" in pagination else "/offset"
        assert jobs.run(path, pagination=pagination) == days(7)
        assert len(api.asked) == (4 if pagination == {"page": {}} else 3)

    @pytest.mark.parametrize("path", ["/page", "/offset"])
    def test_a_service_may_hand_out_fewer_than_it_is_asked_for(
        self, api: RestApi, jobs: Jobs, path: str
    ) -> None:
        api.records = days(8)
        pagination = (
            {"page": {"size": 1000}} if path == "/page" else {"offset": {"limitParam": "most", "limit": 1000}}
        )
        assert jobs.run(path, pagination=pagination) == days(8)

    def test_pages_may_begin_with_another_number(self, api: RestApi, jobs: Jobs) -> None:
        answers(api, [{"a": 1}], [])
        assert jobs.run(pagination={"page": {"param": "p", "start": 0}}) == [{"a": 1}]
        assert [asked.query for asked in api.asked] == [{"p": "0"}, {"p": "1"}]

    def test_behind_the_last_numbered_page_there_may_be_none(self, api: RestApi, jobs: Jobs) -> None:
        answers(api, [{"a": 1}], Reply(404))
        assert jobs.run(pagination={"page": {}}) == [{"a": 1}]
        assert jobs.fault("/none", pagination={"page": {}}).details == {"status": 404}

    def test_an_empty_page_may_be_followed_by_others(self, api: RestApi, jobs: Jobs) -> None:
        answers(
            api, {"data": [], "after": "a"}, {"data": [{"a": 1}], "after": "b"}, {"data": [], "after": "b"}
        )
        assert jobs.run(pagination={"cursor": {"path": "after", "param": "c"}}) == [{"a": 1}]

    @pytest.mark.parametrize("last", [None, "", False])
    def test_a_cursor_that_is_none_ends_the_pages(self, api: RestApi, jobs: Jobs, last: object) -> None:
        answers(api, {"data": [{"a": 1}], "after": 5}, {"data": [{"a": 2}], "after": last})
        assert jobs.run(pagination={"cursor": {"path": "after", "param": "c"}}) == [{"a": 1}, {"a": 2}]
        assert api.asked[1].query == {"c": "5"}

    @pytest.mark.parametrize(
        ("pagination", "said"),
        [
            ({"cursor": {"path": "after", "param": "c"}}, {"data": [{"a": 1}], "after": "x"}),
            ({"nextLink": {"path": "after"}}, {"data": [{"a": 1}], "after": "/all?x=1"}),
        ],
        ids=["cursor", "link"],
    )
    def test_pages_that_go_round_fail_the_whole(
        self, api: RestApi, jobs: Jobs, pagination: dict[str, Any], said: Any
    ) -> None:
        api.routes["/all"] = lambda asked: Reply(said=said)
        fault = jobs.fault(pagination=pagination)
        assert (fault.code, fault.category) == ("PAGINATION_LOOP", "DEPENDENCY")
        assert len(api.asked) == 2

    def test_a_cursor_that_is_neither_text_nor_number_is_refused(self, api: RestApi, jobs: Jobs) -> None:
        answers(api, {"data": [{"a": 1}], "after": {"x": 1}})
        assert jobs.fault(pagination={"cursor": {"path": "after", "param": "c"}}).code == "INVALID_ANSWER"

    @pytest.mark.parametrize(
        ("header", "is_found"),
        [
            ('</all?p=2>; rel="next"', True),
            ("</all?p=2>;rel=next", True),
            ('</all?p=0>; rel="prev", </all?p=2>; title="a, b"; REL="last next"', True),
            ('</all?p=0>; rel="prev"', False),
            ('</all?p=0>; rel="next-but-one"', False),
            ("nonsense", False),
        ],
    )
    def test_a_link_header_may_be_written_in_many_ways(
        self, api: RestApi, jobs: Jobs, header: str, is_found: bool
    ) -> None:
        answers(api, Reply(said=[{"a": 1}], headers={"Link": header}), [{"a": 2}])
        assert len(jobs.run(pagination={"linkHeader": {}})) == 1 + is_found

    def test_a_link_elsewhere_is_followed_without_secrets(self, api: RestApi, jobs: Jobs) -> None:
        jobs.secrets = {"token": TOKEN}
        with serving_api() as other:
            answers(other, {"data": days(2)})
            answers(api, {"data": [{"a": 1}], "next": f"{other.url}/all"})
            settings: dict[str, Any] = {
                "headers": {"X-Own": "a"},
                "pagination": {"nextLink": {"path": "next"}},
            }
            assert len(jobs.run(**settings)) == 3
            assert not {"authorization", "x-own"} & other.asked[0].headers.keys()

    @pytest.mark.parametrize(
        "link", ["http://10.1.2.3/", "file:///etc/passwd", "http://[", "gopher://127.0.0.1/"]
    )
    def test_a_link_leads_nowhere_else(self, api: RestApi, jobs: Jobs, link: str) -> None:
        answers(api, {"data": [{"a": 1}], "next": link})
        assert jobs.fault(pagination={"nextLink": {"path": "next"}}).code == "URL_NOT_ALLOWED"


class TestAsking:
    @pytest.mark.parametrize(
        ("secrets", "guard"),
        [({"username": USER, "password": PASSWORD}, wants_basic), ({"apiKey": KEY}, wants_key)],
        ids=["basic", "key"],
    )
    def test_each_page_is_asked_for_with_the_secrets(
        self, api: RestApi, jobs: Jobs, secrets: dict[str, str], guard: Callable[[Asked], bool]
    ) -> None:
        api.records, api.guard, jobs.secrets = days(7), guard, secrets
        assert jobs.run("/next", pagination=PAGINATIONS["/next"]) == days(7)

    def test_wrong_secrets_fail_and_are_not_told(self, api: RestApi, jobs: Jobs) -> None:
        api.guard, jobs.secrets = api.wants_bearer, {"token": "wrong-s3cret"}
        fault = jobs.fault()
        assert (fault.code, fault.details) == ("HTTP_STATUS", {"status": 401})

    @pytest.mark.parametrize(
        "params", [{"a": 1, "b": True}, [{"name": "a", "value": 1}, {"name": "b", "value": True}]]
    )
    def test_parameters_and_headers_are_sent(self, api: RestApi, jobs: Jobs, params: object) -> None:
        jobs.run(params=params, headers={"X-Team": "a"}, pagination={"page": {"param": "b", "start": 4}})
        assert api.asked[0].query == {"a": "1", "b": "4"}
        assert api.asked[0].headers["x-team"] == "a"

    def test_a_search_can_be_posted(self, api: RestApi, jobs: Jobs) -> None:
        api.records = days(2)
        api.troubles = [unavailable()]
        assert jobs.run(method="POST", body={"query": ["ä"]}) == days(2)
        assert (api.asked[1].method, api.asked[1].json) == ("POST", {"query": ["ä"]})

    def test_a_url_needs_no_endpoint(self, api: RestApi, jobs: Jobs) -> None:
        api.records = days(3)
        assert jobs.run(url=f"{api.url}/all?since=2026-01-02") == days(3)[1:]
        assert jobs.run(url=f"{api.url}/page?page=1", pagination={"linkHeader": {}}) == days(3)
        fetched = jobs.fetch({"url": api.url, "path": "all"})
        assert len(fetched.files) == 1

    def test_a_url_is_fetched_from_allowed_addresses_alone(self, jobs: Jobs) -> None:
        assert jobs.fault(url="http://10.1.2.3/all").code == "URL_NOT_ALLOWED"

    def test_an_endpoint_has_to_be_there_and_of_its_kind(self, jobs: Jobs) -> None:
        assert jobs.fault(endpoint="none").code == "UNKNOWN_ENDPOINT"

    def test_a_stop_is_heeded_between_pages(self, api: RestApi, jobs: Jobs) -> None:
        api.records = days(9)

        def stop(stage: str, **figures: Any) -> None:
            if figures.get("bytes_read"):
                raise Stopped

        with pytest.raises(Stopped):
            jobs.fetch({"endpoint": "ads", "path": "/page", "pagination": {"page": {}}}, watch=stop)
        assert len(api.asked) == 1


class TestRecords:
    @pytest.mark.parametrize(
        ("said", "path", "records"),
        [
            ([{"a": 1}], None, [{"a": 1}]),
            ([], None, []),
            ({"items": [{"a": 1}], "total": 1, "tags": ["x"]}, None, [{"a": 1}]),
            ({"items": [], "tags": ["x"]}, None, []),
            ({"a": 1, "b": {"c": 2}}, None, [{"a": 1, "b": {"c": 2}}]),
            ({"x": {"y.z": {"items": [{"a": 1}]}}}, "x", [{"y.z": {"items": [{"a": 1}]}}]),
            ({"x": {"items": [{"a": 1}]}}, "x.items", [{"a": 1}]),
            ({"x.items": [{"a": 1}]}, "x.items", [{"a": 1}]),
            ({"x": [{"items": [{"a": 1}]}]}, "x.0.items", [{"a": 1}]),
            ({"x": {"a": 1}}, "x", [{"a": 1}]),
            ({"x": None}, "x", []),
            (None, None, []),
        ],
    )
    def test_records_are_found(
        self, api: RestApi, jobs: Jobs, said: Any, path: str | None, records: list[dict[str, Any]]
    ) -> None:
        answers(api, said)
        assert jobs.run(**({"recordPath": path} if path else {})) == records

    @pytest.mark.parametrize(
        ("said", "settings", "code"),
        [
            ({"a": 1}, {"recordPath": "b"}, "RECORDS_NOT_FOUND"),
            ({"a": [1]}, {"recordPath": "a.5"}, "RECORDS_NOT_FOUND"),
            ({"a": 1}, {"pagination": {"page": {}}}, "RECORDS_NOT_FOUND"),
            ({"a": [{"x": 1}], "b": [{"x": 1}]}, {}, "AMBIGUOUS_RECORDS"),
            ([{"a": 1}, 2], {}, "INVALID_RECORDS"),
            ("text", {}, "INVALID_RECORDS"),
            (5, {}, "INVALID_RECORDS"),
            ({"a": "x"}, {"recordPath": "a"}, "INVALID_RECORDS"),
            (Reply(content=b"<html>s3cret"), {}, "INVALID_ANSWER"),
            (Reply(content=b'{"a": '), {}, "INVALID_ANSWER"),
        ],
        ids=str,
    )
    def test_what_is_none_is_told(
        self, api: RestApi, jobs: Jobs, said: Any, settings: dict[str, Any], code: str
    ) -> None:
        answers(api, said)
        assert jobs.fault(**settings).code == code

    def test_where_the_first_page_has_its_records_the_others_have_them(
        self, api: RestApi, jobs: Jobs
    ) -> None:
        first = {"items": [{"a": 1}], "warnings": []}
        answers(
            api, first, {"items": [{"a": 2}], "warnings": [{"text": "soon"}]}, {"items": [], "warnings": [{}]}
        )
        assert jobs.run(pagination={"page": {}}) == [{"a": 1}, {"a": 2}]

    def test_an_answer_without_content_has_none(self, api: RestApi, jobs: Jobs) -> None:
        answers(api, Reply(204))
        assert jobs.run() == []

    def test_values_stay_as_they_are(self, api: RestApi, jobs: Jobs) -> None:
        text = (
            '[{"id": 123456789012345678901234567890, "zip": "01234", "n": null, "f": 0.1, "t": "\\u00e4\\n"}]'
        )
        answers(api, Reply(content=text.encode()))
        assert jobs.run() == json.loads(text)

    def test_no_more_bytes_are_taken_than_may_be(self, api: RestApi, jobs: Jobs) -> None:
        api.records = days(9)
        settings = {"endpoint": "ads", "path": "/page", "pagination": {"page": {}}}
        with pytest.raises(JobFault, match="SOURCE_TOO_LARGE"):
            jobs.fetch(settings, max_bytes=200)
        assert (jobs.job / "records.ndjson").stat().st_size <= 200


class TestIncremental:
    BY_DATE: ClassVar[dict[str, Any]] = {"column": "date", "param": "since", "start": "2026-01-03"}

    def test_each_job_goes_on_from_where_the_last_came_to(self, api: RestApi, jobs: Jobs) -> None:
        api.records = days(5)
        assert jobs.run("/page", pagination={"page": {}}, incremental=self.BY_DATE) == days(5)[2:]
        assert jobs.state == {"date": "2026-01-05"}
        api.records = days(7)
        assert jobs.run("/page", pagination={"page": {}}, incremental=self.BY_DATE) == days(7)[4:]
        assert jobs.state == {"date": "2026-01-07"}
        assert {asked.query["since"] for asked in api.asked[-2:]} == {"2026-01-05"}

    def test_where_nothing_is_new_the_state_stays(self, api: RestApi, jobs: Jobs) -> None:
        jobs.state = {"date": "2026-02-01"}
        api.records = days(5)
        assert jobs.run(incremental=self.BY_DATE) == []
        assert jobs.state == {"date": "2026-02-01"}

    def test_the_first_job_may_ask_for_everything(self, api: RestApi, jobs: Jobs) -> None:
        api.records = days(5)
        jobs.run(incremental={"column": "date", "param": "since"})
        assert api.asked[0].query == {}

    @pytest.mark.parametrize(
        ("values", "greatest"),
        [
            ([2, 10, 9], 10),
            ([2.5, 10, -1], 10),
            (["9", "10"], "10"),
            (["9", 10, "b"], "b"),
            ([None, 3, None], 3),
            ([9223372036854775808, 9223372036854775807], 9223372036854775808),
            (["2026-01-02T00:00:00Z", "2026-01-10T00:00:00Z"], "2026-01-10T00:00:00Z"),
        ],
        ids=str,
    )
    def test_the_greatest_value_is_kept(
        self, api: RestApi, jobs: Jobs, values: list[Any], greatest: Any
    ) -> None:
        answers(api, *([{"v": value}] for value in values), [])
        jobs.run(pagination={"page": {}}, incremental={"column": "v", "param": "since"})
        assert jobs.state == {"v": greatest}

    def test_an_earlier_state_counts(self, api: RestApi, jobs: Jobs) -> None:
        jobs.state = {"v": 50}
        answers(api, [{"v": 7}])
        jobs.run(incremental={"column": "v", "param": "since"})
        assert (api.asked[0].query, jobs.state) == ({"since": "50"}, {"v": 50})

    @pytest.mark.parametrize(
        ("records", "code"),
        [
            ([{"a": 1}], "UNKNOWN_COLUMN"),
            ([{"v": [1]}], "INVALID_CURSOR_COLUMN"),
            ([{"v": True}], "INVALID_CURSOR_COLUMN"),
        ],
        ids=["none", "list", "boolean"],
    )
    def test_a_column_to_go_on_from_has_to_be_there(
        self, api: RestApi, jobs: Jobs, records: Any, code: str
    ) -> None:
        answers(api, records)
        assert jobs.fault(incremental={"column": "v", "param": "since"}).code == code


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"endpoint": "ads", "url": "https://example.com"},
        {"url": "ftp://example.com"},
        {"url": "https://me:s3cret@example.com"},
        {"url": "https://example.com?a=1", "path": "b"},
        {"endpoint": "ads", "path": "https://example.com"},
        {"endpoint": "ads", "method": "DELETE"},
        {"endpoint": "ads", "body": {}},
        {"endpoint": "ads", "headers": {"Authorization": "s3cret"}},
        {"endpoint": "ads", "pagination": {}},
        {"endpoint": "ads", "pagination": {"page": {}, "linkHeader": {}}},
        {"endpoint": "ads", "pagination": {"page": None}},
        {"endpoint": "ads", "pagination": {"cursor": {"path": "a"}}},
        {"endpoint": "ads", "pagination": {"pages": {}}},
        {"endpoint": "ads", "maxPages": 0},
        {"endpoint": "ads", "incremental": {"column": "a"}},
    ],
    ids=str,
)
def test_settings_that_make_no_sense_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        HttpSource.model_validate(settings)


def test_the_example_can_be_set() -> None:
    assert HttpSource.from_example().to_json() == HttpSource.example
