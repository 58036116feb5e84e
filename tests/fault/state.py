"""The state on disks that fill, turn read-only or rot, locked by others, and killed in the middle of changes."""
import collections
import contextlib
import os
import random
import shutil
import sqlite3
import subprocess
import threading
import time

from calls import ENOSPC, FOREVER, LONG, Faults
from stage import Stage, equal, kw, stack, true

EROFS = 30
KILLS = 60 if LONG else 4
ROTS = 60 if LONG else 6
AUDIT_ROWS = 50  # of a tenant's own changes
FAILED = -1  # UNKNOWN_SERVER_ERROR: what the store said is the operator's
ANY_ACL = {"ResourceTypeFilter": 1, "ResourceNameFilter": None, "PatternTypeFilter": 1, "PrincipalFilter": None, "HostFilter": None, "Operation": 1,
           "PermissionType": 1}


class OnDisk(Stage):
    """The state's folder is a small file system of its own, where we may mount one."""

    def __init__(self):
        stack.run("make", "-s", "-C", stack.REPO, "fault-shims")
        self.faults, self.mounted = Faults(), False
        super().__init__(env=self.faults.env(), limits={"audit.native.rows.max": AUDIT_ROWS})

    def __enter__(self):
        super().__enter__()
        self.rest("PATCH", "/v1/tenants/acme", {"authorizer": "acl", "superUsers": ["User:alice"]})
        return self

    def mount(self, options):
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "alcove-test", self.folder / "disk"], stderr=subprocess.PIPE, text=True)
        return done.returncode == 0

    def __exit__(self, *exc):
        self.faults.disarm()
        try:
            super().__exit__(*exc)
        finally:
            if self.mounted:
                subprocess.run(["umount", "-l", self.folder / "disk"])
            self.faults.close()

    @property
    def file(self):
        return self.gateway.folder / "state/alcove.db"

    def users(self):
        return {u["name"] for u in self.rest("GET", "/v1/tenants/acme/users?limit=500")["items"]}

    def aliases(self):
        return {a["name"] for a in self.rest("GET", "/v1/tenants/acme/aliases?limit=500")["items"]}

    @contextlib.contextmanager
    def natively(self):
        """-> alter(name), described(): what acme's own client does with an ACL, a quota and a user of that name, each by a request of its own."""
        with self.acme.wire(record=False) as w:
            def described():
                acls = w.request("DescribeAcls", 3, ANY_ACL)["Resources"]
                quotas = w.request("DescribeClientQuotas", 1, {"Components": [], "Strict": False})["Entries"]
                users = w.request("DescribeUserScramCredentials", 0, {"Users": None})["Results"]
                return ({r["ResourceName"] for r in acls}, {q["Entity"][0]["EntityName"] for q in quotas}, {u["User"] for u in users})

            def alter(name):
                acl = w.request("CreateAcls", 3, {"Creations": [
                    {"ResourceType": 2, "ResourceName": name, "ResourcePatternType": 3, "Principal": "User:bob", "Host": "*", "Operation": 3,
                     "PermissionType": 3}]})
                quota = w.request("AlterClientQuotas", 1, {"ValidateOnly": False, "Entries": [
                    {"Entity": [{"EntityType": "user", "EntityName": name}],
                     "Ops": [{"Key": "producer_byte_rate", "Value": 1e6, "Remove": False}]}]})
                user = w.request("AlterUserScramCredentials", 0, {"Deletions": [], "Upsertions": [
                    {"Name": name, "Mechanism": 2, "Iterations": 4096, "Salt": b"salt", "SaltedPassword": bytes(64)}]})
                return [x["ErrorCode"] for x in (acl["Results"][0], quota["Entries"][0], user["Results"][0])]
            yield alter, described

    def refused_natively(self):
        """The same, natively. What a larger change left behind may have room for a small one: then that is done, and whole."""
        with self.natively() as (alter, described):
            for i in range(50):
                before, name = described(), f"never-{i}"
                codes = alter(name)
                true(f"CreateAcls, AlterClientQuotas, AlterUserScramCredentials: {codes}", set(codes) <= {0, FAILED})
                equal(f"what there is after {codes}", tuple(names | ({name} if code == 0 else set()) for names, code in zip(before, codes)),
                      described())
                if codes == [FAILED] * 3:
                    return
            raise AssertionError("the state can still be written")

    def refused(self, words):
        """Changes are refused with a sentence that has these words; readers and clients notice nothing; /readyz says it."""
        for method, path, body in (("POST", "/v1/tenants/acme/users", {"name": "never", "password": "a-password"}),
                                   ("PATCH", "/v1/tenants/acme/users", {"users": [{"name": f"never-{i}", "password": "a-password"} for i in range(3)]}),
                                   ("POST", "/v1/tenants", {"id": "never"}), ("POST", "/v1/tenants/globex/suspend", None)):
            try:
                self.rest(method, path, body)
            except stack.Refused as e:
                equal(f"{method} {path}: {e}", 503, e.status)
                true(f"{e} says {words} and which file", words in str(e) and str(self.file) in str(e))
            else:
                raise AssertionError(f"{method} {path} was done")
        true("nothing was changed", not any(u.startswith("never") for u in self.users()))
        equal("globex", "active", self.rest("GET", "/v1/tenants/globex")["state"])
        self.neighbour()
        self.neighbour(anew=True)
        self.refused_natively()
        status, why = stack.wait_until("/readyz is 503", lambda: (lambda r: r if r[0] == 503 else None)(self.gateway.ops("/readyz")), 5)
        true(f"/readyz says it: {why!r}", words in why and str(self.file) in why)

    def well_again(self):
        stack.wait_until("ready again", lambda: self.gateway.ops("/readyz")[0] == 200, 10)
        name = f"after-{time.monotonic_ns()}"
        self.rest("POST", "/v1/tenants/acme/users", {"name": name, "password": "a-password"})
        true("changes are done again", name in self.users())
        with self.natively() as (alter, described):
            equal("and natively", [0] * 3, alter(name))
            true("they are in force", all(name in names for names in described()))
        self.neighbour()


