"""A client of docs/PROTOCOL.md in Python's standard library, driven by the commands of packages/conformance/README.md:
npx chat-session-conformance --client "python3 demo/clients/client.py" --only core"""
import asyncio, json, random, sys
from rfc6455 import Closed, Socket


def report(kind, **fields):
    print(json.dumps({"type": kind, **fields}), flush=True)


class Session:
    def __init__(self, options):
        self.options, self.token, self.fresh = options, options.get("token"), False
        self.state, self.unanswered, self.failures, self.rejections = "starting", {}, 0, 0
        self.socket = self.resume = self.ended = self.answer = self.retry = self.renewal = None
        self.task = asyncio.create_task(self.run())

    def go(self, state, **fields):
        self.state = state
        report("state", state=state, **fields)

    def over(self, code):
        self.go("over", code=code)
        self.task.cancel()

    def ask(self):
        if not self.answer:
            self.answer = asyncio.get_running_loop().create_future()
            report("ask")

    def send(self, **frame):
        self.socket.write(1, json.dumps({k: v for k, v in frame.items() if v is not None}).encode())

    def send_unanswered(self):
        self.retry = None
        for frame in self.unanswered.values():
            self.send(**frame)

    async def run(self):
        """Connects until the session is over."""
        if not self.token and not self.options.get("guest"):
            self.ask()
        while self.state != "over":
            if self.answer:
                await self.answer
            self.socket, self.ended, code = Socket(), None, 1006
            try:
                await asyncio.wait_for(self.socket.open(self.options["endpoint"]), 10)
                proof = {"token": self.token} if self.token else {"guest": True}
                user = {"appId": self.options["appId"], "userId": self.options.get("userId"), **proof}
                self.send(type="start", **user, resume=self.resume, client="python/1")
                async for frame in self.socket.frames():
                    getattr(self, "on_" + frame["type"], lambda frame: None)(frame)
            except Closed as closed:
                code = closed.args[0]
            except (OSError, EOFError, asyncio.TimeoutError):
                pass
            finally:
                self.socket.close()
            await asyncio.sleep(self.lost(code))

    def lost(self, code):
        """The hundreds of the close code decide. Returns the seconds up to the next attempt."""
        for timer in filter(None, (self.retry, self.renewal)):
            timer.cancel()
        reason = self.ended or {"code": {4101: "unauthenticated", 4102: "token-expired"}.get(code, str(code))}
        self.rejections += code // 100 == 41 and self.fresh
        if code in (1000, 1002, 1003, 1007, 1008, 1009, 1010) or code // 100 == 44 or self.rejections == 2:
            self.over(reason["code"])
        elif self.state == "active":
            self.go("reconnecting")
        if code // 100 == 41 and self.state != "over":
            self.ask()
            return 0
        backoff = random.random() * min(30, 2 ** (self.failures - 1)) if self.failures else 0
        self.failures += 1
        return reason["retryAfter"] / 1000 if "retryAfter" in reason else backoff

    def renew_in(self, lifetime):
        """Plans the question for a fresh token, at most a minute before the end. The loop's clock is monotonic."""
        if lifetime is not None:
            wait = (lifetime - min(60000, lifetime / 2)) / 1000
            self.renewal = asyncio.get_running_loop().call_later(wait, self.ask)

    def on_started(self, frame):
        known = self.resume and self.resume["epoch"] == frame["epoch"] and self.resume["offset"] <= frame["offset"]
        offset = self.resume["offset"] if known else 0 if self.resume else frame["offset"]
        if self.resume and frame["lost"]:
            report("lost")
        self.resume = {"key": frame["resumeKey"], "epoch": frame["epoch"], "offset": offset}
        self.token, self.fresh, self.failures, self.rejections = frame.get("token", self.token), False, 0, 0
        self.renew_in(frame["expiresIn"])
        self.send(type="pong")
        self.go("active")
        self.send_unanswered()

    def on_ping(self, frame):
        self.send(type="pong")

    def on_message(self, frame):
        if frame["offset"] > self.resume["offset"]:
            self.resume["offset"] = frame["offset"]
            report("message", message={k: v for k, v in frame.items() if k != "type"})

    def on_sent(self, frame):
        if self.unanswered.pop(frame["id"], None):
            report("sent", id=frame["id"], offset=frame["offset"])

    def on_refused(self, frame):
        if frame["re"] == "send" and frame["retryable"] and not self.retry:
            wait = frame.get("retryAfter", 1000) / 1000
            self.retry = asyncio.get_running_loop().call_later(wait, self.send_unanswered)
        elif frame["re"] == "send" and not frame["retryable"] and self.unanswered.pop(frame["id"], None):
            report("refused", re="send", id=frame["id"], code=frame["code"])
        elif frame["re"] == "token":
            self.ask()

    def on_renewed(self, frame):
        self.rejections = 0
        self.ask() if frame.get("reauth") else self.renew_in(frame["expiresIn"])

    def on_ended(self, frame):
        self.ended = frame

    def on_command(self, command):
        kind = command["type"]
        if kind == "token" and command["token"] is None:
            self.over("signed-out")
        elif kind == "token":
            self.token, self.fresh = command["token"], True
            self.answer.set_result(None)
            self.answer = None
            if self.state == "active":
                self.send(type="token", token=self.token)
        elif kind == "send":
            self.unanswered[command["id"]] = command
            if self.state == "active" and not self.retry:
                self.send(**command)
        elif kind == "end":
            self.send(type="end") if self.state == "active" else self.over("ended")


async def main():
    session, commands = None, asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(commands), sys.stdin)
    report("ready")
    async for command in commands:
        command = json.loads(command)
        session = Session(command) if command["type"] == "start" else session.on_command(command) or session


asyncio.run(main())
