#!/usr/bin/env python3
"""kafkawire against Kafka's own encoder (the golden frames) and against a real broker.

usage: kafkawire_test.py [unittest's options]
"""
import collections
import os
import pathlib
import ssl
import struct
import subprocess
import sys
import tempfile
import time
import unittest
import uuid

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import kafkawire as kw  # noqa: E402

KIT = kw.REPO / "tests/kit/kafka"
Golden = collections.namedtuple("Golden", "message key direction version case unknown body mapped")


def golden_frames(path):
    data = path.read_bytes()
    magic, count = struct.unpack_from(">8sI", data)
    assert magic == b"ALVGOLD1", magic
    at = 12

    def take(fmt):
        nonlocal at
        values = struct.unpack_from(fmt, data, at)
        at += struct.calcsize(fmt)
        return values

    def sized(fmt):
        nonlocal at
        n = take(fmt)[0]
        at += n
        return data[at - n:at]

    for _ in range(count):
        message = sized(">B").decode()
        key, direction, version = take(">hBh")
        case = sized(">B").decode()
        unknown = take(">H")[0]
        yield Golden(message, key, direction, version, case, unknown, sized(">I"), sized(">I"))
    assert at == len(data), "bytes behind the last frame"


def certificate(here):
    """A self-signed one for kafka.test: cert.pem, key.pem, both.p12."""
    made = {"check": True, "cwd": here, "stderr": subprocess.DEVNULL}
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                    "-subj", "/CN=kafka.test", "-addext", "subjectAltName=DNS:kafka.test", "-keyout", "key.pem", "-out", "cert.pem"], **made)
    subprocess.run(["openssl", "pkcs12", "-export", "-in", "cert.pem", "-inkey", "key.pem", "-out", "both.p12",
                    "-passout", "pass:changeit"], **made)


