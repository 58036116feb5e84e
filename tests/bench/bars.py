"""What the figures have to be. A bar is {name, value, unit, limit, pass}; limit None: reported only."""
import statistics

KIB, MIB = 1024, 1024 * 1024


def median(values):
    return statistics.median(values)


def better(case, figure):
    """Of the HAProxy configurations the one that does better: its name and median."""
    found = {n: median(f[figure]) for n, f in case.items() if n.startswith("haproxy")}
    name = min(found, key=found.get)
    return name, found[name]


def ratio(case, figure, mine="alcove"):
    return median(case[mine][figure]) / better(case, figure)[1]


# name, unit, limit, "<=" or ">=", function of the figures
BARS = [
    ("CPU per GB, produce", "× HAProxy", 0.90, "<=", lambda f: ratio(f["bulk"]["produce"], "cpu_s_per_gb")),
    ("CPU per GB, fetch by id", "× HAProxy", 0.85, "<=", lambda f: ratio(f["bulk"]["fetch by id"], "cpu_s_per_gb")),
    ("CPU per GB, fetch by name", "× HAProxy", 1.00, "<=", lambda f: ratio(f["bulk"]["fetch by name"], "cpu_s_per_gb")),
    ("CPU per GB, produce, TLS to the broker too", "× HAProxy", 0.85, "<=",
     lambda f: ratio(f["bulk"]["produce, TLS to the broker"], "cpu_s_per_gb")),
    ("CPU per GB, fetch by id, TLS to the broker too", "× HAProxy", 0.85, "<=",
     lambda f: ratio(f["bulk"]["fetch by id, TLS to the broker"], "cpu_s_per_gb")),
    ("CPU per GB, fetch by name, TLS to the broker too", "× HAProxy", 0.85, "<=",
     lambda f: ratio(f["bulk"]["fetch by name, TLS to the broker"], "cpu_s_per_gb")),
    ("CPU per small produce request", "× HAProxy", 1.1, "<=", lambda f: ratio(f["small produce"], "cpu_us")),
    ("own share of latency, both ways, p99", "µs", 100, "<=", lambda f: median(f["share us"]["alcove"]["both"]["p99"])),
    ("the same of a relay that does nothing, p99", "µs", None, "<=", lambda f: median(f["share us"]["null"]["both"]["p99"])),
    ("produce-ack p50, real broker", "× HAProxy", 1.1, "<=", lambda f: ratio(f["kafka"], "ack_p50_us")),
    ("produce-ack p99, real broker", "× HAProxy", None, "<=", lambda f: ratio(f["kafka"], "ack_p99_us")),
    ("produce-ack p99.9, real broker", "× HAProxy", None, "<=", lambda f: ratio(f["kafka"], "ack_p999_us")),
    ("memory per idle connection", "KiB", 24, "<=", lambda f: median(f["memory"]["alcove"]["idle_bytes"]) / KIB),
    ("full handshakes per CPU second", "× OpenSSL alone", 0.8, ">=",
     lambda f: median(f["handshakes"]["alcove"]["per_cpu_s"]) / median(f["handshakes"]["openssl alone"]["per_cpu_s"])),
    ("memory of a connection that reads 50 MB at 1 MB/s", "MB", 1, "<=",
     lambda f: median(f["memory"]["alcove"]["slow_bytes"]) / 1e6),
    ("throughput, 2 workers against 1, fetch by id", "×", None, ">=",
     lambda f: median(f["workers"]["2"]["fetch_mb_per_s"]) / median(f["workers"]["1"]["fetch_mb_per_s"])),
    ("throughput, 2 workers against 1, produce", "×", None, ">=",
     lambda f: median(f["workers"]["2"]["produce_mb_per_s"]) / median(f["workers"]["1"]["produce_mb_per_s"])),
    ("start to first answer", "ms", 100, "<=", lambda f: median(f["start"]["answered_ms"])),
    ("resident then", "MiB", 20, "<=", lambda f: median(f["start"]["resident_bytes"]) / MIB),
]


