"""A client of docs/PROTOCOL.md in Python's standard library, driven by the commands of docs/CONFORMANCE.md:
npx chat-session conformance --client "python3 demo/clients/client.py" --only core"""
import base64, json, os, random, select, socket, struct, sys, time
from urllib.parse import urlsplit


def report(kind, **fields):
    print(json.dumps({"type": kind, **fields}), flush=True)


class Socket:
    """A WebSocket (RFC 6455) of text frames."""

    def __init__(self, endpoint):
        url, key = urlsplit(endpoint), base64.b64encode(os.urandom(16)).decode()
        self.socket = socket.create_connection((url.hostname, url.port or 80), timeout=10)
        self.socket.sendall(
            f"GET {url.path.rstrip('/')}/v1/session HTTP/1.1\r\nHost: {url.netloc}\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Protocol: chat-session.v1\r\n\r\n".encode()
        )
        self.bytes, self.parts = b"", b""
        while b"\r\n\r\n" not in self.bytes:
            self.receive()
        head, self.bytes = self.bytes.split(b"\r\n\r\n", 1)
        if not head.startswith(b"HTTP/1.1 101 "):
            raise ConnectionError(head.decode())

    def receive(self):
        chunk = self.socket.recv(65536)
        if not chunk:
            raise ConnectionError("lost")
        self.bytes += chunk

    def write(self, opcode, payload):
        mask, size = os.urandom(4), len(payload)
        length = struct.pack("!B", 128 | size) if size < 126 else struct.pack("!BH", 254, size)
        masked = bytes(byte ^ mask[index % 4] for index, byte in enumerate(payload))
        self.socket.sendall(bytes([128 | opcode]) + length + mask + masked)

    def frames(self):
        """Yields the frames that have arrived. A close raises its code."""
        while len(self.bytes) >= 2:
            size, start = self.bytes[1], 2
            if size > 125:
                start = 4 if size == 126 else 10
                size = int.from_bytes(self.bytes[2:start], "big") if len(self.bytes) >= start else 1 << 62
            if len(self.bytes) < start + size:
                return
            first, payload = self.bytes[0], self.bytes[start : start + size]
            self.bytes = self.bytes[start + size :]
            if first & 15 == 8:
                raise Closed(int.from_bytes(payload[:2], "big") or 1005)
            if first & 15 == 9:
                self.write(10, payload)
            elif first & 15 < 3:
                self.parts += payload
                if first & 128:
                    text, self.parts = self.parts.decode(), b""
                    yield json.loads(text)


class Closed(Exception):
    pass


