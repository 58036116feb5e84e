"""A whole Alcove for tests: a real Kafka, the gateway before it, two tenants with equal names, and a judge over every byte.

    with Stack() as s:                       # starts both, waits until the gateway is ready; stops both
        s.rest("POST", "/v1/tenants", {"id": "initech"})
        acme = s.acme                        # a Tenant: how its clients connect
        acme.librdkafka(**{"group.id": "g"}) # and .java(), .java_file(), .kafka_python(), .wire()

FLAVOR says which build runs (asan when it is not said). A report of a sanitizer, or an end other than 0 after SIGTERM,
is a failure. Direct() gives the same two tenants without a gateway, each with a Kafka of its own: what a test expects of
the gateway it must find there as well.

Nothing here has a fixed port or is left behind: all files are below one folder of mkdtemp, kept only after a failure.
"""
import contextlib
import http.client
import json
import os
import pathlib
import random
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import traceback
import urllib.error
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import kafkawire as kw  # noqa: E402
from judge import Judge  # noqa: E402

REPO = pathlib.Path(__file__).resolve().parents[2]
KAFKA = REPO / "tests/kit/kafka"
FLAVOR = os.environ.get("FLAVOR") or "asan"
CLUSTER_ID = "YWxjb3ZlLXRlc3Qta2Fma2E"  # of the physical cluster; kafka/start makes it so
# Rebalances of KIP-848 and of streams groups.
QUICK = {"group.consumer.min.heartbeat.interval.ms": 300, "group.consumer.heartbeat.interval.ms": 300,
         "group.streams.min.heartbeat.interval.ms": 300, "group.streams.heartbeat.interval.ms": 300, "group.streams.initial.rebalance.delay.ms": 0}
# What makes a broker of 4.4 ask streams groups for descriptions of their topologies; without it, it refuses them with 35.
DESCRIBING = {"group.streams.topology.description.plugin.class": "org.apache.kafka.server.streams.InMemoryTopologyDescriptionPlugin"}
NODES_MAX = 4  # broker ports of each port listener
SANITIZER = re.compile(r"ERROR: \w+Sanitizer|WARNING: ThreadSanitizer|SUMMARY: \w+Sanitizer|runtime error:|LeakSanitizer has")
DOMAIN = "alcove.test"
DOMAINS = (DOMAIN, "example")  # the second one where a test gives a tenant names of its own


class StackError(Exception):
    """Something of the stack did not do what every test takes for granted."""


def run(*args, timeout=120, check=True, env=None, stdin=None):
    """-> CompletedProcess with text; StackError with all that it said when it failed."""
    args = [str(a) for a in args]
    # In a process group of its own, so that a hung tool can be ended with its children.
    p = subprocess.Popen(args, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                         errors="replace", env={**os.environ, **(env or {})}, start_new_session=True)
    try:
        out, err = p.communicate(stdin or "", timeout=timeout)
    except subprocess.TimeoutExpired:
        os.killpg(p.pid, signal.SIGKILL)
        out, err = p.communicate()
        raise StackError(f"{' '.join(args)}: not done after {timeout} s\n{out[-3000:]}{err[-3000:]}") from None
    if check and p.returncode != 0:
        raise StackError(f"{' '.join(args)}: exit {p.returncode}\n{out[-3000:]}{err[-3000:]}")
    return subprocess.CompletedProcess(args, p.returncode, out, err)


def tool(*args, **more):
    """One of Kafka's own tools, or a Java program; see kafka/tool."""
    return run(KAFKA / "tool", *args, **more)


def wait_until(what, condition, within_s=10.0, step_s=0.02):
    """Calls condition until it gives something true, and gives that back."""
    end = time.monotonic() + within_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise StackError(f"not within {within_s} s: {what}")
        time.sleep(step_s)


def words_of(e, runner):
    """One line for the end of a log: what was raised, and the first place that it came through beside the runner's file."""
    said = " | ".join(line for x in traceback.format_exception_only(e) for line in x.splitlines() if line.strip())
    runner = pathlib.Path(runner).resolve()
    for f in traceback.extract_tb(e.__traceback__):
        path = pathlib.Path(f.filename).resolve()
        if path.parent == runner.parent and path != runner:
            return f"{said:.800} ({path.name}:{f.lineno})"
    return f"{said:.800}"


