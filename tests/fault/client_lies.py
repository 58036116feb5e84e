"""Clients on a port without TLS: what speaks no Kafka there, requests cut after every byte, changed in every byte."""
import os
import struct

import stage
from stage import TOPIC, Stage, ended, equal, kw, raw, round_trip, stack, true

LONG = bool(os.environ.get("FAULT_LONG"))
PLAIN_LISTENER = """\
  - name: plain
    bind: 127.0.0.1:{port}
    endpoint: port
    node.ports: {first}-{last}
    node.id.first: 1
    tenant: acme
"""


class Plain(Stage):
    """acme has a second port, without TLS."""

    def __init__(self):
        self.plain_port = stack.free_ports(3)
        super().__init__(config=lambda text: text.replace("  - name: hosts\n", PLAIN_LISTENER.format(
            port=self.plain_port, first=self.plain_port + 1, last=self.plain_port + 2) + "  - name: hosts\n"))

    def wire(self):
        w = kw.Wire("127.0.0.1", self.plain_port, record=False)
        return w.sasl("PLAIN", "alice", self.acme.password)


def check_no_kafka(s):
    """Other protocols' first words end the connection at once, for the reason that their first bytes are no size."""
    for data in (b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03" + b"r" * 500, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"\xff" * 100, b"\x80\0\0\0",
                 b"SSH-2.0-OpenSSH_9.2\r\n", b"\x7f\xff\xff\xff", b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n", struct.pack(">i", 16385)):
        with s.counted("frame_too_large"), raw(s.plain_port, data) as sock:
            true(f"{data[:20]!r}: closed at once", ended(sock, 2))
    for data in (b"\0\0\0\0", b"\0\0\0\x01\0", b"\0\0\0\x07" + b"\0\x12\0\3\0\0\0"):
        with s.counted("frame_malformed"), raw(s.plain_port, data) as sock:
            true(f"{data!r}: closed at once", ended(sock, 2))
    with s.counted("client_eof", "client_reset", n=20):
        for i in range(20):
            raw(s.plain_port, reset=bool(i % 2)).close()
    s.neighbour()


def request(api, version, value, number):
    return kw.frame(kw.request_header(api, version, number, "cut") + kw.encode(api, version, "request", value))


def requests(s):
    records = kw.batch([b"x" * 20])
    return [request("SaslHandshake", 1, {"Mechanism": "PLAIN"}, 1),
            request("SaslAuthenticate", 2, {"AuthBytes": b"\0alice\0" + s.acme.password.encode()}, 2),
            request("Metadata", 12, {"Topics": [{"Name": TOPIC}]}, 3),
            request("Produce", 9, {"Acks": -1, "TimeoutMs": 5000, "TopicData": [{"Name": TOPIC, "PartitionData": [{"Index": 0, "Records": records}]}]}, 4),
            request("Produce", 9, {"Acks": 0, "TimeoutMs": 5000, "TopicData": [{"Name": TOPIC, "PartitionData": [{"Index": 0, "Records": records}]}]}, 5),
            request("Fetch", 12, {"MaxWaitMs": 1, "MinBytes": 1, "MaxBytes": 1000, "SessionEpoch": -1, "Topics": [
                {"Topic": TOPIC, "Partitions": [{"Partition": 0, "PartitionMaxBytes": 100}]}]}, 6),
            request("FindCoordinator", 4, {"KeyType": 0, "CoordinatorKeys": ["g"]}, 7),
            request("JoinGroup", 9, {"GroupId": "g", "SessionTimeoutMs": 6000, "RebalanceTimeoutMs": 6000, "ProtocolType": "consumer",
                                     "Protocols": [{"Name": "range", "Metadata": b"\0\1\0\0\0\1\0\6orders\0\0\0\0"}]}, 8),
            request("OffsetCommit", 8, {"GroupId": "g", "Topics": [{"Name": TOPIC, "Partitions": [{"PartitionIndex": 0, "CommittedOffset": 1}]}]}, 9)]


def places(n, most):
    return range(n) if LONG or n <= most else sorted({int(i * n / most) for i in range(most)})


def check_cut(s):
    """All of a session's requests in one stream without waiting, cut after n bytes by FIN or RST."""
    data = b"".join(requests(s))
    ends = ("client_eof", "client_reset", "auth_timeout", "slow_sender")
    at = places(len(data) + 1, 80)
    with s.counted(*ends, n=2 * len(at)):
        for n in at:
            for reset in (False, True):
                raw(s.plain_port, data[:n], reset).close()
        s.neighbour()
    s.quiet()


def check_bytewise(s):
    """The same stream byte by byte is answered as always."""
    data = b"".join(requests(s))
    with raw(s.plain_port) as sock:
        sock.setsockopt(6, 1, 1)  # TCP_NODELAY
        for i in range(len(data)):
            sock.sendall(data[i:i + 1])
        sock.settimeout(5)
        got = b""
        for number in (1, 2, 3, 4, 6, 7, 8, 9):
            while len(got) < 4 or len(got) < 4 + struct.unpack(">i", got[:4])[0]:
                piece = sock.recv(65536)
                true("not closed", piece)
                got += piece
            size, found = struct.unpack(">ii", got[:8])
            equal("answers come in order", number, found)
            got = got[4 + size:]


def check_changed(s):
    """Each byte of each request behind the login set to what it should not be: an answer or an end, and nobody else notices."""
    login, rest = requests(s)[:2], requests(s)[2:]
    secret = b"globex"
    for one in rest:
        for at in places(len(one) - 4, 24):
            for value in (0xff, 0x7f) if LONG else (0xff if at % 2 else 0x7f,):
                changed = bytearray(one)
                changed[4 + at] = value
                with raw(s.plain_port, b"".join(login) + bytes(changed)) as sock:
                    sock.shutdown(1)
                    sock.settimeout(8)
                    got = b""
                    try:
                        while piece := sock.recv(65536):
                            got += piece
                    except ConnectionError:
                        pass
                    true("nothing of another tenant came", secret not in got)
        s.neighbour()
    s.quiet()


def check_many_names(s):
    """A request near the frame's limit, of a million empty things: answered or refused, and memory comes back."""
    before = s.memory()[0]
    for body in (b"\0\x0f\x42\x40" + b"\0\0" * 1000000,  # a million topics of no name
                 b"\x7f\xff\xff\xff" + b"\0" * 100000, b"\xff\xff\xff\xfe"):
        with s.wire() as w:
            w.send("Metadata", 1, body=body)
            try:
                w.receive()
            except kw.WireError:
                pass
        s.neighbour()
    after = s.memory()[0]
    print(f"    resident {before // 1024} MiB before, {after // 1024} MiB after", flush=True)
    s.quiet()


CHECKS = (check_no_kafka, check_cut, check_bytewise, check_changed, check_many_names)
make = Plain
