#!/usr/bin/env python3
"""Kafka's message schemas -> the gateway's own tables.

Reads common/message/*.json out of a kafka-clients jar and kinds.tsv beside this file; writes

    gateway/kafka/gen/schema_tables.c       struct kfk_schema and kfk_field, see include/alcove/kafka.h
    gateway/kafka/gen/field_ids.h           a name for each field's place in its message
    include/alcove/tbl/kafka_api.def        every api key with its name and who serves it

All three are committed: building needs neither this program nor a jar (`make schema` runs it). The same jar and
the same kinds.tsv give the same bytes, so that a check can run it again and compare.

It refuses to write anything, and lists what is wrong, when
  - a string, bytes, uuid or records field has no kind: what a new field carries is a decision, not a default;
  - a row of kinds.tsv decides nothing, or no field is of a kind: left over from a field that went away, or misspelt;
  - a schema says something that the tables cannot.

usage: import.py --jar FILE [--root DIR] [--kinds-json FILE]
  --root        where the files go, by the paths above (default: this repository)
  --kinds-json  also writes every field with its kind as JSON, for the maker of golden frames; with
                --no-tables nothing else is written
"""
import argparse
import fnmatch
import json
import pathlib
import re
import sys
import zipfile

HERE = pathlib.Path(__file__).resolve().parent
REPO = HERE.parents[2]
NEVER = (0, -1)
TOP = 127

SCALARS = {"bool": "BOOL", "int8": "INT8", "int16": "INT16", "uint16": "UINT16", "int32": "INT32", "uint32": "UINT32",
           "int64": "INT64", "float64": "FLOAT64", "uuid": "UUID", "string": "STRING", "bytes": "BYTES",
           "records": "RECORDS"}
MUST_HAVE_KIND = {"STRING", "BYTES", "UUID", "RECORDS"}
# Kafka's own marks, where kinds.tsv says nothing else.
MARKS = {"topicName": "TOPIC_NAME", "groupId": "GROUP_ID", "transactionalId": "TXN_ID", "brokerId": "BROKER_ID",
         "producerId": "NONE"}
# Messages without an api key: their C name, and the direction they are filed under.
SPECIAL = {"RequestHeader": ("kfk_request_header", "REQUEST"),
           "ResponseHeader": ("kfk_response_header", "RESPONSE"),
           "ConsumerProtocolSubscription": ("kfk_consumer_subscription", "REQUEST"),
           "ConsumerProtocolAssignment": ("kfk_consumer_assignment", "REQUEST")}


class Refused(Exception):
    pass


# ---- reading ------------------------------------------------------------------------------------

def without_comments(text):
    """JSON with // comments -> JSON. Strings may hold // as well."""
    return re.sub(r'("(?:\\.|[^"\\])*")|//[^\n]*', lambda m: m.group(1) or "", text)


def read_jar(path):
    """-> (version of the jar, {message name: schema})"""
    messages = {}
    with zipfile.ZipFile(path) as jar:
        properties = jar.read("kafka/kafka-version.properties").decode()
        version = re.search(r"^version=(\S+)", properties, re.M).group(1)
        for name in jar.namelist():
            if not re.fullmatch(r"common/message/\w+\.json", name):
                continue
            try:
                message = json.loads(without_comments(jar.read(name).decode()))
            except ValueError as e:
                raise Refused(f"{name}: not JSON: {e}")
            messages[message["name"]] = message
    return version, messages


def versions(text, what):
    """'3', '0-9', '2+', 'none' -> (lo, hi)"""
    if text == "none":
        return NEVER
    m = re.fullmatch(r"(\d+)(?:(\+)|-(\d+))?", text)
    if not m:
        raise Refused(f"{what}: versions {text!r}, expected N, N-M, N+ or none")
    lo = int(m.group(1))
    return lo, TOP if m.group(2) else int(m.group(3) or lo)


def clip(v, limit):
    lo, hi = max(v[0], limit[0]), min(v[1], limit[1])
    return (lo, hi) if lo <= hi else NEVER


def snake(name):
    """TopicData -> TOPIC_DATA, KRaftVersion -> KRAFT_VERSION, timeoutMs -> TIMEOUT_MS"""
    name = name.replace("KRaft", "Kraft")
    name = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name)
    return re.sub(r"([A-Z])([A-Z][a-z])", r"\1_\2", name).upper()


