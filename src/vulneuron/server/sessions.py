"""What pages show, so that a notebook can read it and set it."""

from collections import OrderedDict
from threading import Lock

from vulneuron.server.broadcast import Broadcast
from vulneuron.server.dto import SessionState

_MOST = 256


class Sessions:
    """States by session; those that were not used the longest are forgotten first."""

    def __init__(self) -> None:
        self._sessions: OrderedDict[str, Broadcast[SessionState]] = OrderedDict()
        self._closed = False
        self._lock = Lock()

    def __getitem__(self, name: str) -> Broadcast[SessionState]:
        """State of a session, which begins with its first use."""
        with self._lock:
            session = self._sessions.setdefault(name, Broadcast(SessionState()))
            self._sessions.move_to_end(name)
            if len(self._sessions) > _MOST:
                _, oldest = self._sessions.popitem(last=False)
                oldest.close()
            if self._closed:
                session.close()
            return session

    def close(self) -> None:
        """Let all watchers go."""
        with self._lock:
            self._closed = True
            for session in self._sessions.values():
                session.close()
