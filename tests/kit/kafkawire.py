"""Kafka's protocol in Python, for raw tests: what a client library would never send, and every byte of what comes back.

It is driven by the message schemas in the kafka-clients jar and shares nothing with the gateway's engine or its importer,
so that the two can be held against each other. Standard library only.

    encode("Metadata", 12, "request", {"Topics": None})         -> body
    decode(3, 12, "response", body)                             -> {"Brokers": [...], ...}
    with Wire("127.0.0.1", 9092) as w:
        w.sasl("SCRAM-SHA-256", "alice", "secret")
        w.request("Metadata", 12, {"Topics": [{"Name": "a"}]})  -> Reply: a dict; .raw is the frame behind the size

A message is a dict by Kafka's own field names. Left-out fields have their defaults; a name that the version does not have
is an error. Strings are str (bytes that are no UTF-8 as surrogates), bytes and records are bytes, uuids are uuid.UUID, null
is None. Unknown tagged fields stand in "_tags" of their struct, {tag: bytes}, both ways.
"""
import base64
import glob
import hashlib
import hmac
import json
import os
import pathlib
import re
import secrets
import socket
import ssl
import struct
import time
import uuid
import zipfile

REPO = pathlib.Path(__file__).resolve().parents[2]
ZERO_UUID = uuid.UUID(int=0)
FRAME_MAX = 256 << 20


class WireError(Exception):
    """Bytes that are not the message, or a dict that does not fit it."""


class Closed(WireError):
    """The peer closed the connection; .partial is what came of a frame before."""

    def __init__(self, text, partial=b""):
        super().__init__(text)
        self.partial = partial


# ---- schemas ------------------------------------------------------------------------------------

def default_jar():
    found = os.environ.get("ALCOVE_SCHEMA_JAR") or max(
        glob.glob(str(REPO / ".cache/kafka-clients-*/kafka-clients-*.jar")), default=None)
    if not found:
        raise WireError("no kafka-clients jar; run tests/kit/kafka/fetch schema, or say ALCOVE_SCHEMA_JAR=FILE")
    return found


class Schemas:
    """All messages of one jar: by name ("MetadataRequest"), and by api name or key with a direction."""

    def __init__(self, jar=None):
        self.specs, self.names, self.keys, self.codecs = {}, {}, {}, {}
        with zipfile.ZipFile(jar or default_jar()) as z:
            for entry in z.namelist():
                if entry.startswith("common/message/") and entry.endswith(".json"):
                    lines = z.read(entry).decode().splitlines()
                    spec = json.loads("\n".join(re.sub(r"^\s*//.*", "", line) for line in lines))
                    self.specs[spec["name"]] = spec
        for spec in self.specs.values():
            if spec.get("type") == "request":
                name = spec["name"].removesuffix("Request")
                self.names[spec["apiKey"]] = name
                self.keys[name] = spec["apiKey"]

    def message(self, api, direction):
        if isinstance(api, int):
            if api not in self.names:
                raise WireError(f"no api has key {api}")
            api = self.names[api]
        return api if api in self.specs else api + direction.capitalize()

    def key(self, api):
        return api if isinstance(api, int) else self.keys[api]

    def versions(self, api):
        """Lowest and highest version of an api, None where Kafka removed it."""
        return span(self.specs[self.message(api, "request")]["validVersions"])

    def flexible(self, api, version):
        return within(self.specs[self.message(api, "request")].get("flexibleVersions", "none"), version)

    def listeners(self, api):
        """Who serves it: "broker", "controller"."""
        return self.specs[self.message(api, "request")].get("listeners", [])

    def codec(self, message, version):
        if (message, version) not in self.codecs:
            spec = self.specs.get(message)
            if spec is None:
                raise WireError(f"no message is called {message!r}")
            if not within(spec["validVersions"], version):
                raise WireError(f"{message} has versions {spec['validVersions']}, not {version}")
            common = {s["name"]: s["fields"] for s in spec.get("commonStructs", [])}
            flexible = within(spec.get("flexibleVersions", "none"), version)
            self.codecs[message, version] = StructCodec(message, spec["fields"], common, version, flexible)
        return self.codecs[message, version]