# ---- one message --------------------------------------------------------------------------------

class Field:
    def __init__(self, message, spec, path, around):
        self.spec = spec
        self.name = spec["name"]
        self.path = path + (self.name,)
        where = f"{message.name} {self.dotted}"
        type_ = spec["type"]
        self.array = type_.startswith("[]")
        self.base = type_[2:] if self.array else type_
        if self.base.startswith("[]"):
            raise Refused(f"{where}: an array of arrays, which the tables cannot say")
        self.type = SCALARS.get(self.base, "STRUCT")
        if self.type == "STRUCT" and not self.base[0].isupper():
            raise Refused(f"{where}: type {type_!r} is not known")
        self.valid = clip(versions(spec["versions"], where), around)
        self.nullable = clip(versions(spec.get("nullableVersions", "none"), where), self.valid)
        self.tagged = clip(versions(spec.get("taggedVersions", "none"), where), self.valid)
        self.flexible = clip(versions(spec["flexibleVersions"], where) if "flexibleVersions" in spec
                             else message.flexible, self.valid)
        self.tag = spec.get("tag", -1) if self.tagged != NEVER else -1
        if self.tag < -1 or self.tag > TOP:
            raise Refused(f"{where}: tag {self.tag}, expected 0 to {TOP}")
        if self.tagged != NEVER and clip(self.tagged, message.flexible) != self.tagged:
            raise Refused(f"{where}: tagged in versions that are not flexible")
        self.default, self.default_null = self.read_default(where)
        self.first = self.count = 0
        self.kind = "NONE"

    @property
    def dotted(self):
        return ".".join(self.path)

    def read_default(self, where):
        text = str(self.spec.get("default", ""))
        if text == "null":
            if self.nullable == NEVER:
                raise Refused(f"{where}: null by default but never nullable")
            return 0, True
        if self.array or self.type in ("STRUCT", "STRING", "BYTES", "RECORDS", "UUID"):
            if text:
                raise Refused(f"{where}: default {text!r}, the tables know null and empty only")
            return 0, False
        if self.type == "BOOL":
            return int(text.lower() == "true"), False
        if self.type == "FLOAT64":
            if text not in ("", "0", "0.0"):
                raise Refused(f"{where}: default {text!r}, the tables know 0 only")
            return 0, False
        return int(text, 0) if text else 0, False


class Message:
    """Its fields flattened: level after level, each struct's own side by side."""

    def __init__(self, spec, unstable):
        self.name = spec["name"]
        self.key = spec.get("apiKey", -1)
        self.dir = SPECIAL[self.name][1] if self.name in SPECIAL else spec["type"].upper()
        self.versions = versions(spec["validVersions"], self.name)
        if self.versions[1] >= TOP:
            raise Refused(f"{self.name}: versions {spec['validVersions']!r} have no end")
        self.flexible = clip(versions(spec.get("flexibleVersions", "none"), self.name), self.versions)
        self.unstable = self.versions[1] if unstable else TOP
        self.broker = self.key >= 0
        self.common = {s["name"]: s for s in spec.get("commonStructs", [])}
        self.fields = []
        self.top = self.level(spec["fields"], (), self.versions)
        at = 0
        while at < len(self.fields):
            f = self.fields[at]
            if f.type == "STRUCT":
                f.first = len(self.fields)
                inner = f.spec.get("fields") or self.common[f.base]["fields"]
                f.count = self.level(inner, f.path, f.valid)
            at += 1
        if len(self.fields) > 0xffff:
            raise Refused(f"{self.name}: {len(self.fields)} fields")

    def level(self, specs, path, around):
        """Appends one struct's fields; those that no valid version has are left out."""
        fields = [f for f in (Field(self, s, path, around) for s in specs) if f.valid != NEVER]
        self.fields += fields
        return len(fields)

    @property
    def c_fields(self):
        return "f_" + snake(self.name).lower()

    def ids(self):
        names = ["KFK_" + "_".join([snake(self.name)] + [snake(p) for p in f.path]) for f in self.fields]
        doubles = {n for n in names if names.count(n) > 1}
        if doubles:
            raise Refused(f"{self.name}: two fields would be called {', '.join(sorted(doubles))}")
        return names


# ---- kinds --------------------------------------------------------------------------------------

