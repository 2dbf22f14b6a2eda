"""As much of an IDE as it takes to stop at a line: a client of the Debug Adapter Protocol."""

from __future__ import annotations

import json
import socket
import time
from pathlib import Path
from typing import Any

_SECONDS = 60.0
Message = dict[str, Any]


class DapClient:
    """Attached to a debugpy."""

    def __init__(self, port: int) -> None:
        """Connect; waits until somebody listens."""
        end = time.monotonic() + _SECONDS
        while True:
            try:
                self._socket = socket.create_connection(("127.0.0.1", port), timeout=_SECONDS)
                break
            except ConnectionRefusedError:
                assert time.monotonic() < end, f"nobody listens on port {port}"
                time.sleep(0.1)
        self._stream = self._socket.makefile("rb")
        self._number = 0
        self._events: list[Message] = []

    def __enter__(self) -> DapClient:
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.close()
        self._socket.close()

    def attach(self, local: Path, remote: str, breakpoints: dict[str, list[int]]) -> None:
        """Attach with breakpoints: file name -> lines."""
        self.ask("initialize", adapterID="debugpy", pathFormat="path")
        mapping = [{"localRoot": str(local), "remoteRoot": remote}]
        attaching = self._send("attach", {"pathMappings": mapping, "justMyCode": True})
        self.event("initialized")
        for name, lines in breakpoints.items():
            wanted = [{"line": line} for line in lines]
            told = self.ask("setBreakpoints", source={"path": str(local / name)}, breakpoints=wanted)
            assert all(one["verified"] for one in told["breakpoints"]), told
        self.ask("configurationDone")
        self._answer(attaching)

    def stopped_variables(self) -> tuple[str, int, dict[str, str]]:
        """Wait until it has stopped; returns function, line, and local variables."""
        thread = self.event("stopped")["threadId"]
        frame = self.ask("stackTrace", threadId=thread)["stackFrames"][0]
        scope = self.ask("scopes", frameId=frame["id"])["scopes"][0]
        variables = self.ask("variables", variablesReference=scope["variablesReference"])["variables"]
        return frame["name"], frame["line"], {one["name"]: one["value"] for one in variables}

    def go_on(self) -> None:
        self.ask("continue", threadId=1)

    def ask(self, command: str, **arguments: Any) -> Message:
        """The body of the answer to a request."""
        return self._answer(self._send(command, arguments))

    def event(self, name: str) -> Message:
        """Wait for an event; returns its body."""
        while True:
            for event in self._events:
                if event["event"] == name:
                    self._events.remove(event)
                    return dict(event.get("body", {}))
            self._keep(self._receive())

    def _send(self, command: str, arguments: Message) -> int:
        self._number += 1
        request = {"seq": self._number, "type": "request", "command": command, "arguments": arguments}
        content = json.dumps(request).encode()
        self._socket.sendall(b"Content-Length: %d\r\n\r\n" % len(content) + content)
        return self._number

    def _answer(self, number: int) -> Message:
        while True:
            message = self._receive()
            if message["type"] == "response" and message["request_seq"] == number:
                assert message["success"], message
                return dict(message.get("body") or {})
            self._keep(message)

    def _keep(self, message: Message) -> None:
        if message["type"] == "event":
            self._events.append(message)

    def _receive(self) -> Message:
        length = 0
        while (line := self._stream.readline()) != b"\r\n":
            assert line, "the debugger has closed the connection"
            name, _, value = line.decode().partition(":")
            if name.lower() == "content-length":
                length = int(value)
        message: Message = json.loads(self._stream.read(length))
        return message
