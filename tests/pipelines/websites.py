"""A web server on this machine that answers with the very bytes that a test gives it."""

import ssl
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from socket import MSG_PEEK, socket
from socketserver import StreamRequestHandler, ThreadingTCPServer
from threading import Event, Thread

NAME = "data.example.org"
"""The name that CERTIFICATE is for."""
CERTIFICATE = Path(__file__).with_name(f"{NAME}.pem")
"""A certificate that is its own authority, with its key: nobody but these tests trusts it."""
TLS_HANDSHAKE = b"\x16"

Answer = bytes | Callable[[socket], None]


class Site:
    """Answers each path with its bytes, or lets a function talk; then hangs up. `asked` holds the heads of requests."""

    def __init__(self, port: int, scheme: str) -> None:
        self.port = port
        self.scheme = scheme
        self.answers: dict[str, Answer] = {}
        self.asked: list[str] = []
        self.names: list[str | None] = []
        self.closing = Event()

    def url(self, path: str = "/", host: str = "127.0.0.1") -> str:
        return f"{self.scheme}://{host}:{self.port}{path}"

    def answer(self, connection: socket, head: str) -> None:
        self.asked.append(head)
        answer = self.answers[head.split(" ")[1]]
        if isinstance(answer, bytes):
            connection.sendall(answer)
        else:
            answer(connection)


def respond(body: bytes = b"", *headers: str, status: str = "200 OK", length: int | None = None) -> bytes:
    """An answer with a Content-Length, the right one unless told otherwise."""
    length = len(body) if length is None else length
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {length}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def redirect(location: str) -> bytes:
    return respond(b"elsewhere", f"Location: {location}", status="302 Found")


def stream(pieces: Sequence[bytes], *headers: str) -> bytes:
    """An answer in chunks, whose length nobody is told."""
    head = "\r\n".join(["HTTP/1.1 200 OK", "Transfer-Encoding: chunked", *headers, "", ""]).encode()
    return head + b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in [*pieces, b""])


@contextmanager
def serving(encrypted: bool = False) -> Iterator[Site]:
    """Run a site on 127.0.0.1."""

    class Handler(StreamRequestHandler):
        def handle(self) -> None:
            if not encrypted and self.connection.recv(1, MSG_PEEK) == TLS_HANDSHAKE:
                return
            lines = list(iter(self.rfile.readline, b"\r\n"))
            site.answer(self.connection, b"".join(lines).decode())

    class Server(ThreadingTCPServer):
        daemon_threads = True

        def handle_error(self, request: object, client_address: object) -> None:
            """Clients may hang up whenever they like."""

    with Server(("127.0.0.1", 0), Handler) as server:
        site = Site(server.server_address[1], "https" if encrypted else "http")
        if encrypted:
            server.socket = _encrypted(server.socket, site)
        Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield site
        site.closing.set()
        server.shutdown()


def _encrypted(listening: socket, site: Site) -> ssl.SSLSocket:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    context.sni_callback = lambda _connection, name, _context: site.names.append(name)
    return context.wrap_socket(listening, server_side=True, do_handshake_on_connect=False)