class Kinds:
    """kinds.tsv: message pattern, field pattern, kind, why. The first row that fits decides, before Kafka's marks."""

    def __init__(self, path, known):
        self.path, self.rows = path, []
        for number, line in enumerate(path.read_text().splitlines(), 1):
            if not line.strip() or line.startswith("#"):
                continue
            row = line.split("\t")
            if len(row) != 4 or not all(row):
                raise Refused(f"{path.name}:{number}: {len(row)} columns, expected message, field, kind and why, each with one tab between")
            if row[2] not in known:
                raise Refused(f"{path.name}:{number}: kind {row[2]!r} is not in include/alcove/tbl/kind.def")
            self.rows.append([number, row, 0])

    def of(self, message, field):
        for row in self.rows:
            where, what, kind, _ = row[1]
            # A pattern without a dot is about the field's own name, at any depth.
            subject = field.dotted if "." in what else field.name
            if fnmatch.fnmatchcase(message.name, where) and fnmatch.fnmatchcase(subject, what):
                row[2] += 1
                return kind
        return MARKS.get(field.spec.get("entityType"))

    def idle(self):
        return [f"{self.path.name}:{n}: decides nothing: {' '.join(row[:3])}" for n, row, used in self.rows if not used]


def known_kinds():
    text = (REPO / "include/alcove/tbl/kind.def").read_text()
    return re.findall(r"^KIND\((\w+),", text, re.M)


def classify(messages, kinds):
    wrong = []
    for m in messages:
        for f in m.fields:
            mark = f.spec.get("entityType")
            if mark is not None and mark not in MARKS:
                wrong.append(f"{m.name} {f.dotted}: Kafka marks it {mark!r}, which this program does not know")
            kind = kinds.of(m, f)
            if f.type == "STRUCT":
                if kind not in (None, "NONE"):
                    wrong.append(f"{m.name} {f.dotted}: kind {kind} on a struct")
                kind = "NONE"
            if f.type in MUST_HAVE_KIND and kind in (None, "NONE"):
                wrong.append(f"{m.name} {f.dotted}: a {f.base} field of no kind; say in kinds.tsv what it carries")
            f.kind = kind or "NONE"
    used = {f.kind for m in messages for f in m.fields}
    wrong += [f"kind.def: {kind}: no field is of this kind" for kind in known_kinds() if kind not in used]
    return wrong + kinds.idle()


# ---- choosing -----------------------------------------------------------------------------------

def api_name(message_name):
    return re.sub(r"(Request|Response)$", "", message_name)


def served_by(request):
    if versions(request["validVersions"], request["name"]) == NEVER:
        return "GONE"
    return "BROKER" if "broker" in request["listeners"] else "CONTROLLER"


def choose(all_messages):
    """-> (messages that get a table, [(key, name, who serves it)])"""
    requests = sorted((m for m in all_messages.values() if m["type"] == "request"), key=lambda m: m["apiKey"])
    chosen, apis = [], []
    for request in requests:
        who = served_by(request)
        apis.append((request["apiKey"], api_name(request["name"]), who))
        if who != "BROKER":
            continue
        response = all_messages[api_name(request["name"]) + "Response"]
        if (response["apiKey"], response["validVersions"]) != (request["apiKey"], request["validVersions"]):
            raise Refused(f"{request['name']}: its response has another key or other versions")
        unstable = request.get("latestVersionUnstable", False)
        chosen += [Message(request, unstable), Message(response, unstable)]
    return chosen + [Message(all_messages[name], False) for name in SPECIAL], apis


# ---- writing ------------------------------------------------------------------------------------

def head(version, *lines):
    first = f"/* Generated by `make schema` from the message schemas of kafka-clients {version}; do not edit."
    return "\n * ".join((first,) + lines) + " */"


def c_versions(v):
    return "NEVER" if v == NEVER else f"{{ {v[0]}, {v[1]} }}"


def c_number(n):
    return "INT64_MIN" if n == -2**63 else f"INT64_C({n})" if abs(n) > 0x7fffffff else str(n)


def c_field(f):
    cells = [f'"{f.name}"', "KFK_" + f.type, "KFK_KIND_" + f.kind, "true" if f.array else "false", str(f.tag),
             c_versions(f.valid), c_versions(f.nullable), c_versions(f.tagged), c_versions(f.flexible),
             str(f.first), str(f.count), c_number(f.default), "true" if f.default_null else "false"]
    return "\t{ " + ", ".join(cells) + " },"


