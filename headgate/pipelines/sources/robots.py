"""What web sites ask of programs that read their pages: robots.txt."""

from urllib.parse import urlsplit
from urllib.robotparser import RobotFileParser

from headgate.errors import JobFault
from headgate.pipelines.endpoints.client import Client

AGENT = "Headgate"
MAX_CHARACTERS = 512 << 10
"""More of a robots.txt is not heeded, as RFC 9309 has it."""


class Robots:
    """Asks each site once, and remembers what it said. A site that has no robots.txt allows everything."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._said: dict[str, RobotFileParser] = {}

    def check(self, url: str) -> None:
        """Raise JobFault: ROBOTS_DISALLOWED where this page may not be read, ROBOTS_UNKNOWN where nobody can tell."""
        if not self._rules(url).can_fetch(AGENT, url):
            message = f"The robots.txt of {urlsplit(url).hostname} does not allow {AGENT} to read this page."
            raise JobFault("ROBOTS_DISALLOWED", message, "CONFIG")

    def delay_s(self, url: str) -> float:
        """How long the site wants programs to wait between two pages."""
        return float(self._rules(url).crawl_delay(AGENT) or 0)

    def _rules(self, url: str) -> RobotFileParser:
        parts = urlsplit(url)
        origin = f"{parts.scheme}://{parts.netloc}"
        if origin not in self._said:
            self._said[origin] = self._asked(origin)
        return self._said[origin]

    def _asked(self, origin: str) -> RobotFileParser:
        rules = RobotFileParser()
        rules.parse(self._text(origin)[:MAX_CHARACTERS].removeprefix("\ufeff").splitlines())
        return rules

    def _text(self, origin: str) -> str:
        try:
            return self._client.call("GET", f"{origin}/robots.txt").text
        except JobFault as fault:
            status = (fault.details or {}).get("status", 0)
            if fault.code != "HTTP_STATUS":
                raise
            if 400 <= status < 500 and not fault.retryable:
                return ""
            message = f"The site's robots.txt can't be read: it answers with status {status}."
            raise JobFault("ROBOTS_UNKNOWN", message, "DEPENDENCY", True, {"status": status}) from fault
