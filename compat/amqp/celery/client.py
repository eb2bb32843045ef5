"""Celery over AMQP as a compat client; the commands are in ../../README.md.

Two workers run: one keeps its results in files, which chords need, the other sends them back by AMQP (`rpc://`).
"""

import contextlib
import datetime
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request

PATIENCE_S = 120
HERE = pathlib.Path(__file__).parent


def say(**message):
    print(json.dumps(message), flush=True)


def wait_for(what, condition):
    """The first answer of `condition` that is true."""
    until = time.monotonic() + PATIENCE_S
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() > until:
            raise TimeoutError(what)
        time.sleep(0.1)


class Celery:
    """The commands."""

    def __init__(self, address, scratch):
        self.scratch = pathlib.Path(scratch)
        results = self.scratch / "results"
        results.mkdir()
        self.environment = os.environ | {
            "COMPAT_BROKER": f"amqp://guest:guest@{address}//",
            "COMPAT_BACKEND": f"file://{results}",
            "FLOWER_UNAUTHENTICATED_API": "true",
        }
        os.environ.update(self.environment)
        # Only now: the module reads the environment.
        import tasks

        self.tasks = tasks
        self.by_rpc = tasks.app.__class__("rpc", broker=self.environment["COMPAT_BROKER"], backend="rpc://")
        self.processes = {}

    def celery(self, name, *arguments, **environment):
        self.processes[name] = subprocess.Popen(
            [sys.executable, "-m", "celery", "-A", "tasks", *arguments],
            cwd=HERE,
            env=self.environment | environment,
            stdin=subprocess.DEVNULL,
            stdout=sys.stderr,
        )

    def log(self, name):
        with contextlib.suppress(FileNotFoundError):
            return (self.scratch / f"{name}.log").read_text()
        return ""

    def start(self):
        """Start both workers, the second when the first is ready, so that it has someone to ask."""
        self.worker("one", "celery")
        self.worker("two", "other", COMPAT_BACKEND="rpc://")
        inspect = self.tasks.app.control.inspect(timeout=2)

        def both():
            answers = inspect.ping() or {}
            return len(answers) == 2 and answers

        return {"workers": sorted(wait_for("both workers to answer", both))}

    def worker(self, name, queue, **environment):
        log = ("-l", "debug", "-f", str(self.scratch / f"{name}.log"))
        self.celery(name, "worker", "-n", f"{name}@compat", "-Q", queue, "-c", "2", *log, **environment)
        wait_for(f"worker {name}", lambda: f"{name}@compat ready" in self.log(name))

    def neighbours(self):
        """What the workers' logs tell of each other."""
        joined = wait_for("gossip", lambda: "two@compat joined the party" in self.log("one"))
        return {"mingled": "mingle: sync complete" in self.log("two"), "joined": joined}

    def retries(self):
        place = self.scratch / "attempts"
        result = self.tasks.flaky.delay(str(place)).get(timeout=PATIENCE_S)
        return {"result": result, "attempts": [int(attempt) for attempt in place.read_text().split()]}

    def eta(self, count):
        """More tasks for later than the workers' prefetch."""
        eta = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=1.5)
        sent = [self.tasks.stamp.apply_async(eta=eta) for _ in range(count)]
        ran = [result.get(timeout=PATIENCE_S) for result in sent]
        return {"ran": len(ran), "too_early": sum(at < eta.timestamp() for at in ran)}

    def delayed(self, seconds):
        """Tasks for later on a quorum queue, which wait in the broker (`celery_delayed_27` and those below it)."""
        self.worker("three", "quorum", COMPAT_QUORUM="1")
        app = self.tasks.app.__class__("quorum", broker=self.environment["COMPAT_BROKER"])
        app.conf.update(self.tasks.QUORUM, result_backend=self.environment["COMPAT_BACKEND"])
        sent = [(time.time() + later, app.send_task("tasks.stamp", countdown=later)) for later in seconds]
        early = [result.get(timeout=PATIENCE_S) < due for due, result in sent]
        with app.connection_for_read() as connection:
            # It is there, and what it had is gone.
            level = connection.default_channel.queue_declare("celery_delayed_0", passive=True)
        return {"ran": len(early), "too_early": sum(early), "left": level.message_count}

    def chord(self, count):
        from celery import chord

        add, total = self.tasks.add, self.tasks.total
        return {"total": chord(add.s(n, n) for n in range(count))(total.s()).get(timeout=PATIENCE_S)}

    def rpc(self, count):
        sent = [self.by_rpc.send_task("tasks.add", (n, 1), queue="other") for n in range(count)]
        return {"sum": sum(result.get(timeout=PATIENCE_S) for result in sent)}

    def revoke(self):
        """One task before its time, one while it runs."""
        app = self.tasks.app
        place = self.scratch / "revoked"
        # So late that the revocation is there before, however slow the machine is.
        later = self.tasks.flaky.apply_async((str(place),), countdown=10)
        app.control.revoke(later.id)
        running = self.tasks.long.delay(str(place))
        wait_for("the task to start", lambda: running.state == "STARTED")
        running.revoke(terminate=True)
        return {
            "later": wait_for("a task to be revoked", lambda: later.state != "PENDING" and later.state),
            "running": wait_for("a task to be ended", lambda: running.state != "STARTED" and running.state),
            "noted": place.read_text().split(),
        }

    def long_running(self):
        """A task that loses its connection in the middle, is cancelled, and runs again."""
        place = self.scratch / "long"
        result = self.tasks.long.delay(str(place))
        wait_for("the task to start", lambda: place.exists() and "started" in place.read_text())
        say(event="started")
        wait_for("the task to run again", lambda: "done" in place.read_text())
        return {"noted": place.read_text().split(), "result": result.get(timeout=PATIENCE_S)}

    def flower(self):
        """Flower sees both workers, what they did, and how long their queues are, which the management API tells it."""
        import socket

        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        management = os.environ.get("COMPAT_MANAGEMENT")
        of_broker = (f"--broker-api={management}",) if management else ()
        self.celery("flower", "flower", "--address=127.0.0.1", f"--port={port}", *of_broker)

        def get(path):
            with contextlib.suppress(OSError):
                with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
                    return json.load(answer)

        def workers():
            seen = get("/api/workers?refresh=1") or {}
            return len(seen) == 2 and seen

        seen = wait_for("Flower to see both workers", workers)
        task = self.tasks.add.delay(2, 3)
        task.get(timeout=PATIENCE_S)

        def ended():
            state = (get(f"/api/task/info/{task.id}") or {}).get("state")
            return state in ("SUCCESS", "FAILURE") and state

        def queues():
            queues = (get("/api/queues/length") or {}).get("active_queues", [])
            return len(queues) == 2 and queues

        queues = wait_for("Flower to see the queues", queues) if management else None
        return {
            "workers": sorted(seen),
            "state": wait_for("Flower to see how a task ended", ended),
            "queues": queues and sorted(queue["name"] for queue in queues if isinstance(queue["messages"], int)),
        }

    def stop(self):
        """The workers finish what they have and go; what is left in the queues."""
        for process in self.processes.values():
            process.send_signal(signal.SIGTERM)
        codes = {name: process.wait(PATIENCE_S) for name, process in self.processes.items()}
        self.processes = {}
        with self.tasks.app.connection_for_read() as connection:
            left = [
                connection.default_channel.queue_declare(queue, passive=True).message_count
                for queue in ("celery", "other", "quorum")
            ]
        return {"codes": codes, "left": sum(left)}


def main():
    import celery
    import kombu

    with tempfile.TemporaryDirectory() as scratch:
        client = Celery(sys.argv[1], scratch)
        say(event="ready", version=f"Celery {celery.__version__}, kombu {kombu.__version__}")
        try:
            for line in sys.stdin:
                command = json.loads(line)
                try:
                    say(done=getattr(client, command.pop("do"))(**command))
                except Exception as error:
                    say(error=f"{type(error).__name__}: {error}")
        finally:
            for process in client.processes.values():
                process.kill()


main()
