#!/usr/bin/env python3
"""House rules as a program: include direction, symbol prefixes, banned calls, words that may not be committed, lengths.
Prints every breach with file and line; exit 1 if there is one. Reads git's files, and the libraries in build/release/lib."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PREFIX = {
    "gateway/base": "alv_", "gateway/kafka": "kfk_", "gateway/tenant": "ten_", "gateway/authn": "aut_",
    "gateway/api": "api_", "gateway/quota": "quo_", "gateway/meter": "met_", "gateway/state": "sto_",
    "gateway/net": "net_", "gateway/proxy": "px_", "gateway/cluster": "clu_", "gateway/upstream": "ups_",
    "gateway/jwks": "jwk_", "gateway/regex": "reg_", "gateway/control": "con_", "gateway/life": "lif_", "policies": "pol_", "admin-api": "adm_",
}
BANNED = ("strcpy", "strcat", "sprintf", "vsprintf", "gets", "atoi", "atol", "alloca", "strtok", "system", "popen", "rand",
          "srand", "localtime", "gmtime", "usleep")
FUNCTION_LINES_MAX = 90  # beyond: a flat table of cases that says so in `# house: long` above it
FILE_LINES_MAX = 700

breaches = []


def breach(path, line, words):
    breaches.append(f"{path}:{line}: {words}")


def files(*patterns):
    out = subprocess.run(["git", "ls-files", "--", *patterns], cwd=ROOT, capture_output=True, text=True, check=True)
    return [f for f in out.stdout.splitlines() if (ROOT / f).is_file()]


def text(path):
    return (ROOT / path).read_text(errors="replace")


def allowed_by_makefile():
    """component -> what it may use, from the Makefile's DEPS_ table."""
    table = {}
    joined = text("Makefile").replace("\\\n", " ")
    for m in re.finditer(r"^DEPS_(\S+)\s*:=(.*)$", joined, re.M):
        table[m[1]] = set(m[2].split()) | {m[1]}
    return table


def component(path):
    best = ""
    for c in PREFIX:
        if path.startswith(c + "/") and len(c) > len(best):
            best = c
    return best


def check_includes():
    table = allowed_by_makefile()
    for path in files("gateway/*.c", "gateway/*.cc", "gateway/*.h", "policies/*.c", "policies/*.h", "admin-api/*.c", "admin-api/*.h"):
        own = component(path)
        if not own or path.startswith("admin-api/ctl/"):
            continue
        for n, line in enumerate(text(path).splitlines(), 1):
            m = re.match(r'#include "([^"]+)/[^/"]+"', line)
            if not m:
                continue
            target = m[1] if m[1] in PREFIX else "gateway/" + m[1]
            target = target.removesuffix("/gen")
            if target in PREFIX and target not in table[own]:
                breach(path, n, f"{own} may not include {target} (DEPS_{own} in the Makefile)")


def check_prefixes():
    for c, prefix in PREFIX.items():
        lib = ROOT / "build/release/lib" / (c.replace("/", "-") + ".a")
        if not lib.exists():
            continue
        out = subprocess.run(["nm", "-g", "--defined-only", str(lib)], capture_output=True, text=True, check=True)
        for line in out.stdout.splitlines():
            name = line.split()[-1] if len(line.split()) == 3 and line.split()[1] not in "VW" else ""  # weak: C++'s own
            if name and not name.startswith(prefix):
                breach(lib.relative_to(ROOT), 0, f"external symbol {name} lacks the prefix {prefix}")


def check_calls():
    pattern = re.compile(r"(?<![\w.>])(" + "|".join(BANNED) + r")\s*\(")
    for path in files("*.c", "*.cc", "*.h"):
        for n, line in enumerate(text(path).splitlines(), 1):
            code = re.sub(r'"(\\.|[^"\\])*"|/\*.*?\*/', "", line)
            m = None if code.lstrip().startswith(("*", "/*")) else pattern.search(code)
            if m:
                breach(path, n, f"{m[1]}() is banned")


def check_words():
    # Written in pieces, so that this file does not find itself.
    paths = "(?<![A-Za-z0-9_.])/(" + "|".join(["wo" + "rk", "fa" + "rm", "ro" + "ot"]) + ")/"
    words = "|".join(["TO" + "DO", "FIX" + "ME", "X" + "XX", "not imple" + "mented", "coming so" + "on"])
    hosts = "|".join(["repo1?\\.ma" + "ven", "registry\\.npm" + "js", "py" + "pi\\.org", "proxy\\.go" + "lang",
                      "deb\\.deb" + "ian", "static\\.cra" + "tes"])
    for what, pattern in (("a machine's path", paths), ("something unfinished", rf"\b({words})\b"),
                          ("a package registry's host", hosts)):
        compiled = re.compile(pattern)
        for path in files():
            if path.endswith((".png", ".bin", ".jar")):
                continue
            for n, line in enumerate(text(path).splitlines(), 1):
                if compiled.search(line):
                    breach(path, n, f"{what}: {line.strip()[:100]}")