# ---- disks ----------------------------------------------------------------------------------------------------

def check_write_errors(s):
    """The file system says ENOSPC, then EROFS, to every write of the state, and then recovers."""
    for err, words in ((ENOSPC, "full"), (EROFS, "disk")):
        for call in ("pwrite", "sync") if LONG and err == ENOSPC else ("pwrite",):
            s.faults.arm(call, err, 1, FOREVER, thread="alcove-control")
            try:
                s.refused(words if call == "pwrite" else "")
            finally:
                s.faults.disarm()
            s.well_again()


def move_state(s, options):
    """The state goes to a file system of its own."""
    s.gateway.stop()
    (s.folder / "disk").mkdir(exist_ok=True)
    if not s.mount(options):
        print("    no right to mount here: only what write_errors shows was tried", flush=True)
        s.gateway.start()
        return False
    s.mounted = True
    shutil.copytree(s.gateway.folder / "state", s.folder / "disk/state")
    (s.gateway.folder / "state").rename(s.gateway.folder / "state.before")
    (s.gateway.folder / "state").symlink_to(s.folder / "disk/state")
    s.gateway.start()
    return True


def move_back(s):
    s.gateway.stop()
    (s.gateway.folder / "state").unlink()
    shutil.rmtree(s.gateway.folder / "state.before")
    shutil.copytree(s.folder / "disk/state", s.gateway.folder / "state")
    subprocess.run(["umount", s.folder / "disk"], check=True)
    s.mounted = False
    s.gateway.start()


def fill_up(file):
    """To the last byte."""
    with open(file, "ab", buffering=0) as f, contextlib.suppress(OSError):
        while True:
            f.write(bytes(512))


