"""TLS towards the broker, cut after every byte, changed, delivered byte by byte, or not spoken at all."""
import asyncio
import contextlib

import lies
from cuts import all_of, exchange, places
from relay import Relay
from stage import TOPIC, VICTIM, Stage, equal, kw, round_trip, stack, true


def ready(s):
    return s.gateway.ops("/readyz")[0] == 200


class Between(Stage):
    """A broker with TLS behind a relay; the gateway knows only the relay."""

    def __init__(self):
        super().__init__(tls=True, config=self.edit)

    def edit(self, text):
        self.relay = Relay(self.broker.port).__enter__()
        self.broker.advertised = self.relay.port
        return text.replace(f"127.0.0.1:{self.broker.port}", f"127.0.0.1:{self.relay.port}").replace(
            "metadata.refresh.ms: 1000", "metadata.refresh.ms: 500\n  connect.timeout.ms: 1000\n  request.timeout.ms: 2000")

    def __exit__(self, *exc):
        super().__exit__(*exc)
        self.relay.__exit__(None, None, None)


def check_cut(s):
    """Each new connection to the broker is cut after n bytes: the client's ends with it, the gateway comes to itself."""
    true("whole", exchange(s.acme))
    sizes = dict(s.relay.passed)
    print(f"    {sizes['up']} bytes to the broker, {sizes['down']} back", flush=True)
    for way in (Relay.UP, Relay.DOWN):
        for how in ("fin", "rst"):
            cuts = [lambda n=n: setattr(s.relay, "cut", (way, n, how)) for n in places(sizes[way], 16)]
            went = all_of(s.acme, s.relay, cuts)
            true(f"{sum(went)} of {len(went)} went on", sum(went) <= 2 + len(went) // 4)
            s.neighbour_soon()
            stack.wait_until("ready", lambda: ready(s), 15)
    s.quiet()


def check_flip(s):
    true("whole", exchange(s.acme))
    sizes = dict(s.relay.passed)
    for way in (Relay.UP, Relay.DOWN):
        went = all_of(s.acme, s.relay, [lambda n=n: setattr(s.relay, "flip", (way, n)) for n in places(sizes[way] - 32, 16)], 0.4)
        true(f"{sum(went)} of {len(went)} went on", sum(went) <= 2 + len(went) // 10)
        s.neighbour_soon()
        stack.wait_until("ready", lambda: ready(s), 15)
    s.quiet()


def check_bytewise(s):
    s.relay.drip = True
    with s.acme.wire(record=False) as w:
        round_trip(w)
    s.relay.honest()


def check_no_tls(s):
    """The broker's port answers, but no TLS: words of Kafka, of HTTP, an alert, the end, nothing."""
    async def talk(reader, writer, data):
        writer.write(data)
        with contextlib.suppress(OSError):
            await writer.drain()
            await reader.read(1000)
        writer.close()
    for data in (b"\0\0\0\x10" + b"\0" * 16, b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\x15\x03\x03\0\x02\x02\x28", b""):
        server = s.broker.call(asyncio.start_server(lambda r, w, d=data: talk(r, w, d), "127.0.0.1", 0))
        s.relay.target = server.sockets[0].getsockname()[1]
        with s.counted("upstream_connect", "upstream_eof"), s.acme.wire(record=False) as w:
            w.send("Metadata", 12, {"Topics": [{"Name": TOPIC}]})
            true(f"{data!r}: closed", w.closed_by_peer(6))
        s.relay.target = s.broker.port
        s.broker.loop.call_soon_threadsafe(server.close)
        s.neighbour_soon()


def check_lies(s):
    """A few lies, inside TLS."""
    for lie, reason in ((lies.cut, "upstream_eof"), (lies.wrong_id, "upstream_order"), (lies.garbage_body, "upstream_malformed"),
                        (lies.reset, "upstream_eof"), (lies.hang_up, "upstream_eof")):
        with s.counted(reason), s.victim() as w:
            round_trip(w)
            s.broker.lie(VICTIM, lie)
            w.send("Metadata", 12, {"Topics": [{"Name": TOPIC}]})
            true("closed", w.closed_by_peer(5))
        s.broker.honest()
    s.neighbour_soon()


CHECKS = (check_cut, check_flip, check_bytewise, check_no_tls, check_lies)
make = Between
