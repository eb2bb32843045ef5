"""Tasks that Celery's workers run over AMQP, set up as a user would, and what the checks need of them."""

import os
import time

from celery import Celery

QUORUM = {
    "task_default_queue": "quorum",
    "task_default_exchange": "quorum",
    "task_default_routing_key": "quorum",
    "task_default_exchange_type": "topic",
    "task_default_queue_type": "quorum",
}

app = Celery("compat", broker=os.environ["COMPAT_BROKER"], backend=os.environ["COMPAT_BACKEND"])
app.conf.update(
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,
    worker_cancel_long_running_tasks_on_connection_loss=True,
    worker_prefetch_multiplier=1,
    worker_send_task_events=True,
    task_send_sent_event=True,
    task_track_started=True,
)
if os.environ.get("COMPAT_QUORUM"):
    # Tasks for later then wait in the broker, in 28 queues with times to live that are chained by dead letters.
    app.conf.update(QUORUM)


def note(place, word):
    with open(place, "a", encoding="utf-8") as log:
        log.write(f"{word}\n")


@app.task
def add(x, y):
    return x + y


@app.task
def total(numbers):
    return sum(numbers)


@app.task(bind=True, max_retries=3)
def flaky(self, place):
    """Note the attempt's number, fail at the first two."""
    note(place, self.request.retries)
    if self.request.retries < 2:
        raise self.retry(countdown=0.2)
    return self.request.retries


@app.task
def stamp():
    """When it ran."""
    return time.time()


@app.task(acks_late=True)
def long(place):
    """Take far too long at the first attempt."""
    note(place, "started")
    with open(place, encoding="utf-8") as log:
        attempts = log.read().split().count("started")
    time.sleep(600 if attempts == 1 else 0)
    note(place, "done")
    return attempts