def check_full_disk(s):
    """A small file system that is really full: changes are refused until there is room; all acknowledged ones survive."""
    if not move_state(s, "size=900k,mode=0700"):
        return
    filler, made = s.folder / "disk/filler", []
    with contextlib.suppress(OSError):
        filler.write_bytes(bytes(1 << 20))
    fill_up(filler)
    os.truncate(filler, filler.stat().st_size - 100000)
    try:
        for i in range(200):
            s.rest("POST", "/v1/tenants/acme/users", {"name": f"full-{i}", "password": "a-password"})
            made.append(f"full-{i}")
    except stack.Refused as e:
        equal(str(e), 503, e.status)
    print(f"    {len(made)} changes fitted", flush=True)
    fill_up(filler)  # a smaller change might still fit where that one did not
    s.refused("full")
    s.gateway.kill()  # and a crash on top
    s.gateway.start()
    true("what was acknowledged is there", set(made) <= s.users())
    filler.unlink()
    s.well_again()
    move_back(s)
    true("what was acknowledged is there", set(made) <= s.users())


def fails_to_start(s, *words):
    """The gateway ends with 1 and a sentence that has these words and the file's name."""
    g = s.gateway
    g.launch()
    equal(f"exit code; {g.log_now()}", 1, g.process.wait(10))
    g.process = None
    g.check_log()
    said = g.log_now()
    true(f"{said!r} says {words}", all(w in said for w in words) and "alcove.db" in said)
    return said


def check_read_only(s):
    """A file system that may not be written at the start."""
    if not move_state(s, "size=900k,mode=0700"):
        return
    s.gateway.stop()
    subprocess.run(["mount", "-o", "remount,ro", s.folder / "disk"], check=True)
    fails_to_start(s, "Read-only file system")
    subprocess.run(["mount", "-o", "remount,rw", s.folder / "disk"], check=True)
    s.gateway.start()
    s.well_again()
    move_back(s)