class Session:
    def __init__(self, options):
        self.options, self.token = options, options.get("token")
        self.socket = self.resume = self.ended = None
        self.state = "starting"
        self.unanswered, self.failures, self.rejections = {}, 0, 0
        self.connect_at, self.send_at, self.ask_at = 0.0, None, None
        self.asking = self.fresh = False
        if not self.token and not options.get("guest"):
            self.ask()

    def go(self, state, **fields):
        self.state = state
        report("state", state=state, **fields)

    def over(self, code):
        self.socket = self.connect_at = None
        self.go("over", code=code)

    def ask(self):
        if not self.asking:
            self.asking, self.ask_at = True, None
            report("ask")

    def answer(self, token):
        self.asking = False
        if token is None:
            return self.over("signed-out")
        self.token, self.fresh = token, True
        if self.state == "active":
            self.send({"type": "token", "token": token})

    def send(self, frame):
        self.socket.write(1, json.dumps({k: v for k, v in frame.items() if v is not None}).encode())

    def tick(self):
        """Does what is due."""
        now = time.monotonic()
        if self.socket is None and not self.asking and self.connect_at is not None and self.connect_at <= now:
            self.connect()
        if self.state == "active" and self.ask_at is not None and self.ask_at <= now:
            self.ask()
        if self.state == "active" and self.send_at is not None and self.send_at <= now:
            self.send_at = None
            for frame in self.unanswered.values():
                self.send(frame)

    def connect(self):
        proof = {"token": self.token} if self.token else {"guest": True}
        start = {"type": "start", "appId": self.options["appId"], "userId": self.options.get("userId"), **proof}
        try:
            self.ended, self.socket = None, Socket(self.options["endpoint"])
            self.send({**start, "resume": self.resume, "client": "python/1"})
        except OSError:
            self.lost(1006)

    def read(self, received=True):
        try:
            if received:
                self.socket.receive()
            for frame in self.socket.frames():
                getattr(self, "on_" + frame["type"], lambda frame: None)(frame)
        except Closed as closed:
            self.lost(closed.args[0])
        except OSError:
            self.lost(1006)

    def lost(self, code):
        """The hundreds of the close code decide."""
        self.socket = None
        reason = self.ended or {"code": {4101: "unauthenticated", 4102: "token-expired"}.get(code, str(code))}
        if code == 1000 or code // 100 == 44 or code in (1002, 1003, 1007, 1008, 1009, 1010):
            return self.over(reason["code"])
        if code // 100 == 41:
            self.rejections += self.fresh
            if self.rejections == 2:
                return self.over(reason["code"])
            self.connect_at = 0.0
            self.ask()
        else:
            backoff = random.random() * min(30, 2 ** (self.failures - 1)) if self.failures else 0
            wait = reason["retryAfter"] / 1000 if "retryAfter" in reason else backoff
            self.connect_at, self.failures = time.monotonic() + wait, self.failures + 1
        if self.state == "active":
            self.go("reconnecting")

    def renew_in(self, lifetime):
        """Plans the question for a fresh token by the monotonic clock, at most a minute before the end."""
        self.ask_at = None if lifetime is None else time.monotonic() + (lifetime - min(60000, lifetime / 2)) / 1000

    def on_started(self, frame):
        known = self.resume and self.resume["epoch"] == frame["epoch"] and self.resume["offset"] <= frame["offset"]
        offset = self.resume["offset"] if known else 0 if self.resume else frame["offset"]
        if self.resume and frame["lost"]:
            report("lost")
        self.resume = {"key": frame["resumeKey"], "epoch": frame["epoch"], "offset": offset}
        self.token, self.fresh, self.send_at = frame.get("token", self.token), False, 0.0
        self.failures = self.rejections = 0
        self.renew_in(frame["expiresIn"])
        self.send({"type": "pong"})
        self.go("active")

    def on_ping(self, frame):
        self.send({"type": "pong"})

    def on_message(self, frame):
        if frame["offset"] > self.resume["offset"]:
            self.resume["offset"] = frame["offset"]
            report("message", message={k: v for k, v in frame.items() if k != "type"})

    def on_sent(self, frame):
        if self.unanswered.pop(frame["id"], None):
            report("sent", id=frame["id"], offset=frame["offset"])

    def on_refused(self, frame):
        if frame["re"] == "send" and frame["retryable"]:
            self.send_at = time.monotonic() + frame.get("retryAfter", 1000) / 1000
        elif frame["re"] == "send" and self.unanswered.pop(frame["id"], None):
            report("refused", re="send", id=frame["id"], code=frame["code"])
        elif frame["re"] == "token":
            self.ask()

    def on_renewed(self, frame):
        self.rejections = 0
        self.ask() if frame.get("reauth") else self.renew_in(frame["expiresIn"])

    def on_ended(self, frame):
        self.ended = frame

    def command(self, command):
        if command["type"] == "token":
            self.answer(command["token"])
        elif command["type"] == "send":
            self.unanswered[command["id"]] = command
            if self.state == "active" and self.send_at is None:
                self.send(command)
        elif command["type"] == "end" and self.state == "active":
            self.connect_at = None
            self.send({"type": "end"})
        elif command["type"] == "end":
            self.over("ended")


def main():
    session, commands = None, b""
    report("ready")
    while True:
        if session:
            session.tick()
        connected = session and session.socket
        readable, _, _ = select.select([sys.stdin.buffer, *([connected.socket] if connected else [])], [], [], 0.05)
        if connected and connected.socket in readable:
            session.read()
        if sys.stdin.buffer in readable:
            chunk = os.read(0, 65536)
            if not chunk:
                return
            *lines, commands = (commands + chunk).split(b"\n")
            for command in map(json.loads, lines):
                session = Session(command) if command["type"] == "start" else session.command(command) or session


main()
