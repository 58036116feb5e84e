"""A Java consumer in a process of its own; see java/Member.java."""
import os
import pathlib
import signal
import subprocess
import threading

import stack

MEMBER = pathlib.Path(__file__).resolve().parent / "java/Member.java"


class JavaMember:
    def __init__(self, tenant, group, protocol, what, pattern=False, **more):
        args = [tenant.java_file(), group, protocol, "pattern" if pattern else "topic", what, *(f"{k}={v}" for k, v in more.items())]
        self.lines, self.process = [], subprocess.Popen(
            [str(stack.KAFKA / "tool"), str(MEMBER), *args], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, errors="replace", start_new_session=True)
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def read(self):
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))

    def said(self, word):
        """What it said behind this word, in order."""
        return [line[len(word) + 1:] for line in list(self.lines) if line.startswith(word + " ") or line == word]

    @property
    def assigned(self):
        """Partitions, as [(topic, number)]."""
        now = (self.said("assigned") or [""])[-1]
        return sorted((p.rsplit("-", 1)[0], int(p.rsplit("-", 1)[1])) for p in now.split(",") if p)

    def topics(self):
        return sorted({t for t, _ in self.assigned})

    @property
    def got(self):
        return self.said("got")

    def well(self):
        """Raises what it failed by."""
        if self.process.poll() is not None or self.said("failed"):
            raise AssertionError("the member ended:\n" + "\n".join(self.lines[-30:]))
        return True

    def wait(self, what, condition, within_s=40):
        return stack.wait_until(f"{what}; it said {self.lines[-5:]}", lambda: self.well() and condition(self), within_s)

    def command(self, word):
        self.process.stdin.write(word + "\n")
        self.process.stdin.flush()

    def commit(self):
        n = len(self.said("committed"))
        self.command("commit")
        self.wait("it commits", lambda m: len(m.said("committed")) > n)

    def stop(self):
        """It leaves its group."""
        if self.process.poll() is None:
            try:
                self.process.stdin.close()
                self.process.wait(20)
            except (OSError, subprocess.TimeoutExpired):
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()
        self.reader.join(5)
