"""What clients of a tenant were told, searched for what belongs to others.

Raw clients (kafkawire.Wire) remember what they received. Builds with a sanitizer write down what the gateway told every client
(gateway/proxy/tap.h), so those of libraries are searched as well."""
import struct
import threading


class Told:
    """What one connection said and was told; pieces of bytes."""

    def __init__(self, tenant="", said=(), told=()):
        self.tenant, self.said, self.told = tenant, list(said), list(told)


def tapped(path):
    """One connection out of the file that the gateway wrote. What came before the login is of whoever logged in."""
    data, at, x = path.read_bytes(), 0, Told()
    while at + 2 <= len(data):
        way, n = data[at:at + 1], data[at + 1]
        tenant, at = data[at + 2:at + 2 + n].decode(), at + 2 + n
        size = struct.unpack(">I", data[at:at + 4])[0]
        (x.said if way == b"i" else x.told).append(data[at + 4:at + 4 + size])
        at += 4 + size
        x.tenant = tenant or x.tenant
    return x


BASE64 = set(b"abcdefghijklmnopqrstuvwxyz0123456789+/")


def by_chance(lower, at, n):
    """A few letters in the midst of base64, as each login's proofs are: once in a million places it spells a tenant. Names that are told
    end at a dot, a length or a blank."""
    return n < 8 and 0 < at and at + n < len(lower) and lower[at - 1] in BASE64 and lower[at + n] in BASE64


class Judge:
    """At the end nothing of what the clients of a tenant were told may hold anything of somebody else."""

    def __init__(self, domains, taps=None):
        """domains: of the hosts that clients are told. taps: the folder with what the gateway wrote down; it need not be there."""
        self.lock, self.wires, self.forbidden, self.allowed, self.taps = threading.Lock(), [], {}, {}, taps
        self.domains = tuple(d.encode() for d in domains)

    def watch(self, tenant, wire):
        with self.lock:
            self.wires.append((tenant, wire))

    def forbid(self, tenant, *marks):
        """Bytes or texts that this tenant's clients must never see, in upper or lower case."""
        with self.lock:
            self.forbidden.setdefault(tenant, set()).update(m.encode() if isinstance(m, str) else m for m in marks)

    def allow(self, tenant, mark):
        """What was shared with it."""
        with self.lock:
            self.allowed.setdefault(tenant, set()).add(mark)

    def verdict(self):
        """-> what was found: lines for people. Forgets what it has looked at."""
        with self.lock:
            wires, self.wires = self.wires, []
        all_of_them = [Told(tenant, wire.sent, wire.received) for tenant, wire in wires] + self.take_taps()
        return [line for tenant, marks in sorted(self.forbidden.items())
                for line in self.search(tenant, marks - self.allowed.get(tenant, set()), [x for x in all_of_them if x.tenant == tenant])]

    def take_taps(self):
        found = []
        for path in sorted(self.taps.iterdir()) if self.taps and self.taps.exists() else ():
            found.append(tapped(path))
            path.unlink()
        return found

    def search(self, tenant, marks, connections):
        """All at once first: mostly nothing is there."""
        whole = b"\xff\xfe".join(piece for x in connections for piece in x.told)
        lower = whole.lower()
        for mark in marks:
            if self.find(mark, whole, lower) < 0:
                continue
            for x in connections:
                hits = [raw for raw in x.told if self.find(mark, raw, raw.lower()) >= 0]
                # What a client named itself may come back to it.
                if hits and not any(self.find(mark, raw, raw.lower()) >= 0 for raw in x.said):
                    at = self.find(mark, hits[0], hits[0].lower())
                    yield f"{tenant} received {mark!r}: ...{hits[0][max(0, at - 60):at + 80]!r}..."

    def find(self, mark, raw, lower):
        if len(mark) == 16:
            return raw.find(mark)
        at, mark = -1, mark.lower()
        # Its own name stands before a dot in the host names that it is told.
        while (at := lower.find(mark, at + 1)) >= 0 and (lower.startswith(tuple(mark + d for d in self.domains), at) or
                                                         by_chance(lower, at, len(mark))):
            pass
        return at
