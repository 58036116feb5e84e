"""TLS on both sides, cut after every byte, changed in every byte, delivered byte by byte."""
import concurrent.futures
import contextlib
import os

from relay import Relay
from stage import TOPIC, Stage, equal, kw, round_trip, stack, true

LONG = bool(os.environ.get("FAULT_LONG"))
MOST = 40  # of each kind, in the short form
CLIENT_REASONS = ("tls_handshake", "tls_record", "tls_truncated", "client_eof", "client_reset", "handshake_timeout", "auth_timeout", "slow_sender")


def exchange(tenant, patience_s=None):
    """A small whole session. -> did it go to its end? patience_s: after that long in silence the client goes."""
    try:
        with tenant.wire(record=False, timeout=patience_s or 8) as w:
            w.request("Metadata", 12, {"Topics": [{"Name": TOPIC}]})
            w.request("ListOffsets", 7, {"Topics": [{"Name": TOPIC, "Partitions": [{"PartitionIndex": 0, "Timestamp": -1}]}]})
            with contextlib.suppress(OSError):
                w.sock.unwrap()
            return True
    except (OSError, kw.WireError, KeyError, IndexError, ValueError) as e:
        true("ended, not stuck", patience_s or not isinstance(e, TimeoutError))
        return False


def places(n, most=MOST):
    return range(n) if LONG or n <= most else sorted({int(i * n / most) for i in range(most)} | set(range(6)) | {n - 1})


def all_of(tenant, relay, attempts, patience_s=None):
    """Each attempt sets the relay up, then an exchange runs, in a thread of its own: what OpenSSL remembers there of a
    failure befalls nobody else."""
    def one(setup):
        setup()
        return exchange(tenant, patience_s)
    try:
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            return [pool.submit(one, a).result() for a in attempts]
    finally:
        relay.honest()


def check_client_cut(s):
    """A client's connection cut after each byte of either direction, by FIN and by RST."""
    with Relay(s.gateway.ports["acme"]) as relay:
        tenant = s.acme.but(port=relay.port)
        true("through the relay", exchange(tenant))
        sizes = dict(relay.passed)
        print(f"    {sizes['up']} bytes to the gateway, {sizes['down']} back", flush=True)
        for way in (Relay.UP, Relay.DOWN):
            for how in ("fin", "rst"):
                cuts = [lambda n=n: setattr(relay, "cut", (way, n, how)) for n in places(sizes[way])]
                with s.counted(*CLIENT_REASONS, n=len(cuts)):
                    went = all_of(tenant, relay, cuts)
                    true("those that were cut late only went on", sum(went) <= 2 + len(went) // 4)
                s.neighbour()
        true("through the relay again", exchange(tenant))
    s.quiet()


def check_client_flip(s):
    """One bit of a client's ciphertext changed: the connection ends, nothing else happens."""
    with Relay(s.gateway.ports["acme"]) as relay:
        tenant = s.acme.but(port=relay.port)
        true("through the relay", exchange(tenant))
        for way in (Relay.UP, Relay.DOWN):
            flips = [lambda n=n: setattr(relay, "flip", (way, n)) for n in places(relay.passed[way] - 64)]
            with s.counted(*CLIENT_REASONS, n=len(flips)):
                went = all_of(tenant, relay, flips, 0.4)  # a length that grew is waited for, by both
            # A session id that nobody compares, the legacy version of a record: there are bits that mean nothing.
            true(f"{sum(went)} of {len(went)} went on", sum(went) <= len(went) // 10)
            true("through the relay again", exchange(tenant))
            s.neighbour()
    s.quiet()


def check_bytewise(s):
    """A session that comes and goes byte by byte is a session."""
    with Relay(s.gateway.ports["acme"]) as relay:
        relay.drip = True
        with s.acme.but(port=relay.port).wire(record=False) as w:
            round_trip(w)
    s.quiet()


CHECKS = (check_client_cut, check_client_flip, check_bytewise)
make = Stage
