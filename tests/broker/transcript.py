"""What one side of a comparison was asked and has answered, with everything un-mapped that may be another on the other side: ids by
what they are of, addresses, uuids inside of texts, producer ids, sessions, times. What is left has to be the same."""
import re
import uuid

from runner import kw, stack

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
PASSING = {6, 14, 15, 16, 51}  # a leader or coordinator that is not yet one, a transaction that still ends
NAMES = ("Name", "Topic", "TopicName", "GroupId", "TransactionalId", "ResourceName")
LISTS = {"Topics", "Groups", "TransactionStates", "ConfigResources"}
PRODUCERS = {"ProducerId", "OngoingTxnProducerId"}
SETTLED_MAX_S = 30


def fit(codec, value):
    """The value without what this version of the message does not have."""
    if isinstance(codec, kw.ArrayCodec) and value is not None:
        return [fit(codec.element, v) for v in value]
    if isinstance(codec, kw.NullableCodec):
        return fit(codec.inner, value)
    if isinstance(codec, kw.StructCodec) and value is not None:
        inner = dict(codec.plain) | dict(codec.tagged.values())
        return {k: fit(inner[k], v) for k, v in value.items() if k in inner}
    return value


def codes(reply):
    return {v for p, v in kw.leaves(reply) if p.endswith("ErrorCode")}


class Side:
    """tenant: where it connects. addresses: {(host, port): node id} of its brokers. ranges: {api: (lowest, highest version)} to be
    asked. mine: what names of this comparison begin with, where other things may be listed as well; else None."""

    def __init__(self, name, tenant, addresses, ranges, mine=None):
        self.name, self.tenant, self.addresses, self.ranges, self.mine = name, tenant, addresses, ranges, mine
        self.asked = set()  # the texts of the request
        self.lines, self.words = [], {uuid.UUID(int=0): "no id", -1: -1}
        self.wire = tenant.wire(client_id="differ")

    def close(self):
        self.wire.close()

    # ---- asking

    def ask(self, api, value, version=None, wire=None, until=None, note=True, label=""):
        """Asks until the answer is none of those that pass, and until(answer); notes it. -> the answer as it came"""
        version = self.ranges[api][1] if version is None else version
        self.asked = {v for _, v in kw.leaves(value) if isinstance(v, str)}
        value, w = fit(kw.schemas().codec(f"{api}Request", version), value), wire or self.wire

        def answer():
            reply = w.request(api, version, value)
            return None if codes(reply) & PASSING or (until and not until(reply)) else [reply]
        reply = stack.wait_until(f"{self.name}: {api} v{version} {value} is answered for good", answer, SETTLED_MAX_S)[0]
        if note:
            self.note(f"{api} v{version} {label}".strip(), reply)
        return reply

    def every(self, api, value, low=0, high=99, **more):
        """In each version that both sides have; value may be a function of it. -> the last answer"""
        lowest, highest = self.ranges[api]
        for version in range(max(low, lowest), min(high, highest) + 1):
            reply = self.ask(api, value(version) if callable(value) else value, version, **more)
        return reply

    def note(self, what, said):
        self.learn(said)
        self.lines.append((what, self.clean(said)))

    # ---- un-mapping

    def word(self, kind, key):
        """What stands for it on either side: numbers in the order of appearance."""
        if key not in self.words:
            self.words[key] = f"<{kind} {sum(isinstance(x, str) and x.startswith(f'<{kind} ') for x in self.words.values()) + 1}>"
        return self.words[key]

    def learn(self, value):
        """Ids beside names are the ids of these."""
        for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
            self.learn(inner)
        if isinstance(value, dict) and isinstance(value.get("TopicId"), uuid.UUID) and value["TopicId"].int:
            name = next((value[n] for n in NAMES if value.get(n)), None)
            if name and (self.mine is None or name.startswith(self.mine)):
                self.words.setdefault(value["TopicId"], f"<id of {name}>")

    def foreign(self, field, element):
        """Something that others have on the same cluster, in a list; nobody asked for it."""
        return self.mine and field in LISTS and isinstance(element, dict) and element.get("ResourceType", 2) != 4 and any(
            element.get(n) and not element[n].startswith(self.mine) and element[n] not in self.asked for n in NAMES)

    def clean(self, value, field=""):
        if isinstance(value, dict):
            failed = value.get("ErrorCode") and value.get("ProducerId") == 0  # no producer's id, but left out
            out = {k: v if failed and k == "ProducerId" else self.clean(v, k) for k, v in value.items() if k != "ThrottleTimeMs"}
            if (value.get("Host"), value.get("Port")) in self.addresses:
                out["Host"], out["Port"] = "<broker>", self.addresses[value["Host"], value["Port"]]
            return out
        if isinstance(value, (list, tuple)):
            return [self.clean(v, field) for v in value if not self.foreign(field, v)]
        if field == "Records":
            return [{**b, "producer_id": self.word("producer", b["producer_id"])} for b in kw.read_batches(value)]
        if isinstance(value, uuid.UUID):
            return self.word("unknown id", value)
        if field == "MemberId" and value is not None and re.fullmatch(r"[\w-]{22}", value):  # one that a coordinator gave
            return self.word("member", value)
        if isinstance(value, str):
            value = UUID.sub(lambda m: self.word("uuid", m[0]), value)
        if field == "ClusterId":
            return self.word("cluster", value)
        if field in PRODUCERS:
            return self.word("producer", value)
        if field == "SessionId" and value:
            return self.word("session", ("session", value))
        if field == "TransactionStartTimeMs" and value > 0:
            return "<a time>"
        return value
