"""States of pages, which a notebook can read and change."""

from threading import Lock

from cachetools import LRUCache

from vulneuron.server.broadcast import Broadcast
from vulneuron.server.dto import SessionState


class Sessions:
    """States of pages by session.

    Parameters
    ----------
    most
        Largest number of sessions; the least recently used ones are closed and removed.
    """

    def __init__(self, most: int = 256) -> None:
        self._sessions = _OpenSessions(most)
        self._closed = False
        self._lock = Lock()

    def __getitem__(self, name: str) -> Broadcast[SessionState]:
        """State of a session, which is opened when it is first used."""
        with self._lock:
            session = self._sessions[name]
            if self._closed:
                session.close()
            return session

    def close(self) -> None:
        """Close all sessions, which ends their streams."""
        with self._lock:
            self._closed = True
            for session in self._sessions.values():
                session.close()


class _OpenSessions(LRUCache[str, Broadcast[SessionState]]):
    def __missing__(self, name: str) -> Broadcast[SessionState]:
        session = self[name] = Broadcast(SessionState())
        return session

    def popitem(self) -> tuple[str, Broadcast[SessionState]]:
        name, session = super().popitem()
        session.close()
        return name, session