def check_lengths():
    sources = [f for f in files("*.c", "*.cc") if "/gen/" not in f]
    for path in files("*.c", "*.cc", "*.h"):
        lines = len(text(path).splitlines())
        if "/gen/" not in path and lines > FILE_LINES_MAX:
            breach(path, lines, f"{lines} lines: does it still hold one idea? (at most {FILE_LINES_MAX})")
    out = subprocess.run(["ctags", "-x", "--c-kinds=f", "--c++-kinds=f", "--fields=+ne", "--_xformat=%{end} %n %N %F", "-L", "-"], cwd=ROOT,
                         input="\n".join(sources), capture_output=True, text=True, check=True)
    lengths = []
    for row in out.stdout.splitlines():
        end, begin, name, path = row.split(" ", 3)
        n = int(end) - int(begin) + 1
        lengths.append(n)
        above = "\n".join(text(path).splitlines()[max(0, int(begin) - 6):int(begin)])
        if n > FUNCTION_LINES_MAX and "house: long" not in above:
            breach(path, begin, f"{name} has {n} lines (at most {FUNCTION_LINES_MAX}, or say `house: long` above it)")
    lengths.sort()
    if lengths:
        print(f"{len(lengths)} functions: median {lengths[len(lengths) // 2]} lines, nine of ten under "
              f"{lengths[len(lengths) * 9 // 10]}")


def check_apis():
    """Each api that is offered says what tests it: unit tests that speak of it, and end-to-end tests that there are."""
    path = "gateway/api/api.def"
    keys = re.findall(r"^KAPI\(\d+, (\w+),", text("include/alcove/tbl/kafka_api.def"), re.M)
    rows = re.findall(r"^(?:API|NONE)\((\w+), ", text(path), re.M)
    if rows != keys:
        breach(path, 0, "not each key of kafka_api.def once and in its order: "
               f"{sorted(set(keys) ^ set(rows)) or [r for r in rows if rows.count(r) > 1] or 'the order differs'}")
    for m in re.finditer(r'^API\((\w+),[^"]*"[^"]*", "([^"]*)"\)', text(path), re.M):
        line = text(path)[:m.start()].count("\n") + 1
        units = [w for w in m[2].split() if w.endswith("_test")]
        ends = [w for w in m[2].split() if not w.endswith("_test")]
        if not units or not ends:
            breach(path, line, f"{m[1]} is tested by {m[2] or 'nothing'!r}: a unit test and an end-to-end test are wanted")
        for word in units:
            file = f"tests/unit/gateway/api/{word}.c"
            if not (ROOT / file).is_file() or not re.search(rf"\bKFK_API_{m[1]}\b|\({m[1]}, ", text(file)):
                breach(path, line, f"{m[1]}: {file} has nothing of KFK_API_{m[1]}")
        for word in ends:
            if not (ROOT / f"tests/broker/{word}.py").is_file():
                breach(path, line, f"{m[1]}: there is no tests/broker/{word}.py")
    if len(re.findall(r"^API\(", text(path), re.M)) != len(re.findall(r'^API\((\w+),[^"]*"[^"]*", "([^"]*)"\)', text(path), re.M)):
        breach(path, 0, "a row that this check cannot read: API(.., \"permission\", \"tested by\")")


def check_config_words():
    """A text that names an option of topics or groups may pass to tenants: each such option is a known word."""
    words = set(re.findall(r'^WORD\("([^"]+)"\)', text("gateway/tenant/words.def"), re.M))
    for name in re.findall(r'^(?:TOPIC|GROUP)\("([^"]+)"', text("gateway/api/config_policy.def"), re.M):
        if "." in name and name not in words:
            breach("gateway/tenant/words.def", 0, f"{name} of config_policy.def is missing")


for check in (check_apis, check_config_words, check_includes, check_prefixes, check_calls, check_words, check_lengths):
    check()
for b in breaches:
    print(b)
print(f"{len(breaches)} breaches of the house rules")
sys.exit(1 if breaches else 0)
