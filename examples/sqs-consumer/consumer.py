"""A consumer that does each order once, however often the queue delivers it, and however long an order takes."""

import json
import os
import signal
import sqlite3
import sys
import threading
import time

import boto3

VISIBILITY_S = 30
HEARTBEAT_S = 10
STOP = threading.Event()


class Heartbeat:
    """Keeps a message invisible to others while it is worked on."""

    def __init__(self, sqs, queue_url, message):
        self.sqs, self.queue_url, self.handle = sqs, queue_url, message["ReceiptHandle"]
        self.lost = False
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.beat, daemon=True)

    def beat(self):
        while not self.over.wait(HEARTBEAT_S):
            try:
                self.sqs.change_message_visibility(
                    QueueUrl=self.queue_url, ReceiptHandle=self.handle, VisibilityTimeout=VISIBILITY_S
                )
            except Exception as error:
                # Too late, or the broker is away: another consumer may have the message by now.
                self.lost = True
                print(f"lost the lease: {error}", file=sys.stderr)
                return

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()


def open_database(path):
    database = sqlite3.connect(path)
    database.execute("CREATE TABLE IF NOT EXISTS done (id TEXT PRIMARY KEY)")
    database.execute("CREATE TABLE IF NOT EXISTS stock (article TEXT PRIMARY KEY, sold INTEGER NOT NULL)")
    return database


def work(database, order):
    """Do the order; what it changes and the note that it is done are one transaction: both happen or neither."""
    if database.execute("SELECT 1 FROM done WHERE id = ?", (order["id"],)).fetchone():
        return False
    # What takes long changes nothing yet: a consumer that dies here has done nothing.
    time.sleep(float(os.environ.get("WORK_SECONDS", "0")))
    try:
        with database:
            # The key decides if another consumer had the same order at the same time.
            database.execute("INSERT INTO done VALUES (?)", (order["id"],))
            database.execute(
                "INSERT INTO stock VALUES (?, ?) ON CONFLICT (article) DO UPDATE SET sold = sold + excluded.sold",
                (order["article"], order["count"]),
            )
    except sqlite3.IntegrityError:
        return False
    return True


def main(queue_name, database_path):
    for sign in (signal.SIGINT, signal.SIGTERM):
        # Finish the order at hand, then leave.
        signal.signal(sign, lambda *_: STOP.set())
    sqs = boto3.client("sqs")
    queue_url = sqs.get_queue_url(QueueName=queue_name)["QueueUrl"]
    database = open_database(database_path)
    while not STOP.is_set():
        answer = sqs.receive_message(
            QueueUrl=queue_url, MaxNumberOfMessages=1, WaitTimeSeconds=5, VisibilityTimeout=VISIBILITY_S
        )
        for message in answer.get("Messages", []):
            try:
                order = json.loads(message["Body"])
                with Heartbeat(sqs, queue_url, message) as heartbeat:
                    fresh = work(database, order)
            except Exception as error:
                # Not deleted: it comes again, and is a dead letter after the queue's maxReceiveCount.
                print(f"failed: {error!r}", file=sys.stderr)
                continue
            print(f"{order['id']}: {'done' if fresh else 'was done before'}", flush=True)
            if not heartbeat.lost:
                sqs.delete_message(QueueUrl=queue_url, ReceiptHandle=message["ReceiptHandle"])


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: consumer.py QUEUE DATABASE")
    main(*sys.argv[1:])