def judge(figures):
    out = []
    for name, unit, limit, sense, value_of in BARS:
        try:
            value = round(value_of(figures), 3)
        except KeyError:
            continue    # its measurement was not asked for
        ok = None if limit is None else value <= limit if sense == "<=" else value >= limit
        out.append({"name": name, "value": value, "unit": unit, "sense": sense, "limit": limit, "pass": ok})
    return out


def summary(figures):
    """Leaves that are lists become {median, min, max}."""
    if isinstance(figures, dict):
        return {k: summary(v) for k, v in figures.items()}
    return {"median": round(median(figures), 3), "min": round(min(figures), 3), "max": round(max(figures), 3)}


def show_bars(bars):
    lines = [f"{'bar':52} {'value':>9}  {'limit':>9}  "]
    for b in bars:
        limit = "report" if b["limit"] is None else f"{b['sense']} {b['limit']:g}"
        verdict = {None: "", True: "pass", False: "FAIL"}[b["pass"]]
        lines.append(f"{b['name']:52} {b['value']:9.2f}  {limit:>9}  {verdict:5} {b['unit']}")
    return "\n".join(lines)


def show_case(title, case, figure, unit):
    """One line: every server's median, and what it is of the better HAProxy's."""
    base = better(case, figure)[1] if any(n.startswith("haproxy") for n in case) else None
    cells = []
    for name, f in case.items():
        if figure in f:
            m = median(f[figure])
            cells.append(f"{name} {m:.4g}" + (f" ({m / base:.2f})" if base else ""))
    return f"{title + ', ' + unit:48} " + "   ".join(cells)


def show_figures(f):
    lines = [show_case(c, x, "cpu_s_per_gb", "CPU s/GB") for c, x in f.get("bulk", {}).items()]
    lines += [show_case(c, x, "mb_per_s", "MB/s") for c, x in f.get("bulk", {}).items()]
    if "small produce" in f:
        lines.append(show_case("small produce", f["small produce"], "cpu_us", "CPU µs each"))
    for way in ("request", "answer", "both"):
        for q in ("p50", "p99"):
            case = {n: x[way] for n, x in f.get("share us", {}).items()}
            lines += [show_case(f"share of latency, {way}, {q}", case, q, "µs")] if case else []
    for q in ("p50", "p99", "p999"):
        lines += [show_case(f"produce-ack {q}, real broker", f["kafka"], f"ack_{q}_us", "µs")] if "kafka" in f else []
    for mode in ("produce", "fetch"):
        if "kafka" in f:
            lines.append(show_case(f"{mode}, real broker", f["kafka"], f"{mode}_cpu_s_per_gb", "own CPU s/GB"))
            lines.append(show_case(f"{mode}, real broker", f["kafka"], f"{mode}_broker_cpu_s_per_gb", "broker's CPU s/GB"))
    for mode in ("produce", "fetch"):
        if "workers" in f:
            case = {f"{n} worker(s)": x for n, x in f["workers"].items()}
            lines.append(show_case(f"{mode}, by workers", case, f"{mode}_mb_per_s", "MB/s"))
            lines.append(show_case(f"{mode}, by workers", case, f"{mode}_cpus", "CPUs used"))
    for figure in ("idle_bytes", "slow_bytes"):
        case = {n: x for n, x in f.get("memory", {}).items() if figure in x}
        lines += [show_case("memory of a connection, " + figure.split("_", maxsplit=1)[0], case, figure, "bytes")] if case else []
    if "handshakes" in f:
        lines.append(show_case("full handshakes", f["handshakes"], "per_cpu_s", "per CPU s"))
    if "start" in f:
        lines.append(f"{'start, ms':48} listening {median(f['start']['listening_ms']):.1f}   answered "
                     f"{median(f['start']['answered_ms']):.1f}")
    return "\n".join(lines)