# ---- ports --------------------------------------------------------------------------------------

def free_ports(n):
    """The first of n consecutive ports of 127.0.0.1 that nobody has, below those that the system gives to clients."""
    for _ in range(200):
        base = random.randrange(15000, 31900 - n)
        with contextlib.ExitStack() as held:
            try:
                for port in range(base, base + n):
                    s = held.enter_context(socket.socket())
                    s.bind(("127.0.0.1", port))
            except OSError:
                continue
        return base
    raise StackError(f"no {n} free ports in a row")


# ---- Kafka --------------------------------------------------------------------------------------

class Kafka:
    def __init__(self, folder, nodes=1, env=None, properties=None):
        """env: as kafka/start knows it. properties: more lines for server.properties."""
        self.folder, self.nodes, self.env, self.properties = pathlib.Path(folder), nodes, env or {}, {**QUICK, **(properties or {})}

    def start(self):
        self.folder.mkdir(parents=True, exist_ok=True)
        extra = self.folder / "extra.properties"
        extra.write_text("".join(f"{k}={v}\n" for k, v in self.properties.items()))
        run(KAFKA / ("start" if self.nodes == 1 else "start3"), self.folder, extra, env=self.env, timeout=180)
        self.said = dict(line.split("=", 1) for line in (self.folder / "env").read_text().splitlines() if "=" in line)
        self.bootstrap = self.said["KAFKA_BOOTSTRAP"]
        self.port = int(self.said["KAFKA_PORT"])
        return self

    def stop(self, kill=False):
        run(KAFKA / "stop", *(["--kill"] if kill else []), self.folder, check=False)

    def wire(self, **more):
        return kw.Wire("127.0.0.1", self.port, **more)

    def log(self):
        files = [self.folder / "server.log"] if self.nodes == 1 else sorted(self.folder.glob("n*/server.log"))
        return "\n".join(f.read_text(errors="replace") for f in files if f.exists())

    def topics(self):
        """name -> topic id, of the whole physical cluster."""
        with self.wire() as w:
            return {t["Name"]: t["TopicId"] for t in w.request("Metadata", 12, {"Topics": None})["Topics"]}

    def groups(self):
        with self.wire() as w:
            return sorted(g["GroupId"] for g in w.request("ListGroups", 4, {})["Groups"])


# ---- clients ------------------------------------------------------------------------------------

class Tenant:
    """How clients of one virtual cluster connect: through one endpoint, as one user."""

    def __init__(self, name, folder, host, port, user=None, password=None, ca=None, sni=None, mechanism="SCRAM-SHA-512",
                 judge=None):
        self.name, self.folder, self.host, self.port, self.user, self.password = name, pathlib.Path(folder), host, port, user, password
        self.ca, self.sni, self.mechanism, self.judge = ca, sni, mechanism, judge

    def but(self, **changes):
        """The same with another user, password, port, mechanism ..."""
        fields = ("name", "folder", "host", "port", "user", "password", "ca", "sni", "mechanism", "judge")
        return Tenant(**{**{f: getattr(self, f) for f in fields}, **changes})

    @property
    def bootstrap(self):
        return f"{self.sni or self.host}:{self.port}"

    def java(self, **more):
        conf = {"bootstrap.servers": self.bootstrap, "security.protocol": "SASL_SSL" if self.ca else "PLAINTEXT"}
        if self.ca:
            login = "plain.Plain" if self.mechanism == "PLAIN" else "scram.Scram"
            conf |= {"ssl.truststore.type": "PEM", "ssl.truststore.location": str(self.ca), "sasl.mechanism": self.mechanism,
                     "sasl.jaas.config": f"org.apache.kafka.common.security.{login}LoginModule required "
                                         f'username="{self.user}" password="{self.password}";'}
        return conf | more

    def java_file(self, **more):
        """The same as a file, for --command-config."""
        fd, path = tempfile.mkstemp(".properties", f"{self.name}-", self.folder)
        with open(fd, "w", encoding="utf-8") as f:
            f.writelines(f"{k}={v}\n" for k, v in self.java(**more).items())
        return path

    def librdkafka(self, **more):
        conf = {"bootstrap.servers": self.bootstrap, "security.protocol": "SASL_SSL" if self.ca else "PLAINTEXT",
                "socket.timeout.ms": 10000, "log_level": 3}
        if self.ca:
            conf |= {"ssl.ca.location": str(self.ca), "sasl.mechanism": self.mechanism, "sasl.username": self.user,
                     "sasl.password": self.password}
        return conf | more

    def kafka_python(self, **more):
        conf = {"bootstrap_servers": self.bootstrap, "security_protocol": "SASL_SSL" if self.ca else "PLAINTEXT"}
        if self.ca:
            conf |= {"ssl_cafile": str(self.ca), "sasl_mechanism": self.mechanism, "sasl_plain_username": self.user,
                     "sasl_plain_password": self.password}
        return conf | more

    def kcat(self, *args, stdin=None, timeout=30, check=True, **more):
        conf = [x for k, v in (self.librdkafka() | more).items() for x in ("-X", f"{k}={v}")]
        return run("kcat", *conf, *args, stdin=stdin, timeout=timeout, check=check)

    def tool(self, name, *args, config="--command-config", conf=None, **more):
        """One of Kafka's tools at this tenant's bootstrap."""
        return tool(name, "--bootstrap-server", self.bootstrap, config, self.java_file(**(conf or {})), *args, **more)

    def connect(self, **more):
        """A raw connection that has not logged in."""
        w = kw.Wire(self.host, self.port, **({"tls": True, "sni": self.sni, "ca": self.ca} if self.ca else {}), **more)
        if self.judge:
            self.judge.watch(self.name, w)
        return w

    def wire(self, **more):
        """A raw connection that has."""
        w = self.connect(**more)
        return w.sasl(self.mechanism, self.user, self.password) if self.ca else w