def c_schema(m):
    flexible = m.flexible[0] if m.flexible != NEVER else TOP
    cells = [f'"{m.name}"', str(m.key), "KFK_" + m.dir, c_versions(m.versions), str(flexible), str(m.unstable),
             "true" if m.broker else "false", str(m.top), str(len(m.fields)), m.c_fields if m.fields else "NULL"]
    return "{ " + ", ".join(cells) + " }"


def tables_c(version, messages):
    apis = [m for m in messages if m.key >= 0]
    out = [head(version, "Columns of a field: name, type, kind, array, tag; versions that have it, nullable, tagged, compact;",
                "first and count of a struct's fields; default, default is null."),
           '#include "kafka/schema.h"', "", "#define NEVER { 0, -1 }"]
    for m in messages:
        if m.fields:
            out += ["", f"static const struct kfk_field {m.c_fields}[] = {{"] + [c_field(f) for f in m.fields] + ["};"]
    out += ["", "const struct kfk_schema kfk_schemas[] = {"] + ["\t" + c_schema(m) + "," for m in apis] + ["};"]
    out += [f"const size_t kfk_schemas_n = {len(apis)};", ""]
    out += [f"const struct kfk_schema {SPECIAL[m.name][0]} =\n    {c_schema(m)};" for m in messages if m.key < 0]
    place = {m.key: i for i, m in reversed(list(enumerate(apis)))}
    keys = range(max(place) + 1)
    out += ["", "/* By api key: where its request stands in kfk_schemas, the response right behind it; -1: no such api. */",
            "const int16_t kfk_schema_places[] = {"]
    out += ["\t" + " ".join(f"{place.get(k, -1)}," for k in keys[at:at + 16]) for at in range(0, len(keys), 16)]
    out += ["};", f"const size_t kfk_schema_places_n = {len(keys)};"]
    return "\n".join(out) + "\n"


def ids_h(version, messages):
    out = [head(version, "A field's number in its message: KFK_<MESSAGE>_<PATH>."),
           "#ifndef KAFKA_GEN_FIELD_IDS_H", "#define KAFKA_GEN_FIELD_IDS_H"]
    for m in messages:
        if m.fields:
            out += ["", "enum {"] + [f"\t{name} = {i}," for i, name in enumerate(m.ids())] + ["};"]
    return "\n".join(out + ["", "#endif"]) + "\n"


def api_def(version, apis):
    out = [head(version, "KAPI(key, name, text, who): every api key there is or was; who: BROKER (the gateway has tables),",
                "CONTROLLER (only controllers serve it: always refused), GONE (removed from Kafka).")]
    return "\n".join(out + [f'KAPI({key}, {snake(name)}, "{name}", {who})' for key, name, who in apis]) + "\n"


def kinds_json(version, messages):
    fields = {m.name: {f.dotted: f.kind for f in m.fields} for m in messages}
    return json.dumps({"kafkaClients": version, "messages": fields}, indent=1) + "\n"


def main():
    parser = argparse.ArgumentParser(description="Kafka's message schemas -> the gateway's tables")
    parser.add_argument("--jar", type=pathlib.Path, required=True)
    parser.add_argument("--root", type=pathlib.Path, default=REPO)
    parser.add_argument("--kinds-json", type=pathlib.Path)
    parser.add_argument("--no-tables", action="store_true")
    args = parser.parse_args()
    try:
        version, all_messages = read_jar(args.jar)
        messages, apis = choose(all_messages)
        wrong = classify(messages, Kinds(HERE / "kinds.tsv", known_kinds()))
        if wrong:
            raise Refused("\n".join(wrong))
        files = {} if args.no_tables else {
            args.root / "gateway/kafka/gen/schema_tables.c": tables_c(version, messages),
            args.root / "gateway/kafka/gen/field_ids.h": ids_h(version, messages),
            args.root / "include/alcove/tbl/kafka_api.def": api_def(version, apis)}
        if args.kinds_json:
            files[args.kinds_json] = kinds_json(version, messages)
    except (Refused, OSError, KeyError, zipfile.BadZipFile) as e:
        print(f"import.py: {args.jar}:\n{e}", file=sys.stderr)
        return 1
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
