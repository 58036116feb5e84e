"""What a broker may do wrong, one function for each; see fakebroker.FakeBroker.lie."""
import asyncio
import os
import random
import socket
import struct
import uuid

from fakebroker import answer_frame, kw


async def truth(c, r):
    return answer_frame(r, await c.broker.answer(r))


# ---- time and ends --------------------------------------------------------------------------------------

async def silence(c, r):
    """Never an answer."""
    return True


async def hang_up(c, r):
    """Ends instead of answering."""
    return False


async def reset(c, r):
    c.reset()
    return False


async def cut(c, r):
    """The first half of an answer, then the end."""
    data = await truth(c, r)
    await c.write(data[:len(data) // 2])
    return False


async def cut_in_size(c, r):
    await c.write((await truth(c, r))[:2])
    return False


async def cut_by_reset(c, r):
    data = await truth(c, r)
    await c.write(data[:len(data) // 2])
    await asyncio.sleep(0.02)
    c.reset()
    return False


async def half_close(c, r):
    """Half an answer, and a FIN; the other direction stays open."""
    data = await truth(c, r)
    await c.write(data[:len(data) // 2])
    c.writer.write_eof()
    return True


async def drip(c, r):
    """The truth, byte by byte."""
    for byte in await truth(c, r):
        await c.write(bytes([byte]))
        await asyncio.sleep(0.0005)
    return True


# ---- order ------------------------------------------------------------------------------------------------

async def reversed_order(c, r):
    """Two answers in the wrong order."""
    c.kept.append(r)
    if len(c.kept) == 2:
        for x in reversed(c.kept):
            await c.honest(x)
        c.kept.clear()
    return True


async def wrong_id(c, r):
    await c.write(answer_frame(r, await c.broker.answer(r), correlation_id=r.correlation_id ^ 0x5a5a))
    return True


async def twice(c, r):
    await c.write(2 * await truth(c, r))
    return True


async def unasked(c, r):
    """The answer to a question that comes next, already sent with this one's."""
    await c.write(await truth(c, r) + answer_frame(r, await c.broker.answer(r), correlation_id=r.correlation_id + 1))
    return True


# ---- lengths and bytes -------------------------------------------------------------------------------------

def says(data, then_end=False):
    async def lie(c, r):
        await c.write(data)
        return not then_end
    return lie


async def garbage(c, r):
    """Noise; its first four bytes are no length that a frame could have, for which the gateway would wait."""
    noise = os.urandom(400)
    await c.write(bytes([noise[0] | 0x40]) + noise[1:])
    return True


async def garbage_body(c, r):
    """A right frame and header, a body of noise."""
    await c.write(answer_frame(r, body=random.Random(r.correlation_id).randbytes(200)))
    return True


async def huge_array(c, r):
    """A body that begins with lengths of 2^31-1."""
    await c.write(answer_frame(r, body=b"\0\0\0\0\xff\xff\xff\xff\x07" + b"\x7f\xff\xff\xff" * 20))
    return True


async def trailing(c, r):
    """More bytes in the frame than the message has."""
    data = await truth(c, r)
    await c.write(kw.frame(data[4:] + b"more"))
    return True


async def truncated(c, r):
    """A frame that ends, rightly sized, in the middle of the message."""
    data = await truth(c, r)
    await c.write(kw.frame(data[4:-3]))
    return True


# ---- other tenants' things ------------------------------------------------------------------------------------

def foreign(edit):
    """The truth, edited: {api: function(value)}."""
    async def lie(c, r):
        value = await c.broker.answer(r)
        if r.api in edit:
            edit[r.api](value)
        await c.write(answer_frame(r, value))
        return True
    return lie


def more_topics(value):
    secret = {"Partitions": [{"PartitionIndex": 0, "LeaderId": 1, "ReplicaNodes": [1], "IsrNodes": [1]}], "TopicId": uuid.uuid4()}
    value["Topics"] += [{"Name": n} | secret for n in ("globex.secret-plans", "no-tenant's", "acme", "globex.", "")]


def renamed_produce(value):
    for t in value["Responses"]:
        t["Name"] = "globex.secret-plans"


def other_ids(value):
    for t in value["Responses"]:
        t["TopicId"] = uuid.uuid4()


def other_share(value):
    """A topic of somebody else's among the answers, with its records, and a machine that nobody was told of."""
    value["Responses"].append({"TopicId": uuid.uuid4(), "Partitions": [
        {"PartitionIndex": 0, "Records": b"globex.secret-plans" * 8, "ErrorMessage": "globex.secret-plans at no-tenant's"}]})
    value["NodeEndpoints"].append({"NodeId": 77, "Host": "globex.secret", "Port": 1})


def other_streams(value):
    """A member is told what others read and where: in words, in partitions of its own group's machines."""
    value["Status"] = [{"StatusCode": 1, "StatusDetail": "Source topics globex.secret-plans, no-tenant's are missing."},
                       {"StatusCode": 3, "StatusDetail": "Internal topics are missing: [globex.secret-changelog]; Unauthorized to CREATE on topic "
                                                         "globex.secret-plans."}]
    mine = value["PartitionsByUserEndpoint"][0]["ActivePartitions"]
    theirs = [{"Topic": t, "Partitions": [0]} for t in ("globex.secret-plans", "no-tenant's", "acme", "globex.", "")]
    value["PartitionsByUserEndpoint"] = [{"UserEndpoint": {"Host": "app.example", "Port": 1}, "ActivePartitions": theirs + mine,
                                          "StandbyPartitions": mine + theirs}]
    value["ErrorMessage"] = "globex.secret-plans at real1.no-tenant's:9092"


def other_streams_groups(value):
    """Another's group, and one's own with another's topics wherever a topic can be."""
    mine = value["Groups"][0]
    node = {"Name": "n", "NodeType": 1, "Stores": [], "Successors": []}
    named = [{"Name": n, "Partitions": 1, "ReplicationFactor": 1, "TopicConfigs": []} for n in ("globex.secret-changelog", "no-tenant's")]
    mine["Topology"] = {"Epoch": 0, "Subtopologies": [{
        "SubtopologyId": "0", "SourceTopics": ["globex.secret-plans", *mine["Topology"]["Subtopologies"][0]["SourceTopics"]],
        "RepartitionSinkTopics": ["no-tenant's"], "StateChangelogTopics": named, "RepartitionSourceTopics": named}]}
    mine["TopologyDescriptionStatus"] = 3
    mine["TopologyDescription"] = {
        "Subtopologies": [{"SubtopologyId": "0", "Nodes": [node | {"SourceTopics": ["globex.secret-plans"], "SinkTopic": None},
                                                           node | {"SourceTopics": [], "SinkTopic": "globex.secret-plans"}]}],
        "GlobalStores": [{"Source": node | {"SourceTopics": ["no-tenant's"], "SinkTopic": None},
                          "Processor": node | {"SourceTopics": [], "SinkTopic": "globex.secret-plans"}}]}
    value["Groups"].append(mine | {"GroupId": "globex.secret-group", "ErrorMessage": "globex.secret-plans"})


def other_words(value):
    value.update(ErrorCode=135, ErrorMessage="The plugin has no room for globex.secret-plans of no-tenant's.")


async def nothing_at_all(c):
    """on_accept: closed before a word."""
    return False


async def speaks_first(c):
    await c.write(answer_frame_of_nobody())
    return True


def answer_frame_of_nobody():
    return kw.frame(struct.pack(">i", 1) + b"\0" * 20)


async def tls_alert(c):
    """on_accept: a TLS server's alert to someone who speaks no TLS."""
    await c.write(b"\x15\x03\x03\0\x02\x02\x50")
    return True
