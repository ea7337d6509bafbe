"""Events that must not occur on a page: errors, and requests to other servers."""

import re

from playwright.sync_api import ConsoleMessage, Error, Page, Request

#: Addresses that a page makes itself.
_OWN = ("data:", "blob:", "about:")


class Guards:
    """Watches the pages of a test.

    Parameters
    ----------
    server
        Where all requests have to go.
    """

    def __init__(self, server: str) -> None:
        self._server = server
        self._seen: list[str] = []
        self._expected: list[re.Pattern[str]] = []

    def watch(self, page: Page) -> None:
        """Begin with a page."""
        page.on("console", self._console)
        page.on("pageerror", self._error)
        page.on("request", self._request)

    def expect(self, pattern: str) -> None:
        """Allow what a test provokes, such as a failed request."""
        self._expected.append(re.compile(pattern))

    def check(self) -> None:
        """Fail if something happened that was not expected."""
        wrong = [text for text in self._seen if not any(one.search(text) for one in self._expected)]
        assert not wrong, "\n".join(wrong)

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self._seen.append(f"console {message.type}: {message.text} ({message.location.get('url')})")

    def _error(self, error: Error) -> None:
        self._seen.append(f"uncaught: {error}")

    def _request(self, request: Request) -> None:
        if not request.url.startswith((self._server, *_OWN)):
            self._seen.append(f"request to {request.url}")
