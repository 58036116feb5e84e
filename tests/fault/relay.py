"""A relay that does to a stream of bytes what networks do: cuts it after any byte, delivers it byte by byte, changes a bit."""
import asyncio
import socket
import struct
import threading


class Cut(Exception):
    pass


class Relay:
    """Between whoever connects to .port and a port of this host. UP is towards that, DOWN back.

    .cut = (direction, n, "fin" or "rst")   of each new connection: after n bytes both sides end
    .flip = (direction, n)                  the lowest bit of the n-th byte is another one
    .drip = True                            each byte by itself
    .passed                                 {direction: bytes} of the last connection
    """
    UP, DOWN = "up", "down"

    def __init__(self, target):
        self.target, self.tasks = target, set()
        self.honest()

    def honest(self):
        self.cut = self.flip = None
        self.drip = False

    def __enter__(self):
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()
        self.server = asyncio.run_coroutine_threadsafe(asyncio.start_server(self.serve, "127.0.0.1", 0, backlog=500), self.loop).result(10)
        self.port = self.server.sockets[0].getsockname()[1]
        return self

    async def close_all(self):
        self.server.close()
        tasks = list(self.tasks)
        for t in tasks:
            t.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def __exit__(self, *exc):
        asyncio.run_coroutine_threadsafe(self.close_all(), self.loop).result(10)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(5)

    async def serve(self, reader, writer):
        task = asyncio.current_task()
        self.tasks.add(task)
        try:
            await self.connected(reader, writer)
        except asyncio.CancelledError:
            pass
        finally:
            self.tasks.discard(task)
            writer.close()

    async def connected(self, reader, writer):
        cut, flip, drip = self.cut, self.flip, self.drip
        try:
            there_reader, there_writer = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            return
        self.passed = passed = {self.UP: 0, self.DOWN: 0}
        pumps = [asyncio.ensure_future(p) for p in (self.pump(self.UP, reader, there_writer, cut, flip, drip, passed),
                                                    self.pump(self.DOWN, there_reader, writer, cut, flip, drip, passed))]
        cut_off = False
        try:
            done, _ = await asyncio.wait(pumps, return_when=asyncio.FIRST_EXCEPTION)
            cut_off = any(isinstance(t.exception(), Cut) for t in done)
        finally:
            self.end(pumps, (writer, there_writer), cut_off and cut)

    @staticmethod
    def end(pumps, writers, cut):
        for t in pumps:
            t.cancel()
        for w in writers:
            if cut and cut[2] == "rst":
                w.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                w.transport.abort()
            else:
                w.close()

    async def pump(self, way, reader, writer, cut, flip, drip, passed):
        mine = cut is not None and cut[0] == way
        if mine and cut[1] == 0:
            raise Cut
        while data := await reader.read(65536):
            if mine:
                data = data[:cut[1] - passed[way]]
            if flip is not None and flip[0] == way and passed[way] <= flip[1] < passed[way] + len(data):
                changed = bytearray(data)
                changed[flip[1] - passed[way]] ^= 1
                data = bytes(changed)
            passed[way] += len(data)
            for i in range(0, len(data), 1 if drip else len(data)):
                writer.write(data[i:i + 1] if drip else data)
                await writer.drain()
                if drip:
                    await asyncio.sleep(0)
            if mine and passed[way] >= cut[1]:
                raise Cut
        writer.write_eof()
