"""Celery with its SQS transport as a compat client; the command is in ../README.md."""

import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time

PATIENCE_S = 60
HERE = pathlib.Path(__file__).parent
WORKER = ["-m", "celery", "-A", "tasks", "worker", "--pool", "solo", "--without-gossip", "--without-mingle"]


def say(**message):
    print(json.dumps(message), flush=True)


def run(queue):
    """Have a worker of its own run the task until it succeeds; answer its attempts and what is left in the queue."""
    os.environ["COMPAT_QUEUE"] = queue
    # Only now: the module reads the queue's name.
    import boto3
    import tasks

    with tempfile.TemporaryDirectory() as scratch:
        place = pathlib.Path(scratch, "attempts")
        place.touch()
        tasks.flaky.delay(str(place))
        worker = subprocess.Popen([sys.executable, *WORKER], cwd=HERE, stdin=subprocess.DEVNULL, stdout=sys.stderr)
        try:
            deadline = time.monotonic() + PATIENCE_S
            while len(place.read_text().split()) < 3 and time.monotonic() < deadline:
                if worker.poll() is not None:
                    raise RuntimeError(f"the worker ended with {worker.returncode}")
                time.sleep(0.1)
        finally:
            # The first signal asks it to finish and acknowledge what it has.
            worker.send_signal(signal.SIGTERM)
            worker.wait(PATIENCE_S)
        attempts = [int(attempt) for attempt in place.read_text().split()]
    sqs = boto3.client("sqs")
    url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
    counts = [f"ApproximateNumberOfMessages{kind}" for kind in ("", "NotVisible", "Delayed")]
    left = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=counts)["Attributes"]
    return {"attempts": attempts, "left": sum(int(count) for count in left.values())}


def main():
    import celery
    import kombu

    say(event="ready", version=f"Celery {celery.__version__}, kombu {kombu.__version__}")
    for line in sys.stdin:
        command = json.loads(line)
        try:
            if command.pop("do") != "run":
                raise ValueError("no such command")
            say(done=run(**command))
        except Exception as error:
            say(error=f"{type(error).__name__}: {error}")


main()
