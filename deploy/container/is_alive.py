"""Says by its exit code whether the server in this container answers; the image has no curl.

A worker listens to nothing: its process ends where it can't go on, and its jobs' leases where it hangs.
"""

import http.client
import os
import sys

TIMEOUT_S = 4


def main() -> None:
    """Ask /healthz. Exits with 1 where the answer isn't 200, or doesn't come."""
    port = int(os.environ.get("HEADGATE_PORT", "8000"))
    try:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_S)
        connection.request("GET", "/healthz")
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        sys.exit(f"The server on port {port} can't be reached: {error}")
    if status != http.client.OK:
        sys.exit(f"The server on port {port} answered {status}.")


if __name__ == "__main__":
    main()
