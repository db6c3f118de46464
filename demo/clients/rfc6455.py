"""A WebSocket of text frames (RFC 6455) in Python's standard library. A client of yours may have a package for it."""
import asyncio, base64, json, os, struct
from urllib.parse import urlsplit


class Closed(Exception):
    """Has the close code."""


class Socket:
    writer = None

    async def open(self, endpoint):
        url, key = urlsplit(endpoint), base64.b64encode(os.urandom(16)).decode()
        self.reader, self.writer = await asyncio.open_connection(url.hostname, url.port or 80)
        request = [f"GET {url.path.rstrip('/')}/v1/session HTTP/1.1", f"Host: {url.netloc}", "Upgrade: websocket"]
        request += ["Connection: Upgrade", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Protocol: chat-session.v1"]
        self.writer.write("\r\n".join([*request, f"Sec-WebSocket-Key: {key}", "", ""]).encode())
        head = await self.reader.readuntil(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 101 "):
            raise ConnectionError(head.decode())

    def close(self):
        if self.writer:
            self.writer.close()

    def write(self, opcode, payload):
        mask, size = os.urandom(4), len(payload)
        length = struct.pack("!B", 128 | size) if size < 126 else struct.pack("!BH", 254, size)
        masked = bytes(byte ^ mask[index % 4] for index, byte in enumerate(payload))
        self.writer.write(bytes([128 | opcode]) + length + mask + masked)

    async def frames(self):
        """Yields each frame. A close raises its code."""
        text = b""
        while True:
            first, size = await self.reader.readexactly(2)
            if size > 125:
                size = int.from_bytes(await self.reader.readexactly(2 if size == 126 else 8), "big")
            payload = await self.reader.readexactly(size)
            if first & 15 == 8:
                self.write(8, payload)
                raise Closed(int.from_bytes(payload[:2], "big") or 1005)
            if first & 15 == 9:
                self.write(10, payload)
            elif first & 15 < 3:
                text += payload
                if first & 128:
                    yield json.loads(text)
                    text = b""
