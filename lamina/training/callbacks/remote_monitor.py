"""`RemoteMonitor`: the logs of each epoch, sent to a server."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode, urlsplit

from lamina.core import errors
from lamina.training.callbacks.base import Callback, Logs

_SECONDS = 2.0  # that a server may take for an epoch


class RemoteMonitor(Callback):
    """Send the epoch and its logs to a server by HTTP POST, as JSON: {"epoch": 0, "loss": 0.5}.

    A server that is not there, does not answer within 2 seconds or refuses is told of once, in a warning; training goes
    on, and the next epoch is sent again.

    Args:
        root: Address of the server, http or https. Default "http://localhost:9000".
        path: Path on it. Default "/publish/epoch/end/".
        field: Name of the form's field that holds the JSON; not used with `send_as_json`. Default "data".
        headers: Dict of further HTTP headers, or None.
        send_as_json: Whether the JSON is the body (application/json) instead of a form's field. Default False.

    Raises:
        ValueError: a root that is no http or https address.

    Differs from Keras: it needs no other package; NaN and infinity are sent as null, which is JSON, arrays as lists;
    there is a time limit; one warning, and also for a server that answers with an error.

    Example:
        >>> RemoteMonitor("http://localhost:9000", send_as_json=True).url
        'http://localhost:9000/publish/epoch/end/'
    """

    def __init__(
        self,
        root: str = "http://localhost:9000",
        path: str = "/publish/epoch/end/",
        field: str = "data",
        headers: Mapping[str, str] | None = None,
        send_as_json: bool = False,
    ) -> None:
        address = urlsplit(root) if isinstance(root, str) else None
        if address is None or address.scheme not in ("http", "https") or not address.hostname:
            raise ValueError(
                f"RemoteMonitor: root: expected an address such as 'http://localhost:9000', received {root!r}."
            )
        self.root, self.path, self.field = root, path, field
        self.headers = headers
        self.send_as_json = send_as_json
        self._warned = False

    @property
    def url(self) -> str:
        """Where the logs go."""
        return self.root + self.path

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Forget the failures of the training before."""
        self._warned = False

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Send the epoch's logs."""
        text = json.dumps({"epoch": epoch, **{name: _sent(value) for name, value in (logs or {}).items()}})
        if self.send_as_json:
            failure = self._post(text, "application/json")
        else:
            failure = self._post(urlencode({self.field: text}), "application/x-www-form-urlencoded")
        if failure is not None and not self._warned:
            self._warned = True
            errors.warn_user(
                f"RemoteMonitor: {self.url} did not take the logs of epoch {epoch + 1} ({failure}). Training goes on, "
                "and so do the attempts; there will be no further warning."
            )

    def _post(self, body: str, kind: str) -> str | None:
        """Send a body; returns what went wrong, if anything did."""
        import http.client  # these take time to load, and few trainings need them
        import urllib.error
        import urllib.request

        headers = {"Content-Type": kind, **(self.headers or {})}
        try:
            request = urllib.request.Request(self.url, body.encode(), headers)
            with urllib.request.urlopen(request, timeout=_SECONDS):
                return None
        except urllib.error.HTTPError as error:
            error.close()
            return str(error)
        except (OSError, http.client.HTTPException, ValueError) as error:
            return str(error) or type(error).__name__


def _sent(value: Any) -> Any:
    """A value in JSON's types."""
    value = value.tolist() if hasattr(value, "tolist") else value
    if isinstance(value, (list, tuple)):
        return [_sent(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if value is None or isinstance(value, (bool, int, float, str)) else str(value)