# ---- the admin API ------------------------------------------------------------------------------

class Refused(StackError):
    """An answer of 400 or more: .status, .problem (a dict)."""

    def __init__(self, method, path, status, body):
        super().__init__(f"{method} {path}: {status} {body}")
        self.status = status
        self.problem = json.loads(body) if body.startswith("{") else {}


class Rest:
    def __init__(self, port, ca, token):
        self.base, self.token = f"https://127.0.0.1:{port}", token
        self.context = ssl.create_default_context(cafile=str(ca))

    def __call__(self, method, path, body=None, token=None, headers=None):
        """-> the parsed answer (None where there is none); Refused."""
        data = None if body is None else json.dumps(body).encode()
        head = {"Authorization": f"Bearer {token or self.token}", **(headers or {})}
        if data is not None:
            head["Content-Type"] = "application/json"
        request = urllib.request.Request(self.base + path, data, head, method=method)
        try:
            with urllib.request.urlopen(request, timeout=30, context=self.context) as r:
                text = r.read().decode()
        except urllib.error.HTTPError as e:
            raise Refused(method, path, e.code, e.read().decode(errors="replace")) from None
        return json.loads(text) if text else None


# ---- the gateway --------------------------------------------------------------------------------

LISTENER = """\
  - name: {name}
    bind: 127.0.0.1:{port}
    endpoint: port
    node.ports: {first}-{last}
    node.id.first: 1
{tenant}    tls:
      certificate.file: server.pem
      key.file: server.key
"""

CONFIG = """\
workers: 2
listeners:
{listeners}  - name: hosts
    bind: 127.0.0.1:{sni}
    endpoint: sni
    domain: {domain}
    tls:
      certificate.file: server.pem
      key.file: server.key
upstream:
  bootstrap.servers: "{bootstrap}"
  metadata.refresh.ms: 1000
  census.interval.ms: 1000
{upstream}admin:
  bind: 127.0.0.1:{admin}
  tokens.file: tokens
  tls:
    certificate.file: server.pem
    key.file: server.key
ops:
  bind: 127.0.0.1:{ops}
state:
  file: state/alcove.db
  key.file: state.key
authentication:
{authentication}limits:
{limits}log:
  level: {level}
"""

DEFAULT_LIMITS = {"connections.max": 2000, "handshake.timeout.ms": 4000, "authentication.timeout.ms": 4000,
                  "request.receive.timeout.ms": 4000}
# Failed logins are answered by a timer, as always, but nobody wants to wait for them.
DEFAULT_AUTHENTICATION = {"scram.iterations": 4096, "connection.failed.authentication.delay.ms": 1,
                          "connection.failed.authentication.delay.max.ms": 2}