def check_locked(s):
    """A second gateway is told who has the state; another program's lock makes changes wait, then fail, and nothing else."""
    second = subprocess.run([s.gateway.binary, "run", "-c", s.gateway.folder / "alcove.yaml"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                            text=True, timeout=20, env={**os.environ, "ASAN_OPTIONS": "detect_leaks=0"})
    equal(f"exit code: {second.stdout}", 1, second.returncode)
    true(f"{second.stdout!r} names file and process", "alcove.db" in second.stdout and f"({s.gateway.process.pid})" in second.stdout)
    other = sqlite3.connect(s.file, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    try:
        try:
            s.rest("POST", "/v1/tenants/acme/users", {"name": "never", "password": "a-password"})
            raise AssertionError("done under another's lock")
        except stack.Refused as e:
            equal(str(e), 503, e.status)
            true(f"{e} says why", "locked" in str(e) and str(s.file) in str(e))
        s.neighbour(anew=True)
    finally:
        other.execute("ROLLBACK")
        other.close()
    s.well_again()


# ---- rot ------------------------------------------------------------------------------------------------------------

def flip(path, rng, n):
    size = path.stat().st_size
    if not size:
        return
    with open(path, "r+b") as f:
        for _ in range(n):
            at = rng.randrange(size)
            f.seek(at)
            byte = f.read(1)[0]
            f.seek(at)
            f.write(bytes([byte ^ 1 << rng.randrange(8)]))


def check_rot_at_start(s):
    """Bits of the file changed before a start: it is refused with a sentence, or comes up and serves whom it can; it never dies."""
    seed = int(os.environ.get("FAULT_SEED", time.time_ns() % 1000000))
    rng = random.Random(seed)
    s.gateway.stop()
    good = s.folder / "good"
    shutil.copytree(s.gateway.folder / "state", good)
    refused = 0
    for i in range(ROTS):
        flip(s.file, rng, rng.choice((1, 5, 50, 500)))
        s.gateway.launch()
        stack.wait_until("up or ended", lambda: s.gateway.process.poll() is not None or up(s), 20)
        code = s.gateway.process.poll()
        if code is None:
            s.gateway.stop()
        else:
            refused += 1
            equal(f"seed {seed}, {i}: exit code; {s.gateway.log_now()}", 1, code)
            true(f"seed {seed}, {i}: names the file: {s.gateway.log_now()}", "alcove.db" in s.gateway.log_now())
            s.gateway.process = None
        s.gateway.check_log()
        equal(f"seed {seed}, {i}", [], s.gateway.complaints)
        shutil.rmtree(s.gateway.folder / "state")
        shutil.copytree(good, s.gateway.folder / "state")
    print(f"    {refused} of {ROTS} starts were refused (seed {seed})", flush=True)
    s.gateway.start()
    s.well_again()


def up(s):
    with contextlib.suppress(OSError):
        return s.gateway.ops("/healthz")[0] == 200


def check_rot_while_running(s):
    """The file is overwritten with noise below the running gateway: clients go on, changes fail or not, nothing dies."""
    s.neighbour()
    users = s.users()
    before = {f: f.read_bytes() for f in s.file.parent.glob("alcove.db*") if not f.name.endswith((".lock", "-shm"))}
    for f, data in before.items():
        with open(f, "r+b") as out:
            out.write(os.urandom(len(data)))
    answers = collections.Counter()
    for i in range(6):
        for method, path, body in (("POST", "/v1/tenants/acme/users", {"name": f"rot-{i}", "password": "a-password"}), ("GET", "/v1/tenants/acme/users", None),
                                   ("POST", "/v1/tenants", {"id": f"rot-{i}"})):
            try:
                s.rest(method, path, body)
                answers[method, "done"] += 1
            except stack.Refused as e:
                true(str(e), 500 <= e.status < 600)
                answers[method, e.status] += 1
        s.neighbour(anew=True)
    print(f"    {dict(answers)}", flush=True)
    s.gateway.stop()
    equal("its end", [], s.gateway.complaints)
    fails_to_start(s, "restore a backup" if b"SQLite" in s.file.read_bytes()[:16] else "")
    for f in s.file.parent.glob("alcove.db*"):
        f.unlink()
    for f, data in before.items():
        f.write_bytes(data)
    s.gateway.start()
    true("the backup has what was there", users <= s.users())
    s.well_again()


# ---- the audit of what tenants do --------------------------------------------------------------------------------------

def check_audit_flood(s):
    """A tenant that changes its ACLs without end fills no disk: its own rows make room for each other, and for nobody else's."""
    def count(where):
        with contextlib.closing(sqlite3.connect(f"file:{s.file}?mode=ro", uri=True)) as db:
            return db.execute(f"SELECT count(*) FROM audit WHERE {where}").fetchone()[0]

    def dropped():
        return s.gateway.metric("alcove_audit_rows_dropped_total")
    s.rest("PATCH", "/v1/tenants/globex", {"authorizer": "acl", "superUsers": ["User:alice"]})
    acls = [{"ResourceType": 2, "ResourceName": f"flood-{i}", "ResourcePatternType": 3, "Principal": "User:bob", "Host": "*", "Operation": 3,
             "PermissionType": 3} for i in range(AUDIT_ROWS)]
    with s.globex.wire(record=False) as w:
        equal("globex's", 0, w.request("CreateAcls", 3, {"Creations": acls[:1]})["Results"][0]["ErrorCode"])
    others, rows, before = count("NOT native"), count("native AND tenant = 'acme'"), dropped()
    with s.acme.wire(record=False) as w:
        for _ in range(4):
            equal("made", [0] * AUDIT_ROWS, [r["ErrorCode"] for r in w.request("CreateAcls", 3, {"Creations": acls})["Results"]])
            gone = w.request("DeleteAcls", 3, {"Filters": [ANY_ACL | {"ResourceNameFilter": a["ResourceName"]} for a in acls]})
            equal("and gone", AUDIT_ROWS, sum(len(f["MatchingAcls"]) for f in gone["FilterResults"]))
            s.neighbour()
    equal("acme's rows", AUDIT_ROWS, count("native AND tenant = 'acme'"))
    equal("the latest of them", AUDIT_ROWS, count("native AND tenant = 'acme' AND what = 'acl.delete'"))
    equal("globex's rows", 1, count("native AND tenant = 'globex'"))
    equal("administrators' rows", others, count("NOT native"))
    equal("what the metric says", before + rows + 8 * AUDIT_ROWS - AUDIT_ROWS, dropped())


# ---- killed ------------------------------------------------------------------------------------------------------------

class Changes:
    """Threads that make and delete users and aliases all the time, and remember what may be there now."""

    def __init__(self, s, n=4):
        self.s, self.stopping, self.acknowledged = s, False, 0
        self.may = collections.defaultdict(lambda: {False})  # name -> is it there? both, when nobody answered
        self.threads = [threading.Thread(target=self.run, args=(i,), daemon=True) for i in range(n)]
        for t in self.threads:
            t.start()

    def run(self, number):
        rng = random.Random()
        while not self.stopping:
            alias = number > 0  # users take a hundred times as long
            name = f"k{number}-{rng.randrange(12)}"
            path = f"/v1/tenants/acme/{'aliases/group' if alias else 'users'}/{name}"
            there = True in self.may[name]
            after = {not there}
            self.may[name] = {True, False}
            try:
                if there:
                    self.s.rest("DELETE", path)
                else:
                    self.s.rest("PUT", path, {"target": f"legacy-{name}"} if alias else {"password": "a-password"})
                self.may[name] = after
                self.acknowledged += 1
            except stack.Refused as e:
                if e.status == 404:
                    self.may[name] = {False}
                elif not 500 <= e.status < 600:
                    raise
            except (OSError, ValueError, kw.WireError):
                time.sleep(0.005)
                return  # it was killed

    def join(self):
        self.stopping = True
        for t in self.threads:
            t.join(15)


def replay(file):
    """-> (acme's users and aliases by playing the audit log, those that are stored)"""
    db = sqlite3.connect(f"file:{file}?mode=ro", uri=True)
    try:
        equal("the file is whole", "ok", db.execute("PRAGMA integrity_check").fetchone()[0])
        there, last = set(), 0
        for n, what, name in db.execute("SELECT n, what, object FROM audit WHERE tenant = 'acme' ORDER BY n"):
            true("numbers rise", n > last)
            last = n
            name = name.rsplit("/", 1)[-1]
            if what.endswith(".delete"):
                there.discard(name)
            elif not what.startswith("tenant."):
                there.add(name)
        rows = {r[0] for r in db.execute("SELECT name FROM user WHERE tenant = 'acme' UNION ALL SELECT virt FROM alias WHERE tenant = 'acme'")}
        keyless = db.execute("SELECT count(*) FROM user u WHERE NOT EXISTS (SELECT 1 FROM scram k WHERE k.tenant = u.tenant AND k.user = u.name)").fetchone()
        equal("users without credentials", 0, keyless[0])
        return there, rows
    finally:
        db.close()


def check_kills(s):
    """SIGKILL at a random moment of a stream of changes, again and again: acknowledged is there, and nothing is half."""
    rng, total = random.Random(), 0
    for i in range(KILLS):
        before = s.users() | s.aliases()
        changes = Changes(s)
        for name in before:
            changes.may[name] = {True}
        time.sleep(rng.uniform(0.02, 0.8))
        s.gateway.kill()
        changes.join()
        s.gateway.start()
        there = s.users() | s.aliases()
        for name, may in changes.may.items():
            true(f"{name} is there: {name in there}, may be: {may}", (name in there) in may)
        logged, rows = replay(s.file)
        equal("what REST says is what is stored", rows, there)
        equal("what the audit log says is what is stored", rows, logged)
        total += changes.acknowledged
        s.neighbour()
    print(f"    killed {KILLS} times, {total} changes were acknowledged", flush=True)
    true("there were changes", total > KILLS)


CHECKS = (check_write_errors, check_locked, check_audit_flood, check_kills, check_full_disk, check_read_only, check_rot_at_start, check_rot_while_running)
make = OnDisk
