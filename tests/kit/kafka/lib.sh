# Shared by start, start3, stop and tool. Sourced, never run.
# A node lives in a directory: env (what start wrote, for `.`), server.properties, server.log, pid, data/.
kit=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

say() { echo "${0##*/}: $*" >&2; }
die() { say "$@"; exit 1; }

# free_ports N: prints N ports of 127.0.0.1 that nobody has, below those that the system gives to clients.
free_ports() {
	python3 - "$1" <<-'PY'
	import random, socket, sys
	want, held = int(sys.argv[1]), []
	while len(held) < want:
	    s = socket.socket()
	    try:
	        s.bind(("127.0.0.1", random.randrange(15000, 32000)))
	        held.append(s)
	    except OSError:
	        s.close()
	print(*(s.getsockname()[1] for s in held))
	PY
}

# ours DIR: prints the pid of DIR's node if it runs, and is it (pids are used again).
ours() {
	local pid
	pid=$(cat "$1/pid" 2>/dev/null) || return 1
	tr '\0' '\n' <"/proc/$pid/cmdline" 2>/dev/null | grep -qxF "$1/server.properties" || return 1
	echo "$pid"
}

# launch DIR: runs the node, does not wait.
launch() {
	local dir=$1 libs
	libs=$("$kit/fetch" broker)
	setsid java -Xms"${KAFKA_XMX:-512m}" -Xmx"${KAFKA_XMX:-512m}" -XX:+UseG1GC -XX:MaxGCPauseMillis=20 -Djava.awt.headless=true \
		-Dlog4j2.configurationFile="$kit/log4j-broker.properties" ${KAFKA_OPTS:-} \
		-cp "$libs/*" kafka.Kafka "$dir/server.properties" >"$dir/server.log" 2>&1 </dev/null &
	echo $! >"$dir/pid"
}

# ready DIR: waits until the node says that it serves. 1: it ended, 2: it takes too long.
ready() {
	local dir=$1 i
	for ((i = 0; i < 1200; i++)); do
		grep -q 'Kafka Server started' "$dir/server.log" 2>/dev/null && return 0
		ours "$dir" >/dev/null || [ $i -lt 5 ] || return 1
		sleep 0.1
	done
	return 2
}