# Where nobody waits for them to run out: a JVM that starts on a busy machine can take longer than that for its handshake.
PATIENT = {k: 20000 for k in DEFAULT_LIMITS if k.endswith(".ms")}


def section(options):
    return "".join(f"  {k}: {v}\n" for k, v in options.items())


class Gateway:
    """One alcove in a folder: made once, started and stopped any number of times on the same ports."""

    def __init__(self, folder, bootstrap, upstream="", limits=None, flavor=FLAVOR, listeners=None):
        """upstream: more lines of that section. limits: of that section. listeners: {name: (lines of alcove.yaml, number of
        ports)} besides the usual ones; {port}, {first} and {last} in the lines: the first port, those behind it."""
        self.listeners = listeners or {}
        self.folder, self.bootstrap, self.upstream = pathlib.Path(folder), bootstrap, upstream
        self.limits = {**DEFAULT_LIMITS, **(limits or {})}
        self.authentication = dict(DEFAULT_AUTHENTICATION)
        self.binary = REPO / "build" / flavor / "alcove"
        self.process = self.token = None
        self.env, self.complaints, self.tap = {}, [], None  # env: more of it, for the process
        self.within = []  # a command that ends by becoming the gateway
        self.more = ""  # lines at the end of alcove.yaml, for configure
        self.log_path = self.folder.with_name(self.folder.name + ".log")
        if not self.binary.exists():
            raise StackError(f"{self.binary} is not built: make FLAVOR={flavor}")

    def init(self):
        said = run(self.binary, "init", "--domain", DOMAIN, "--bootstrap", self.bootstrap, self.folder).stdout
        found = re.search(r"^Admin token.*:\n\s+(\S+)$", said, re.M)
        if not found:
            raise StackError(f"alcove init shows no admin token:\n{said}")
        self.token, self.ca = found[1], self.folder / "ca.pem"
        return self

    def configure(self):
        """Takes fresh ports and writes alcove.yaml."""
        each = 1 + NODES_MAX
        base = free_ports(3 * each + 3 + sum(n for _, n in self.listeners.values()))
        self.ports, listeners = {}, ""
        for i, (name, tenant) in enumerate((("acme", "acme"), ("globex", "globex"), ("shared", ""))):
            first = base + i * each
            self.ports[name] = first
            listeners += LISTENER.format(name=name, port=first, first=first + 1, last=first + NODES_MAX,
                                         tenant=f"    tenant: {tenant}\n" if tenant else "")
        self.ports |= {"sni": base + 3 * each, "admin": base + 3 * each + 1, "ops": base + 3 * each + 2}
        first = base + 3 * each + 3
        for name, (lines, n) in self.listeners.items():
            self.ports[name] = first
            listeners += f"  - name: {name}\n" + lines.format(port=first, first=first + 1, last=first + n - 1)
            if "    tls:" not in lines:
                listeners += "    tls: {certificate.file: server.pem, key.file: server.key}\n"
            first += n
        (self.folder / "alcove.yaml").write_text(CONFIG.format(
            listeners=listeners, domain=DOMAIN, bootstrap=self.bootstrap, upstream=self.upstream, **{
                k: self.ports[k] for k in ("sni", "admin", "ops")},
            limits=section(self.limits), authentication=section(self.authentication), level=os.environ.get("ALCOVE_LOG", "info")) + self.more)
        self.rest = Rest(self.ports["admin"], self.ca, self.token)

    def reconfigure(self, section_name, **options):
        """Other values for options (a_b stands for a.b) that the file has in a section, read anew."""
        path = self.folder / "alcove.yaml"
        head, mark, tail = path.read_text().partition(f"\n{section_name}:\n")
        for name, value in options.items():
            tail, n = re.subn(rf"(?m)^  {re.escape(name.replace('_', '.'))}: .*$", f"  {name.replace('_', '.')}: {value}", tail, count=1)
            assert mark and n == 1, f"{section_name} has no {name}"
        path.write_text(head + mark + tail)
        return self.reload()

    def launch(self):
        env = {"ASAN_OPTIONS": "detect_leaks=1:abort_on_error=0", "UBSAN_OPTIONS": "print_stacktrace=1",
               "LSAN_OPTIONS": f"suppressions={REPO}/tests/kit/lsan.supp:print_suppressions=0",
               "TSAN_OPTIONS": "halt_on_error=0"}
        if self.tap:
            self.tap.mkdir(exist_ok=True)
            env["ALCOVE_TEST_TAP"] = str(self.tap)
        self.log_from = self.log_path.stat().st_size if self.log_path.exists() else 0
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen([*self.within, self.binary, "run", "-c", self.folder / "alcove.yaml"], stdout=log, stderr=log,
                                            stdin=subprocess.DEVNULL, env={**os.environ, **env, **self.env}, start_new_session=True)
        self.folder.with_name(self.folder.name + ".pid").write_text(f"{self.process.pid}\n")

    def start(self, ready=True):
        """Waits until it is ready. Takes other ports only when somebody took one of those that were free a moment ago."""
        if self.token is None:
            self.init()
            self.configure()
            fresh = True
        else:
            fresh = False
        for _ in range(5):
            self.launch()
            try:
                wait_until("the gateway is ready" if ready else "the gateway answers", self.ready if ready else self.alive, 30)
                return self
            except StackError:
                if fresh and self.process.poll() is not None and "cannot listen" in self.log_now():
                    self.configure()
                    continue
                self.kill()
                raise StackError(f"the gateway does not get ready:\n{self.log_now()[-4000:]}") from None
        raise StackError("no free ports for the gateway")

    def ops(self, path):
        """-> (status, text) of the ops listener."""
        c = http.client.HTTPConnection("127.0.0.1", self.ports["ops"], timeout=5)
        try:
            c.request("GET", path)
            r = c.getresponse()
            return r.status, r.read().decode()
        finally:
            c.close()

    def answers(self, path):
        if self.process.poll() is not None:
            raise StackError(f"the gateway ended: {self.process.returncode}")
        try:
            return self.ops(path)[0] == 200
        except OSError:
            return False

    def ready(self):
        return self.answers("/readyz")

    def alive(self):
        return self.answers("/healthz")

    def metrics(self):
        """{'name{labels}': number}"""
        lines = self.ops("/metrics")[1].splitlines()
        return {k: float(v) for k, v in (line.rsplit(" ", 1) for line in lines if line and not line.startswith("#"))}

    def metric(self, name, **labels):
        """The sum of a metric over all series that have these labels."""
        return sum(v for k, v in self.metrics().items() if k.split("{")[0] == name and
                   all(f'{a}="{b}"' in k for a, b in labels.items()))

    def log_now(self):
        """What this run has logged."""
        with open(self.log_path, "rb") as f:
            f.seek(self.log_from)
            return f.read().decode(errors="replace")

    def check_log(self):
        found = SANITIZER.search(self.log_now())
        if found:
            self.complaints.append(f"a sanitizer's report in {self.log_path}: {self.log_now()[found.start():][:4000]}")

    def reload(self, result="ok"):
        """SIGHUP, until it is done; -> what was logged of it."""
        before, logged = self.metric("alcove_reload_total", result=result), len(self.log_now())
        self.process.send_signal(signal.SIGHUP)
        wait_until(f"a reload: {result}", lambda: self.metric("alcove_reload_total", result=result) > before)
        return self.log_now()[logged:]

    def stop(self, within_s=25.0):
        """SIGTERM; it must end with 0. -> seconds that took"""
        if self.process is None:
            return 0.0
        began = time.monotonic()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(within_s)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            code = f"nothing within {within_s} s of SIGTERM"
        self.process = None
        self.check_log()
        if code != 0:
            self.complaints.append(f"the gateway ended with {code}:\n{self.log_now()[-4000:]}")
        return time.monotonic() - began

    def kill(self):
        """SIGKILL, as a crash."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None
            self.check_log()

    # ---- what tests do all the time

    def make_tenant(self, tenant, users=(("alice", "alice-secret"),), **more):
        self.rest("POST", "/v1/tenants", {"id": tenant, **more})
        for user, password in users:
            self.rest("POST", f"/v1/tenants/{tenant}/users", {"name": user, "password": password})

    def tenant(self, name, folder, judge=None, user="alice", password="alice-secret", via=None):
        """A Tenant. via: None, the tenant's own port; "shared"; "sni"."""
        if via == "shared":
            return Tenant(name, folder, "127.0.0.1", self.ports["shared"], f"{name}/{user}", password, self.ca, judge=judge)
        if via == "sni":
            return Tenant(name, folder, "127.0.0.1", self.ports["sni"], user, password, self.ca, f"{name}.{DOMAIN}", judge=judge)
        return Tenant(name, folder, "127.0.0.1", self.ports[name], user, password, self.ca, judge=judge)