def span(text):
    if text == "none":
        return None
    lo, _, hi = text.partition("-")
    return int(lo.rstrip("+")), (1 << 15 if lo.endswith("+") else int(hi or lo))


def within(text, version):
    ends = span(text)
    return ends is not None and ends[0] <= version <= ends[1]


_schemas = None


def schemas():
    """Those of the default jar, read once."""
    global _schemas
    if _schemas is None:
        _schemas = Schemas()
    return _schemas


# ---- bytes --------------------------------------------------------------------------------------

class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, n):
        if n < 0 or n > len(self.data) - self.at:
            raise WireError(f"{n} bytes wanted at {self.at}, {len(self.data) - self.at} left")
        self.at += n
        return self.data[self.at - n:self.at]

    def number(self, fmt):
        return struct.unpack(fmt, self.take(struct.calcsize(fmt)))[0]

    def uvarint(self):
        value = shift = 0
        while True:
            byte = self.take(1)[0]
            value |= (byte & 0x7f) << shift
            if not byte & 0x80:
                return value
            shift += 7
            if shift > 63:
                raise WireError(f"varint without end at {self.at}")

    def varint(self):
        value = self.uvarint()
        return (value >> 1) ^ -(value & 1)


def uvarint(value):
    out = bytearray()
    while value > 0x7f:
        out.append(value & 0x7f | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def varint(value):
    return uvarint((value << 1) ^ (value >> 63) if value < 0 else value << 1)


def text_of(data):
    return data.decode("utf-8", "surrogateescape")


# ---- codecs: one object for each field of one version of one message -------------------------------

class NumberCodec:
    FORMATS = {"bool": ">?", "int8": ">b", "int16": ">h", "uint16": ">H", "int32": ">i", "uint32": ">I", "int64": ">q",
               "float64": ">d"}

    def __init__(self, where, kind):
        self.where, self.kind, self.fmt = where, kind, self.FORMATS[kind]

    def write(self, out, value):
        try:
            out += struct.pack(self.fmt, value)
        except struct.error as e:
            raise WireError(f"{self.where}: {value!r}: {e}") from None

    def read(self, r):
        return r.number(self.fmt)


class UuidCodec:
    kind = "uuid"

    def __init__(self, where):
        self.where = where

    def write(self, out, value):
        out += value.bytes

    def read(self, r):
        return uuid.UUID(bytes=r.take(16))


class SizedCodec:
    """Strings, bytes, records: a length and bytes."""

    def __init__(self, where, kind, compact, nullable):
        self.where, self.kind, self.compact, self.nullable, self.text = where, kind, compact, nullable, kind == "string"
        self.fmt = ">h" if self.text else ">i"

    def write(self, out, value):
        if value is None:
            if not self.nullable:
                raise WireError(f"{self.where}: null")
            out += b"\0" if self.compact else struct.pack(self.fmt, -1)
            return
        data = value.encode("utf-8", "surrogateescape") if self.text else value
        out += uvarint(len(data) + 1) if self.compact else struct.pack(self.fmt, len(data))
        out += data

    def read(self, r):
        n = r.uvarint() - 1 if self.compact else r.number(self.fmt)
        if n == -1 and self.nullable:
            return None
        data = r.take(n)
        return text_of(data) if self.text else data


class ArrayCodec:
    def __init__(self, where, element, compact, nullable):
        self.where, self.element, self.compact, self.nullable = where, element, compact, nullable

    def write(self, out, value):
        if value is None:
            if not self.nullable:
                raise WireError(f"{self.where}: null")
            out += b"\0" if self.compact else b"\xff\xff\xff\xff"
            return
        out += uvarint(len(value) + 1) if self.compact else struct.pack(">i", len(value))
        for element in value:
            self.element.write(out, element)

    def read(self, r):
        n = r.uvarint() - 1 if self.compact else r.number(">i")
        if n == -1 and self.nullable:
            return None
        if n < 0 or n > len(r.data) - r.at:
            raise WireError(f"{self.where}: {n} elements with {len(r.data) - r.at} bytes left")
        return [self.element.read(r) for _ in range(n)]


class NullableCodec:
    """A struct that may be null: a byte before it."""

    def __init__(self, where, inner):
        self.where, self.inner = where, inner

    def write(self, out, value):
        out += b"\xff" if value is None else b"\x01"
        if value is not None:
            self.inner.write(out, value)

    def read(self, r):
        return None if r.number(">b") < 0 else self.inner.read(r)


class StructCodec:
    def __init__(self, where, fields, common, version, flexible):
        self.where, self.flexible, self.plain, self.tagged, self.defaults = where, flexible, [], {}, {}
        for spec in fields:
            if not within(spec["versions"], version):
                continue
            name = spec["name"]
            codec = self.of(f"{where}.{name}", spec, common, version, flexible)
            self.defaults[name] = default_of(spec, codec, version)
            if within(spec.get("taggedVersions", "none"), version):
                self.tagged[spec["tag"]] = (name, codec)
            else:
                self.plain.append((name, codec))

    @staticmethod
    def of(where, spec, common, version, flexible):
        kind, array = spec["type"].removeprefix("[]"), spec["type"].startswith("[]")
        nullable = within(spec.get("nullableVersions", "none"), version)
        compact = within(spec["flexibleVersions"], version) if "flexibleVersions" in spec else flexible
        if kind in NumberCodec.FORMATS:
            codec = NumberCodec(where, kind)
        elif kind == "uuid":
            codec = UuidCodec(where)
        elif kind in ("string", "bytes", "records"):
            codec = SizedCodec(where, kind, compact, nullable and not array)
        else:
            codec = StructCodec(where, spec.get("fields") or common[kind], common, version, flexible)
            if nullable and not array:
                codec = NullableCodec(where, codec)
        return ArrayCodec(where, codec, compact, nullable) if array else codec

    def default(self):
        return dict(self.defaults)

    def write(self, out, value):
        unknown = value.keys() - self.defaults.keys() - {"_tags"}
        if unknown:
            raise WireError(f"{self.where} has no {', '.join(sorted(unknown))} in this version; it has {', '.join(self.defaults)}")
        for name, codec in self.plain:
            codec.write(out, value.get(name, self.defaults[name]))
        if self.flexible:
            self.write_tags(out, value)
        elif value.get("_tags"):
            raise WireError(f"{self.where}: tagged fields in a version that is not flexible")

    def write_tags(self, out, value):
        tags = dict(value.get("_tags", {}))
        for tag, (name, codec) in self.tagged.items():
            if name in value and value[name] != self.defaults[name]:
                data = bytearray()
                codec.write(data, value[name])
                tags[tag] = bytes(data)
        out += uvarint(len(tags))
        for tag in sorted(tags):
            out += uvarint(tag) + uvarint(len(tags[tag])) + tags[tag]

    def read(self, r):
        value = {name: codec.read(r) for name, codec in self.plain}
        if self.flexible:
            self.read_tags(r, value)
        return value

    def read_tags(self, r, value):
        for name, _ in self.tagged.values():
            value[name] = self.defaults[name]
        last = -1
        for _ in range(r.uvarint()):
            tag = r.uvarint()
            if tag <= last:
                raise WireError(f"{self.where}: tag {tag} behind tag {last}")
            last, data = tag, r.take(r.uvarint())
            if tag not in self.tagged:
                value.setdefault("_tags", {})[tag] = data
                continue
            name, codec = self.tagged[tag]
            inner = Reader(data)
            value[name] = codec.read(inner)
            if inner.at != len(data):
                raise WireError(f"{self.where}.{name}: {len(data) - inner.at} bytes behind tag {tag}")


def default_of(spec, codec, version):
    text = str(spec.get("default", ""))
    if text == "null" and within(spec.get("nullableVersions", "none"), version):
        return None
    if isinstance(codec, ArrayCodec):
        return []
    if isinstance(codec, (StructCodec, NullableCodec)):
        return (codec.inner if isinstance(codec, NullableCodec) else codec).default()
    kind = spec["type"]
    if kind in NumberCodec.FORMATS:
        return text.lower() == "true" if kind == "bool" else float(text or 0) if kind == "float64" else int(text or "0", 0)
    return {"uuid": ZERO_UUID, "string": ""}.get(kind, b"")


# ---- messages and frames ------------------------------------------------------------------------

def encode(api, version, direction, value):
    out = bytearray()
    schemas().codec(schemas().message(api, direction), version).write(out, value)
    return bytes(out)


def decode(api, version, direction, data, trailing=False):
    """Raises WireError unless the message is exactly data; with trailing: -> (message, what is behind it)."""
    r = Reader(bytes(data))
    value = schemas().codec(schemas().message(api, direction), version).read(r)
    if trailing:
        return value, r.data[r.at:]
    if r.at != len(r.data):
        raise WireError(f"{len(r.data) - r.at} bytes behind {schemas().message(api, direction)} v{version}")
    return value


def sample(api, version, direction, pick):
    """A message with every field there and one element in each array. pick(path, kind) gives each value: path is
    "FetchRequest.Topics.TopicId", kind as in schemas ("string", "int32", "uuid", ...)."""
    return sample_of(schemas().codec(schemas().message(api, direction), version), pick)


def sample_of(codec, pick):
    if isinstance(codec, StructCodec):
        fields = codec.plain + list(codec.tagged.values())
        return {name: sample_of(inner, pick) for name, inner in fields}
    if isinstance(codec, ArrayCodec):
        return [sample_of(codec.element, pick)]
    if isinstance(codec, NullableCodec):
        return sample_of(codec.inner, pick)
    return pick(codec.where, codec.kind)


def leaves(value, path=""):
    """Every single value of a message, with its path: ("Topics[0].Name", "a")."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from leaves(inner, f"{path}.{name}" if path else str(name))
    elif isinstance(value, list):
        for i, inner in enumerate(value):
            yield from leaves(inner, f"{path}[{i}]")
    else:
        yield path, value


def encode_embedded(name, version, value):
    """ConsumerProtocolSubscription or ConsumerProtocolAssignment with its version in front, as it travels in bytes."""
    return struct.pack(">h", version) + encode(name, min(version, 3), "", value)


def decode_embedded(name, data):
    version = struct.unpack(">h", data[:2])[0]
    return decode(name, min(version, 3), "", data[2:])


def request_header(api, version, correlation_id, client_id, tags=None):
    """By hand and not by the schema: keys and versions that no schema has must be sendable as well."""
    key = schemas().key(api)
    flexible = key in schemas().names and bool(schemas().versions(key)) and schemas().flexible(key, version)
    out = bytearray(struct.pack(">hhi", key, version, correlation_id))
    SizedCodec("ClientId", "string", False, True).write(out, client_id)
    if flexible:
        out += uvarint(len(tags or {}))
        for tag in sorted(tags or {}):
            out += uvarint(tag) + uvarint(len(tags[tag])) + tags[tag]
    return bytes(out)


def frame(data):
    return struct.pack(">i", len(data)) + data


class Reply(dict):
    """A decoded response; raw: the whole frame without its size; correlation_id; api and version."""

    def __init__(self, value, raw, correlation_id, api, version):
        super().__init__(value)
        self.raw, self.correlation_id, self.api, self.version = raw, correlation_id, api, version


def decode_response(api, version, raw):
    key = schemas().key(api)
    header_version = 1 if schemas().flexible(key, version) and schemas().names[key] != "ApiVersions" else 0
    header, body = decode("ResponseHeader", header_version, "", raw, trailing=True)
    name = schemas().names[key]
    try:
        value = decode(key, version, "response", body)
    except WireError:
        # The one soft fallback: ApiVersions in a version that the peer does not know is answered in version 0.
        if name != "ApiVersions" or version == 0:
            raise
        value = decode(key, 0, "response", body)
    return Reply(value, raw, header["CorrelationId"], name, version)


# ---- a connection -------------------------------------------------------------------------------

class Wire:
    """A blocking connection. `sent` and `received` keep every frame (without size) unless record=False."""

    def __init__(self, host, port, tls=False, sni=None, ca=None, cert=None, key=None, client_id="kafkawire", timeout=15.0,
                 record=True, context=None, head=b"", source=None):
        """tls: TLS; sni: the name asked for and, with ca (a PEM file), the one checked; without ca nothing is checked.
        cert and key: PEM files of a client certificate. context: an ssl.SSLContext that overrides all that.
        head: bytes in front of everything else. source: the address that it comes from."""
        self.client_id, self.correlation_id, self.record = client_id, 0, record
        self.sent, self.received, self.ranges, self.waiting = [], [], {}, []
        self.session_lifetime_ms = 0
        self.sock = socket.create_connection((host, port), timeout, (source, 0) if source else None)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if head:
            self.sock.sendall(head)
        if tls or sni or ca or context:
            try:
                self.sock = (context or tls_context(ca, cert, key)).wrap_socket(self.sock, server_hostname=sni or host)
            except (OSError, ssl.SSLError):
                self.sock.close()
                raise

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()

    def close(self):
        self.sock.close()

    # ---- bytes

    def send_raw(self, data):
        """Anything at all, as it is."""
        self.sock.sendall(data)

    def send_frame(self, data):
        if self.record:
            self.sent.append(data)
        self.send_raw(frame(data))

    def receive_exactly(self, n, before=b""):
        got = bytearray()
        while len(got) < n:
            try:
                piece = self.sock.recv(min(n - len(got), 1 << 20))
            except (ConnectionError, ssl.SSLError) as e:
                raise Closed(f"connection lost: {e}", before + bytes(got)) from None
            if not piece:
                raise Closed(f"closed after {len(before) + len(got)} bytes of a frame", before + bytes(got))
            got += piece
        return bytes(got)

    def receive_frame(self):
        head = self.receive_exactly(4)
        size = struct.unpack(">i", head)[0]
        if not 0 <= size <= FRAME_MAX:
            raise WireError(f"a frame of {size} bytes")
        raw = self.receive_exactly(size, head)
        if self.record:
            self.received.append(raw)
        return raw

    def closed_by_peer(self, within_s=5.0):
        """True when the peer closes within that time without sending anything more."""
        before = self.sock.gettimeout()
        self.sock.settimeout(within_s)
        try:
            return self.sock.recv(1) == b""
        except TimeoutError:
            return False
        except (ConnectionError, ssl.SSLError):
            return True
        finally:
            self.sock.settimeout(before)

    # ---- requests

    def send(self, api, version, value=None, body=None, header_tags=None, expect_reply=True):
        """Sends one request, does not wait. body: bytes that replace the encoded value. -> correlation id"""
        self.correlation_id += 1
        if body is None:
            body = encode(api, version, "request", value or {})
        if expect_reply:
            self.waiting.append((self.correlation_id, api, version))
        self.send_frame(request_header(api, version, self.correlation_id, self.client_id, header_tags) + body)
        return self.correlation_id

    def receive(self):
        """The answer to the oldest request that waits for one; anything else is an error."""
        correlation_id, api, version = self.waiting.pop(0)
        raw = self.receive_frame()
        found = struct.unpack(">i", raw[:4])[0] if len(raw) >= 4 else None
        if found != correlation_id:
            raise WireError(f"an answer to {found}, expected one to {correlation_id} ({api} v{version})")
        return decode_response(api, version, raw)

    def request(self, api, version=None, value=None, **more):
        """version None: the highest that the peer's ApiVersions and the schemas both have."""
        if version is None:
            version = self.version(api)
        self.send(api, version, value, **more)
        return self.receive()

    def api_versions(self, version=3):
        value = {"ClientSoftwareName": "kafkawire", "ClientSoftwareVersion": "1"} if version >= 3 else {}
        reply = self.request("ApiVersions", version, value)
        self.ranges = {a["ApiKey"]: (a["MinVersion"], a["MaxVersion"]) for a in reply["ApiKeys"]}
        return reply

    def version(self, api):
        if not self.ranges:
            self.api_versions()
        key = schemas().key(api)
        if key not in self.ranges:
            raise WireError(f"{api} is not offered")
        lo, hi = schemas().versions(key)
        lo, hi = max(lo, self.ranges[key][0]), min(hi, self.ranges[key][1])
        if lo > hi:
            raise WireError(f"{api}: offered {self.ranges[key]}, known {schemas().versions(key)}")
        return hi

    # ---- SASL

    def sasl(self, mechanism, user, password, extensions=None, authorize_as=""):
        """Handshake and exchange; raises SaslFailed. extensions: SCRAM's, or names and values of a token's."""
        reply = self.request("SaslHandshake", 1, {"Mechanism": mechanism})
        if reply["ErrorCode"]:
            raise SaslFailed(reply["ErrorCode"], f"mechanisms: {reply['Mechanisms']}")
        if mechanism == "PLAIN":
            self.sasl_step(f"{authorize_as}\0{user}\0{password}".encode())
        elif mechanism in Scram.HASHES:
            self.sasl_scram(Scram(mechanism, user, password, extensions))
        elif mechanism == "OAUTHBEARER":
            more = "".join(f"\x01{k}={v}" for k, v in (extensions or {}).items())
            if self.sasl_step(f"n,,\x01auth=Bearer {password}{more}\x01\x01".encode()):
                self.sasl_step(b"\x01")  # it said what is wrong; only now it fails
                raise WireError("a token was refused, and then not")
        else:
            raise WireError(f"mechanism {mechanism!r}")
        return self

    def sasl_scram(self, scram):
        scram.finish(self.sasl_step(scram.final(self.sasl_step(scram.first()))))

    def sasl_step(self, token, version=2):
        """One SaslAuthenticate; -> the peer's bytes."""
        reply = self.request("SaslAuthenticate", version, {"AuthBytes": token})
        if reply["ErrorCode"]:
            raise SaslFailed(reply["ErrorCode"], reply["ErrorMessage"])
        self.session_lifetime_ms = reply.get("SessionLifetimeMs", 0)
        return reply["AuthBytes"]


class SaslFailed(WireError):
    def __init__(self, code, text):
        super().__init__(f"SASL error {code}: {text}")
        self.code, self.text = code, text


def tls_context(ca=None, cert=None, key=None):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if ca:
        context.load_verify_locations(ca)
    else:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if cert:
        context.load_cert_chain(cert, key)
    return context


class Scram:
    """The client's side of SCRAM (RFC 5802), without channel binding."""
    HASHES = {"SCRAM-SHA-256": "sha256", "SCRAM-SHA-512": "sha512"}

    def __init__(self, mechanism, user, password, extensions=None, nonce=None):
        self.hash, self.password = self.HASHES[mechanism], password.encode()
        self.nonce = nonce or base64.b64encode(secrets.token_bytes(18)).decode()
        name = user.replace("=", "=3D").replace(",", "=2C")
        more = "".join(f",{k}={v}" for k, v in (extensions or {}).items())
        self.bare = f"n={name},r={self.nonce}{more}"

    def first(self):
        return ("n,," + self.bare).encode()

    def final(self, server_first):
        parts = dict(p.split("=", 1) for p in server_first.decode().split(","))
        if not parts["r"].startswith(self.nonce):
            raise WireError("SCRAM: the server's nonce does not begin with ours")
        salted = hashlib.pbkdf2_hmac(self.hash, self.password, base64.b64decode(parts["s"]), int(parts["i"]))
        without_proof = f"c=biws,r={parts['r']}"
        signed = f"{self.bare},{server_first.decode()},{without_proof}".encode()
        client_key = self.mac(salted, b"Client Key")
        signature = self.mac(hashlib.new(self.hash, client_key).digest(), signed)
        self.expected = self.mac(self.mac(salted, b"Server Key"), signed)
        proof = bytes(a ^ b for a, b in zip(client_key, signature))
        return f"{without_proof},p={base64.b64encode(proof).decode()}".encode()

    def finish(self, server_final):
        if server_final != b"v=" + base64.b64encode(self.expected):
            raise WireError(f"SCRAM: the server did not prove that it knows the password: {server_final!r}")

    def mac(self, key, data):
        return hmac.new(key, data, self.hash).digest()


# ---- record batches -----------------------------------------------------------------------------

def _crc32c_table():
    table = []
    for n in range(256):
        for _ in range(8):
            n = n >> 1 ^ (0x82f63b78 if n & 1 else 0)
        table.append(n)
    return table


CRC32C = _crc32c_table()


def crc32c(data):
    crc = 0xffffffff
    for byte in data:
        crc = CRC32C[(crc ^ byte) & 0xff] ^ crc >> 8
    return crc ^ 0xffffffff


TRANSACTIONAL, CONTROL = 0x10, 0x20


def batch(records, base_offset=0, attributes=0, producer_id=-1, producer_epoch=-1, base_sequence=-1, timestamp_ms=None):
    """A v2 batch, not compressed. records: values, (key, value) or (key, value, [(header, value)]); None is null."""
    now = int(time.time() * 1000) if timestamp_ms is None else timestamp_ms
    body = bytearray()
    for i, record in enumerate(records):
        key, value, headers = (record + ([],))[:3] if isinstance(record, tuple) else (None, record, [])
        one = bytearray(b"\0" + varint(0) + varint(i))
        for part in (key, value):
            one += varint(-1) if part is None else varint(len(part)) + part
        one += varint(len(headers))
        for name, content in headers:
            one += varint(len(name.encode())) + name.encode()
            one += varint(-1) if content is None else varint(len(content)) + content
        body += varint(len(one)) + one
    checked = struct.pack(">hiqqqhii", attributes, len(records) - 1, now, now, producer_id, producer_epoch, base_sequence,
                          len(records)) + body
    return struct.pack(">qiibI", base_offset, len(checked) + 9, -1, 2, crc32c(checked)) + checked


def read_batches(data):
    """Whole batches of a records field -> [{"base_offset", "attributes", "producer_id", "records": [(offset, key, value,
    headers)]}]. A batch cut off at the end is left out, as brokers send such. Compressed batches have records None."""
    out, r = [], Reader(data or b"")
    while len(r.data) - r.at >= 61:
        base, size = r.number(">q"), r.number(">i")
        if size > len(r.data) - r.at:
            break
        b = Reader(r.take(size))
        _, magic, crc = b.number(">i"), b.number(">b"), b.number(">I")
        if magic != 2 or crc32c(b.data[b.at:]) != crc:
            raise WireError(f"a batch at offset {base} of magic {magic}, or with a wrong checksum")
        attributes = b.number(">h")
        b.take(20)
        producer_id = b.number(">q")
        b.take(6)
        count = b.number(">i")
        records = None if attributes & 7 else [read_record(b, base) for _ in range(count)]
        out.append({"base_offset": base, "attributes": attributes, "producer_id": producer_id, "records": records})
    return out


def read_record(b, base):
    r = Reader(b.take(b.varint()))
    r.take(1)
    r.varint()
    offset = base + r.varint()
    key, value = read_part(r), read_part(r)
    headers = [(text_of(r.take(r.varint())), read_part(r)) for _ in range(r.varint())]
    return offset, key, value, headers


def read_part(r):
    n = r.varint()
    return None if n < 0 else r.take(n)
