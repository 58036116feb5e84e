"""What the victim owns, in every form in which it could show up in bytes that go to somebody else.

Each planted name holds a random word, so that finding it is never an accident. What the attacker sent itself may come back:
`found` is told what was sent."""

import base64
import secrets
import uuid


def word():
    """A legal name's part with 60 random bits."""
    return "zq" + secrets.token_hex(8)


class Needles:
    def __init__(self):
        self.items = []  # (what, bytes)

    def text(self, what, value):
        raw = value.encode()
        self.add(what, raw)
        self.add(f"{what}, UTF-16BE", value.encode("utf-16-be"))
        self.add(f"{what}, UTF-16LE", value.encode("utf-16-le"))
        self.coded(what, raw)

    def blob(self, what, raw):
        self.add(what, raw)
        self.coded(what, raw)

    def id(self, what, value):
        self.add(what, value.bytes)
        self.add(f"{what}, as text", str(value).encode())
        self.coded(what, value.bytes)

    def coded(self, what, raw):
        self.add(f"{what}, hex", raw.hex().encode())
        # base64 of something inside something longer: three alignments, without the ends that neighbours change
        for shift in range(3):
            inner = base64.b64encode(bytes(shift) + raw)[4 if shift else 0:]
            inner = inner.rstrip(b"=")[:-1]
            if len(inner) >= 8:
                self.add(f"{what}, base64", inner)
                self.add(f"{what}, base64url", inner.translate(bytes.maketrans(b"+/", b"-_")))

    def add(self, what, raw):
        if len(raw) >= 4 and (what, raw) not in self.items:
            self.items.append((what, raw))

    def found(self, received, sent):
        """What of it is in the bytes received and not in those sent."""
        return [what for what, raw in self.items if raw in received and raw not in sent]


class Victim:
    """Names of everything that is planted for one tenant."""

    def __init__(self, tenant):
        self.tenant = tenant
        self.topic, self.group, self.txn, self.user = "orders-" + word(), "billing-" + word(), "tx-" + word(), "user-" + word()
        self.consumer_group, self.share_group = "newgroup-" + word(), "workers-" + word()
        self.share_member = str(uuid.uuid4())
        # Never said by the attacker: nothing of these may come back from any api.
        self.hidden_topic, self.hidden_group, self.hidden_txn = "hidden-" + word(), "hidden-" + word(), "hidden-" + word()
        self.secret_record = b"payload-" + word().encode()
        self.topic_id = uuid.UUID(int=0)  # known after it was planted

    def physical(self, name):
        return f"{self.tenant}.{name}"

    def needles(self, cluster_id, more=()):
        n = Needles()
        for what in ("topic", "group", "consumer_group", "share_group", "txn", "user", "hidden_topic", "hidden_group", "hidden_txn"):
            n.text(f"the victim's {what}", getattr(self, what))
            n.text(f"the victim's {what}, physical", self.physical(getattr(self, what)))
        n.text("the victim's prefix", self.tenant + ".")
        n.id("the victim's topic id", self.topic_id)
        n.blob("the victim's record", self.secret_record)
        n.text("the physical cluster's id", cluster_id)
        for what, value in more:
            n.text(what, value)
        return n