# ---- all of it ----------------------------------------------------------------------------------

class Stack:
    """One Kafka, one gateway, tenants acme and globex with a user alice each (passwords differ)."""
    direct = False

    def __init__(self, nodes=1, kafka_env=None, kafka_properties=None, upstream=None, limits=None, flavor=FLAVOR):
        """upstream(stack) -> (bootstrap, more lines of alcove.yaml's upstream section), once Kafka runs."""
        self.args = nodes, kafka_env, kafka_properties
        self.upstream, self.limits, self.flavor, self.failed = upstream, limits, flavor, False
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="alcove-"))
        self.judge, self.gateway, self.kafka = Judge(DOMAINS, self.folder / "taps"), None, None

    def __enter__(self):
        try:
            nodes, env, properties = self.args
            self.kafka = Kafka(self.folder / "kafka", nodes, env, properties).start()
            bootstrap, lines = self.upstream(self) if self.upstream else (self.kafka.bootstrap, "")
            self.gateway = Gateway(self.folder / "gateway", bootstrap, lines, self.limits, self.flavor)
            self.gateway.tap = self.judge.taps
            self.gateway.start()
            self.rest = self.gateway.rest
            for name in ("acme", "globex"):
                self.gateway.make_tenant(name, [("alice", f"alice-of-{name}")])
            self.acme, self.globex = self.tenant("acme"), self.tenant("globex")
            for name, other in (("acme", "globex"), ("globex", "acme")):
                self.judge.forbid(name, f"{name}.", other, CLUSTER_ID)
        except BaseException:
            self.failed = True
            self.__exit__(None, None, None)
            raise
        return self

    def tenant(self, name, via=None, **more):
        password = more.pop("password", f"alice-of-{name}")
        return self.gateway.tenant(name, self.folder, self.judge, password=password, via=via, **more)

    def verdict(self):
        """What is wrong with the run as a whole; also names each tenant's topics by id for the judge."""
        try:
            for name, topic_id in (self.kafka.topics() if self.kafka else {}).items():
                for tenant, other in (("acme", "globex"), ("globex", "acme")):
                    if name.startswith(f"{other}."):
                        self.judge.forbid(tenant, topic_id.bytes)
        except (OSError, kw.WireError) as e:
            print(f"stack: the physical cluster cannot be asked for its topics: {e}", file=sys.stderr)
        return self.judge.verdict()

    def __exit__(self, kind, value, trace):
        complaints = self.verdict() if kind is None and not self.failed else []
        if self.gateway:
            self.gateway.stop()
            complaints += self.gateway.complaints
        if self.kafka:
            self.kafka.stop()
        if self.failed or complaints or kind is not None:
            self.show_logs()
            print(f"stack: logs are kept in {self.folder}", file=sys.stderr)
        else:
            shutil.rmtree(self.folder, ignore_errors=True)
        if complaints and kind is None:
            raise StackError("\n".join(complaints))

    def show_logs(self):
        for path in (self.folder / "gateway.log", self.folder / "kafka/server.log"):
            if path.exists():
                tail = path.read_text(errors="replace").splitlines()[-25:]
                print(f"---- the end of {path}\n" + "\n".join(tail), file=sys.stderr)


class Direct:
    """Two plain Kafkas in the place of two virtual clusters: what tests expect must be true here first."""
    direct = True
    gateway = None

    def __enter__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="alcove-direct-"))
        self.judge, self.failed = Judge(DOMAINS), False
        self.kafkas = [Kafka(self.folder / name) for name in ("acme", "globex")]
        for k in self.kafkas:
            k.start()
        self.acme, self.globex = (Tenant(k.folder.name, self.folder, "127.0.0.1", k.port) for k in self.kafkas)
        return self

    def verdict(self):
        return []

    def __exit__(self, kind, value, trace):
        for k in self.kafkas:
            k.stop()
        if self.failed or kind is not None:
            print(f"stack: logs are kept in {self.folder}", file=sys.stderr)
        else:
            shutil.rmtree(self.folder, ignore_errors=True)
