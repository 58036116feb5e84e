"""Programs of Java that stay for a while, for scenarios of their own (connect.py, mirror.py): a folder, a log, an end."""
import os
import signal
import subprocess

import stack

START_MAX_S, STOP_MAX_S = 120, 60


class Service:
    """One such process: main with one file of properties. with: until the end of the block it runs."""

    def __init__(self, s, name, main, properties):
        self.name, self.main, self.process = name, main, None
        self.folder = s.folder / name
        self.folder.mkdir()
        self.file, self.path = self.folder / "service.properties", self.folder / "log"
        self.file.write_text("".join(f"{k}={v}\n" for k, v in properties.items()))

    def __enter__(self):
        # What it logs is what the broker would log; its pid beside its folder is how broker/run finds it.
        env = {**os.environ, "KAFKA_TOOL_OPTS": f"-Dlog4j2.configurationFile={stack.KAFKA}/log4j-broker.properties"}
        with open(self.path, "wb") as log:
            self.process = subprocess.Popen([stack.KAFKA / "tool", self.main, self.file], stdout=log, stderr=log, stdin=subprocess.DEVNULL,
                                            env=env, start_new_session=True)
        self.folder.with_name(self.name + ".pid").write_text(f"{self.process.pid}\n")
        return self

    def __exit__(self, *_):
        self.stop()

    def wait_until(self, what, condition, within_s=START_MAX_S):
        """As stack.wait_until, but not for a process that has ended; what it logged last is part of a failure."""
        def alive():
            if self.process.poll() is not None:
                raise stack.StackError(f"{self.name} ended with {self.process.returncode} before {what}:\n{self.log()[-4000:]}")
            return condition()
        try:
            return stack.wait_until(f"{self.name}: {what}", alive, within_s, 0.1)
        except stack.StackError as e:
            raise stack.StackError(f"{e}\n{self.complaints()[-3000:]}") from None

    def log(self):
        return self.path.read_text(errors="replace")

    def complaints(self):
        """What it logged as an error, and what follows such a line."""
        found, inside = [], False
        for line in self.log().splitlines():
            words = line.split(" ", 2)
            if len(words) > 1 and words[1] in ("TRACE", "DEBUG", "INFO", "WARN", "ERROR"):
                inside = words[1] == "ERROR"
            if inside:
                found.append(line)
        return "\n".join(found)

    def stop(self, how=signal.SIGTERM):
        if self.process is None:
            return
        if self.process.poll() is None:
            self.process.send_signal(how)
        try:
            self.process.wait(STOP_MAX_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise stack.StackError(f"{self.name} does not end:\n{self.log()[-3000:]}") from None
        finally:
            self.process = None