class AgainstGoldenFrames(unittest.TestCase):
    def test_decode_and_encode_again(self):
        subprocess.run([kw.REPO / "tests/wire/golden"], check=True)
        n = 0
        for g in golden_frames(kw.REPO / "build/golden/frames.bin"):
            value = kw.decode(g.message, g.version, "", g.body)
            self.assertEqual(kw.encode(g.message, g.version, "", value), g.body, (g.message, g.version, g.case))
            kw.decode(g.message, g.version, "", g.mapped)
            n += 1
        self.assertGreater(n, 5000)

    def test_refuses_what_is_cut_or_too_long(self):
        body = kw.encode("Metadata", 12, "request", {"Topics": [{"Name": "t"}]})
        for n in range(len(body)):
            with self.assertRaises(kw.WireError):
                kw.decode("Metadata", 12, "request", body[:n])
        with self.assertRaises(kw.WireError):
            kw.decode("Metadata", 12, "request", body + b"\0")

    def test_refuses_a_field_that_is_not_there(self):
        with self.assertRaisesRegex(kw.WireError, "Topics"):
            kw.encode("Metadata", 12, "request", {"Topic": []})

    def test_samples_hold_what_was_picked(self):
        plant = {"string": "planted", "uuid": uuid.UUID(int=77), "bytes": b"planted", "records": b"planted", "bool": True, "float64": 0.5}
        for key in kw.schemas().names:
            for version in range(*(lambda v: (v[0], v[1] + 1) if v else (0, 0))(kw.schemas().versions(key))):
                for direction in ("request", "response"):
                    value = kw.sample(key, version, direction, lambda path, kind: plant.get(kind, 7))
                    again = kw.decode(key, version, direction, kw.encode(key, version, direction, value))
                    self.assertEqual(again, value)
                    self.assertLessEqual({v for _, v in kw.leaves(again)}, {7, *plant.values()})

    def test_leaves(self):
        self.assertEqual(list(kw.leaves({"A": [{"B": 1}, {"B": None}], "C": "x"})), [("A[0].B", 1), ("A[1].B", None), ("C", "x")])

    def test_crc32c(self):
        self.assertEqual(kw.crc32c(b"123456789"), 0xe3069283)

    def test_scram_as_in_rfc_7677(self):
        s = kw.Scram("SCRAM-SHA-256", "user", "pencil", nonce="rOprNGfwEbeRWgbNEkqO")
        self.assertEqual(s.first(), b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO")
        final = s.final(b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096")
        self.assertTrue(final.endswith(b",p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="), final)
        s.finish(b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=")


class AgainstABroker(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.own = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.own.cleanup)
        here = pathlib.Path(cls.own.name)
        cls.ca = str(here / "cert.pem")
        certificate(here)
        node = str(here / "node")
        cls.addClassCleanup(subprocess.run, [KIT / "stop", "--kill", node], check=True)
        subprocess.run([KIT / "start", node], check=True,
                       env={**os.environ, "KAFKA_USERS": "alice:alice-secret", "KAFKA_TLS_P12": str(here / "both.p12")})
        cls.env = dict(line.split("=", 1) for line in pathlib.Path(node, "env").read_text().splitlines())

    def setUp(self):
        self.w = kw.Wire("127.0.0.1", int(self.env["KAFKA_PORT"]))
        self.addCleanup(self.w.close)
        self.name = "t-" + uuid.uuid4().hex[:12]

    def make_topic(self):
        reply = self.w.request("CreateTopics", None, {"Topics": [{"Name": self.name, "NumPartitions": 2, "ReplicationFactor": 1}]})
        self.assertEqual(reply["Topics"][0]["ErrorCode"], 0, reply)
        return reply["Topics"][0]["TopicId"]

    def wait_for(self, what, test):
        end = time.monotonic() + 20
        while True:
            found = what()
            if test(found):
                return found
            self.assertLess(time.monotonic(), end, f"never came: {found}")
            time.sleep(0.02)

    def topic_there(self):
        self.wait_for(lambda: self.w.request("Metadata", None, {"Topics": [{"Name": self.name}]}),
                      lambda r: r["Topics"][0]["ErrorCode"] == 0 and all(p["LeaderId"] >= 0 for p in r["Topics"][0]["Partitions"]))

    def test_api_versions_in_every_version(self):
        for version in range(0, 5):
            self.assertIn(3, {a["ApiKey"] for a in self.w.api_versions(version)["ApiKeys"]})
        unknown = self.w.request("ApiVersions", 5, body=b"\0") if self.w.ranges[18][1] < 5 else None
        if unknown is not None:
            self.assertEqual(unknown["ErrorCode"], 35)

    def test_metadata_in_every_version(self):
        self.make_topic()
        self.topic_there()
        lo, hi = self.w.ranges[3]
        for version in range(lo, hi + 1):
            reply = self.w.request("Metadata", version, {"Topics": [{"Name": self.name}]})
            self.assertEqual(reply["Brokers"][0]["Port"], int(self.env["KAFKA_PORT"]))
            self.assertEqual([t["Name"] for t in reply["Topics"]], [self.name])

    def test_produce_and_fetch(self):
        topic_id = self.make_topic()
        self.topic_there()
        records = kw.batch([b"one", (b"k", b"two", [("h", b"v"), ("n", None)]), (None, None)])
        by_id = {"TopicId": topic_id, "PartitionData": [{"Index": 1, "Records": records}]}
        # A leader may be named before it knows that it is one: 6, and nothing was written.
        self.wait_for(lambda: self.w.request("Produce", 13, {"Acks": -1, "TimeoutMs": 5000, "TopicData": [by_id]}),
                      lambda r: r["Responses"][0]["PartitionResponses"][0]["ErrorCode"] == 0)
        by_name = {"Name": self.name, "PartitionData": [{"Index": 1, "Records": records}]}
        reply = self.w.request("Produce", 3, {"Acks": 1, "TimeoutMs": 5000, "TopicData": [by_name]})
        self.assertEqual(reply["Responses"][0]["PartitionResponses"][0]["BaseOffset"], 3, reply)
        self.w.send("Produce", 13, {"Acks": 0, "TimeoutMs": 5000, "TopicData": [by_id]}, expect_reply=False)
        for version in (4, 12, 13, 18):
            name = {"Topic": self.name} if version < 13 else {"TopicId": topic_id}
            partition = {"Partition": 1, "FetchOffset": 0, "PartitionMaxBytes": 1 << 20}
            fetch = {"MaxWaitMs": 100, "MinBytes": 1, "MaxBytes": 1 << 20, "Topics": [{**name, "Partitions": [partition]}]}
            reply = self.w.request("Fetch", version, fetch)
            got = kw.read_batches(reply["Responses"][0]["Partitions"][0]["Records"])
            self.assertEqual([b["base_offset"] for b in got], [0, 3, 6])
            self.assertEqual(got[1]["records"], [(3, None, b"one", []), (4, b"k", b"two", [("h", b"v"), ("n", None)]), (5, None, None, [])])

    def test_classic_group(self):
        self.make_topic()
        self.topic_there()
        group = {"GroupId": self.name}
        self.wait_for(lambda: self.w.request("FindCoordinator", None, {"KeyType": 0, "CoordinatorKeys": [self.name]}),
                      lambda r: r["Coordinators"][0]["ErrorCode"] == 0)
        subscription = kw.encode_embedded("ConsumerProtocolSubscription", 3, {"Topics": [self.name], "RackId": "r1"})
        join = {**group, "SessionTimeoutMs": 10000, "RebalanceTimeoutMs": 10000, "ProtocolType": "consumer",
                "Protocols": [{"Name": "range", "Metadata": subscription}]}

        def join_again():
            reply = self.w.request("JoinGroup", None, join)
            join["MemberId"] = reply["MemberId"]
            return reply

        joined = self.wait_for(join_again, lambda r: r["ErrorCode"] == 0)
        self.assertEqual(joined["Leader"], joined["MemberId"])
        topics = kw.decode_embedded("ConsumerProtocolSubscription", joined["Members"][0]["Metadata"])
        self.assertEqual((topics["Topics"], topics["RackId"]), ([self.name], "r1"))
        assignment = kw.encode_embedded("ConsumerProtocolAssignment", 0, {"AssignedPartitions": [{"Topic": self.name, "Partitions": [0, 1]}]})
        member = {**group, "GenerationId": joined["GenerationId"], "MemberId": joined["MemberId"]}
        synced = self.w.request("SyncGroup", None, {**member, "ProtocolType": "consumer", "ProtocolName": "range",
                                                    "Assignments": [{"MemberId": joined["MemberId"], "Assignment": assignment}]})
        self.assertEqual((synced["ErrorCode"], synced["Assignment"]), (0, assignment))
        offset = {"PartitionIndex": 0, "CommittedOffset": 7, "CommittedMetadata": "m"}
        commit = {"GroupId": self.name, "MemberId": joined["MemberId"], "GenerationIdOrMemberEpoch": joined["GenerationId"],
                  "Topics": [{"Name": self.name, "Partitions": [offset]}]}
        self.assertEqual(self.w.request("OffsetCommit", 9, commit)["Topics"][0]["Partitions"][0]["ErrorCode"], 0)
        self.assertEqual(self.w.request("Heartbeat", None, member)["ErrorCode"], 0)
        fetched = self.w.request("OffsetFetch", 9, {"Groups": [{"GroupId": self.name, "Topics": None}]})
        self.assertEqual(fetched["Groups"][0]["Topics"][0]["Partitions"][0]["CommittedOffset"], 7)
        self.assertIn(self.name, [g["GroupId"] for g in self.w.request("ListGroups")["Groups"]])
        self.assertEqual(self.w.request("LeaveGroup", None, {**group, "Members": [{"MemberId": joined["MemberId"]}]})["ErrorCode"], 0)

    def test_pipelined_answers_come_in_order(self):
        ids = [self.w.send("Metadata", 12, {"Topics": []}) for _ in range(20)]
        self.assertEqual([self.w.receive().correlation_id for _ in ids], ids)

    def test_a_malformed_request_closes(self):
        self.w.send("Metadata", 12, body=b"\xff\xff")
        self.assertTrue(self.w.closed_by_peer())

    def test_sasl(self):
        for mechanism in ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"):
            with kw.Wire("127.0.0.1", int(self.env["KAFKA_SASL_PORT"])) as w:
                w.sasl(mechanism, "alice", "alice-secret")
                self.assertEqual(len(w.request("Metadata", 12, {"Topics": []})["Brokers"]), 1)
            with kw.Wire("127.0.0.1", int(self.env["KAFKA_SASL_PORT"])) as w:
                with self.assertRaises(kw.SaslFailed) as failed:
                    w.sasl(mechanism, "alice", "wrong")
                self.assertEqual(failed.exception.code, 58)

    def test_tls(self):
        port = int(self.env["KAFKA_SASL_TLS_PORT"])
        with kw.Wire("127.0.0.1", port, sni="kafka.test", ca=self.ca) as w:
            w.sasl("SCRAM-SHA-256", "alice", "alice-secret")
            self.assertEqual(w.request("Metadata", 12, {"Topics": []})["Brokers"][0]["Port"], port)
        with self.assertRaises(ssl.SSLCertVerificationError):
            kw.Wire("127.0.0.1", port, sni="other.test", ca=self.ca)
        with kw.Wire("127.0.0.1", int(self.env["KAFKA_TLS_PORT"]), tls=True) as w:
            self.assertIn(3, {a["ApiKey"] for a in w.api_versions()["ApiKeys"]})


if __name__ == "__main__":
    unittest.main()
