"""The stage: one Kafka, one gateway, the victim's things planted in globex, a few of the attacker's own in acme."""

import collections
import time

import kafkawire as kw
import stack

OWN_TOPICS = ["mine-1", "mine-2", "another"]


class World:
    def __init__(self, s, victim):
        self.stack, self.victim = s, victim
        self.own_topics, self.own_groups, self.own_ids = list(OWN_TOPICS), set(), {}
        self.spare, self.coordinators = collections.deque(), {}
        self.victims_user, self.victims_password = "alice", s.globex.password
        self.nodes = [1]
        self.virtual_ports = set(range(s.gateway.ports["acme"], s.gateway.ports["acme"] + 1 + stack.NODES_MAX))

    # ---- connections

    def wire(self, node=None, **more):
        tenant = self.stack.acme if node is None else self.stack.acme.but(port=self.stack.acme.port + node)
        return tenant.wire(**more)

    def raw(self):
        """Not logged in."""
        return self.stack.acme.connect()

    def physical(self):
        return self.stack.kafka.wire()

    def attacker(self):
        """A logged-in connection, used before or fresh."""
        return self.spare.popleft() if self.spare else self.wire()

    def lost(self, wire):
        wire.close()
        wire.is_lost = True

    def give_back(self, wire):
        if getattr(wire, "is_lost", False):
            return
        wire.sent.clear()
        wire.received.clear()
        self.spare.append(wire)

    def coordinator(self, group, key_type=0):
        """A connection that can ask for this group's (or transactional id's) coordinator; waits until there is one."""
        self.own_groups.add(group)
        wire = self.wire()
        for _ in range(100):
            c = wire.request("FindCoordinator", 4, {"KeyType": key_type, "CoordinatorKeys": [group]})["Coordinators"][0]
            if c["ErrorCode"] == 0:
                return wire  # one broker: it is the coordinator
            time.sleep(0.1)
        raise AssertionError(f"no coordinator for {group}: {c}")

    def txn_coordinator(self, txn):
        return self.coordinator(txn, 1)

    def offered(self):
        with self.wire() as w:
            w.api_versions()
            return dict(w.ranges)

    def offered_versions(self, api):
        """All that are; none: nothing of it is."""
        lo, hi = self.offered().get(next(k for k, n in kw.schemas().names.items() if n == api), (0, -1))
        return range(lo, hi + 1)

    # ---- planting

    def plant(self):
        v, globex = self.victim, self.stack.globex
        for tenant, names in ((globex, [v.topic, v.hidden_topic]), (self.stack.acme, self.own_topics)):
            with tenant.wire() as w:
                topics = [{"Name": n, "NumPartitions": 2, "ReplicationFactor": 1} for n in names]
                for t in w.request("CreateTopics", 7, {"Topics": topics, "timeoutMs": 15000})["Topics"]:
                    if t["ErrorCode"]:
                        raise AssertionError(f"cannot plant {t}")
                    if t["Name"] == v.topic:
                        v.topic_id = t["TopicId"]
                    if tenant is not globex:
                        self.own_ids[t["Name"]] = t["TopicId"]
        with globex.wire() as w:
            self.until_leader(w, v.topic)
            self.cluster_ids(w)
            part = {"Index": 0, "Records": kw.batch([(b"k", v.secret_record)])}
            r = self.settled(w, "Produce", 9, {"Acks": -1, "TimeoutMs": 5000, "TransactionalId": None,
                                               "TopicData": [{"Name": v.topic, "PartitionData": [part]}]},
                             lambda r: r["Responses"][0]["PartitionResponses"][0]["ErrorCode"])
            assert r["Responses"][0]["PartitionResponses"][0]["ErrorCode"] == 0, r
            self.plant_offsets(w)
            self.plant_share(w)
            self.plant_transaction(w, v.hidden_txn)
            self.victims_producer_id, self.victims_epoch = self.plant_transaction(w, v.txn)
        self.offsets_id = self.stack.kafka.topics()["__consumer_offsets"]
        return self

    def until_leader(self, w, topic):
        for _ in range(100):
            t = w.request("Metadata", 9, {"Topics": [{"Name": topic}]})["Topics"][0]
            if t["ErrorCode"] == 0 and t["Partitions"] and all(p["LeaderId"] >= 0 for p in t["Partitions"]):
                return
            time.sleep(0.1)
        raise AssertionError(f"{topic} has no leader: {t}")

    def cluster_ids(self, w):
        self.victims_cluster_id = w.request("Metadata", 9, {"Topics": []})["ClusterId"]
        with self.physical() as p:
            self.cluster_id = p.request("Metadata", 9, {"Topics": []})["ClusterId"]

    def settled(self, w, api, version, value, code):
        """Repeats a request while the coordinator is still loading or moving, or a leader does not know yet that it is one."""
        for _ in range(100):
            r = w.request(api, version, value)
            if code(r) not in (6, 14, 15, 16, 51):
                return r
            time.sleep(0.1)
        raise AssertionError(f"{api}: {r}")

    def until(self, what, condition):
        for _ in range(100):
            if condition():
                return
            time.sleep(0.1)
        raise AssertionError(f"not within 10 s: {what}")

    def plant_offsets(self, w):
        part = {"PartitionIndex": 0, "CommittedOffset": 1, "CommittedLeaderEpoch": -1, "CommittedMetadata": self.victim.user}
        for group in (self.victim.group, self.victim.consumer_group, self.victim.hidden_group):
            w.request("FindCoordinator", 4, {"KeyType": 0, "CoordinatorKeys": [group]})
            r = self.settled(w, "OffsetCommit", 9, {"GroupId": group, "GenerationIdOrMemberEpoch": -1, "MemberId": "",
                                                    "Topics": [{"Name": self.victim.topic, "Partitions": [part]}]},
                             lambda r: r["Topics"][0]["Partitions"][0]["ErrorCode"])
            assert r["Topics"][0]["Partitions"][0]["ErrorCode"] == 0, r

    def plant_share(self, w):
        """A share group that has begun, with the first record; its one member stays for a session's timeout."""
        v = self.victim
        r = w.request("IncrementalAlterConfigs", 1, {"Resources": [{"ResourceType": 32, "ResourceName": v.share_group, "Configs": [
            {"Name": "share.auto.offset.reset", "ConfigOperation": 0, "Value": "earliest"}]}]})
        assert r["Responses"][0]["ErrorCode"] == 0, r
        self.join_share(w, v.share_group, v.share_member, v.topic)

    def join_share(self, w, group, member, topic):
        """Until the coordinator has given the member something."""
        w.request("FindCoordinator", 4, {"KeyType": 0, "CoordinatorKeys": [group]})
        epoch = 0
        for _ in range(100):
            r = self.settled(w, "ShareGroupHeartbeat", 1, {"GroupId": group, "MemberId": member, "MemberEpoch": epoch, "RackId": None,
                                                           "SubscribedTopicNames": [topic] if epoch == 0 else None}, lambda r: r["ErrorCode"])
            assert r["ErrorCode"] == 0, r
            epoch = r["MemberEpoch"]
            if r["Assignment"] and r["Assignment"]["TopicPartitions"]:
                return
            time.sleep(0.1)
        raise AssertionError(f"{group}: nothing was assigned")

    def plant_transaction(self, w, txn):
        w.request("FindCoordinator", 4, {"KeyType": 1, "CoordinatorKeys": [txn]})
        r = self.settled(w, "InitProducerId", 4, {"TransactionalId": txn, "TransactionTimeoutMs": 60000, "ProducerId": -1,
                                                  "ProducerEpoch": -1}, lambda r: r["ErrorCode"])
        assert r["ErrorCode"] == 0, r
        return r["ProducerId"], r["ProducerEpoch"]

    # ---- the victim, as it is on the cluster itself

    def victims_state(self):
        v, physical = self.victim, self.victim.physical
        with self.physical() as p:
            t = p.request("Metadata", 12, {"Topics": [{"Name": physical(v.topic)}]})["Topics"][0]
            offsets = p.request("ListOffsets", 7, {"ReplicaId": -1, "Topics": [{"Name": physical(v.topic), "Partitions": [
                {"PartitionIndex": i, "Timestamp": -1} for i in (0, 1)]}]})["Topics"][0]["Partitions"]
            configs = p.request("DescribeConfigs", 4, {"Resources": [
                {"ResourceType": 2, "ResourceName": physical(v.topic), "ConfigurationKeys": None}]})["Results"][0]["Configs"]
            groups = p.request("OffsetFetch", 8, {"Groups": [{"GroupId": physical(g), "Topics": None} for g in (v.group, v.consumer_group)],
                                                  "RequireStable": False})["Groups"]
            txn = p.request("DescribeTransactions", 0, {"TransactionalIds": [physical(v.txn)]})["TransactionStates"][0]
            members = p.request("DescribeGroups", 5, {"Groups": [physical(v.group), physical(v.consumer_group)]})["Groups"]
        return {
            "topic": (t["TopicId"], t["ErrorCode"], len(t["Partitions"])),
            "offsets": sorted((o["PartitionIndex"], o["Offset"]) for o in offsets),
            "configs": sorted((c["Name"], c["Value"]) for c in configs),
            "groups": sorted((g["GroupId"], str(g["Topics"])) for g in groups),
            "transaction": (txn["ErrorCode"], txn["TransactionState"], txn["ProducerId"], txn["ProducerEpoch"]),
            "members": sorted((g["GroupId"], g["GroupState"], len(g["Members"])) for g in members),
            "topics of the platform and the victim": sorted(n for n in self.stack.kafka.topics() if not n.startswith("acme.")),
        }
