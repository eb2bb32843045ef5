"""What the two Python clients share: the commands of ../../README.md, in terms of a link that each library fills in.

A link is one connection with one channel. A consumer has a link and a thread of its own, because a link of either
library belongs to one thread.
"""

import contextlib
import datetime
import json
import queue
import sys
import threading
import time

PATIENCE_S = 120


def say(**message):
    print(json.dumps(message), flush=True)


class Refused(Exception):
    """The broker closed the channel or the connection."""

    def __init__(self, code, text):
        super().__init__(text)
        self.code, self.text = code, text


class Tally:
    """Counts confirms: one may be for all messages up to its number, and they come in any order."""

    def __init__(self):
        self.below, self.apart = 0, set()

    def told(self, tag, multiple):
        """How many messages one confirm is for."""
        if not multiple:
            self.apart.add(tag)
            return 1
        if tag <= self.below:
            return 0
        known = {number for number in self.apart if number <= tag}
        said = tag - self.below - len(known)
        self.apart -= known
        self.below = tag
        return said


def plain(value):
    """A header's value as JSON."""
    if isinstance(value, dict):
        return {name: plain(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, (bytes, bytearray)):
        return value.decode("utf-8", "replace")
    if isinstance(value, datetime.datetime):
        return int(value.replace(tzinfo=datetime.timezone.utc).timestamp())
    return value


class Consumer(threading.Thread):
    """Collects what a queue delivers, and does with it what it was told."""

    def __init__(self, link, spec):
        super().__init__(daemon=True)
        self.link, self.spec = link, spec
        self.messages, self.todo = queue.Queue(), queue.Queue()
        self.held, self.cancelled, self.failure = [], False, None
        self.started = threading.Event()

    def run(self):
        spec = self.spec
        try:
            if spec.get("prefetch"):
                self.link.qos(spec["prefetch"])
            no_ack = spec.get("no_ack", False)
            tag = self.link.consume(
                spec["queue"], self.got, no_ack, spec.get("exclusive", False), spec.get("arguments")
            )
            self.started.set()
            while True:
                self.link.drain(0.02)
                self.cancelled = self.link.cancelled
                while not self.todo.empty():
                    what, done = self.todo.get()
                    if what == "cancel":
                        self.link.cancel(tag)
                    elif what == "close":
                        self.link.close()
                        done.set()
                        return
                    else:
                        self.settle(what)
                    done.set()
        except Exception as error:
            self.failure = error
            self.started.set()

    def got(self, message, tag):
        self.messages.put(message)
        if self.spec.get("no_ack"):
            return
        self.held.append(tag)
        if self.spec.get("then", "ack") != "hold":
            self.settle(self.spec.get("then", "ack"))

    def settle(self, how):
        held, self.held = self.held, []
        for tag in held:
            if how == "ack":
                self.link.ack(tag)
            else:
                self.link.reject(tag, how == "requeue")

    def do(self, what):
        done = threading.Event()
        self.todo.put((what, done))
        if not done.wait(PATIENCE_S):
            raise self.failure or TimeoutError(what)


class Program:
    """The commands; `open_link` makes a link."""

    def __init__(self, open_link):
        self.open_link = open_link
        self.link = open_link()
        self.consumers = {}

    def connect(self, **options):
        self.open_link(**options).close()
        return {}

    def reopen(self, queue, times):
        """Declare an exclusive queue and close the connection, again and again."""
        for _ in range(times):
            link = self.open_link()
            link.queue(queue, False, False, True, False, None)
            link.close()
        return {}

    def exchange(self, name, type="direct", passive=False, durable=True, auto_delete=False, internal=False, arguments=None):
        self.link.exchange(name, type, passive, durable, auto_delete, internal, arguments)
        return {}

    def queue(self, name, passive=False, durable=True, exclusive=False, auto_delete=False, arguments=None):
        name, messages, consumers = self.link.queue(name, passive, durable, exclusive, auto_delete, arguments)
        return {"queue": name, "messages": messages, "consumers": consumers}

    def bind(self, queue, exchange, key="", arguments=None):
        self.link.bind(queue, exchange, key, arguments)
        return {}

    def unbind(self, queue, exchange, key="", arguments=None):
        self.link.unbind(queue, exchange, key, arguments)
        return {}

    def link_exchanges(self, destination, source, key="", arguments=None):
        self.link.link(destination, source, key, arguments)
        return {}

    def delete(self, queue):
        return {"messages": self.link.delete(queue)}

    def publish(self, exchange, key, messages, mandatory=False):
        return self.link.publish(exchange, key, messages, mandatory)

    def get(self, queue):
        return {"message": self.link.get(queue)}

    def flood(self, queue, count, bytes):
        link = self.open_link()
        try:
            return link.flood(queue, count, bytes)
        finally:
            link.close()

    def drain(self, queue, count, prefetch):
        """Take so many messages of a flood, acknowledging many at once."""
        link = self.open_link()
        seen = []

        def got(message, tag):
            seen.append(int(message["body"].split(" ")[0]))
            if len(seen) % (prefetch // 2) == 0 or len(seen) == count:
                link.ack(tag, multiple=True)

        link.qos(prefetch)
        link.consume(queue, got)
        until = time.monotonic() + PATIENCE_S
        while len(seen) < count and time.monotonic() < until:
            link.drain(0.1)
        link.close()
        return {"count": len(seen), "in_order": seen == list(range(count))}

    def consume(self, consumer, **spec):
        running = Consumer(self.open_link(), spec)
        running.start()
        running.started.wait(PATIENCE_S)
        if running.failure:
            raise running.failure
        self.consumers[consumer] = running
        return {}

    def take(self, consumer, count, wait_ms):
        running = self.consumers[consumer]
        until = time.monotonic() + wait_ms / 1000
        messages = []
        while len(messages) < count and time.monotonic() < until and not (running.failure or running.cancelled):
            try:
                messages.append(running.messages.get(timeout=0.05))
            except queue.Empty:
                pass
        if running.failure:
            raise running.failure
        return {"messages": messages, "cancelled": running.cancelled}

    def settle(self, consumer, then):
        self.consumers[consumer].do(then)
        return {}

    def cancel(self, consumer):
        self.consumers[consumer].do("cancel")
        return {}

    def close(self, consumer):
        self.consumers.pop(consumer).do("close")
        return {}

    def serve(self, queue):
        """Answer requests of a queue with their text in capitals, until the program ends."""

        def run():
            link = self.open_link()

            def got(message, tag):
                answer = {"body": message["body"].upper(), "correlation_id": message["correlation_id"]}
                link.send("", message["reply_to"], answer)
                link.ack(tag)

            link.qos(1)
            link.consume(queue, got)
            ready.set()
            while True:
                link.drain(0.05)

        ready = threading.Event()
        threading.Thread(target=run, daemon=True).start()
        if not ready.wait(PATIENCE_S):
            raise TimeoutError("serving")
        return {}

    def call(self, queue, bodies):
        """Ask by direct reply-to, one request after the other."""
        link = self.open_link()
        answers = []
        link.consume("amq.rabbitmq.reply-to", lambda message, _tag: answers.append(message), no_ack=True)
        for number, body in enumerate(bodies):
            request = {"body": body, "correlation_id": str(number), "reply_to": "amq.rabbitmq.reply-to"}
            link.send("", queue, request)
            until = time.monotonic() + PATIENCE_S
            while len(answers) <= number and time.monotonic() < until:
                link.drain(0.1)
            if answers[number]["correlation_id"] != str(number):
                raise ValueError(f"an answer to {answers[number]['correlation_id']}, not to {number}")
        link.close()
        return {"answers": [answer["body"] for answer in answers]}

    def stream(self, queue, count):
        """Publish the numbers below `count`, each until it is confirmed, through whatever happens."""
        confirmed, reconnects, link = 0, 0, None
        until = time.monotonic() + PATIENCE_S
        while confirmed < count and time.monotonic() < until:
            try:
                if link is None:
                    link = self.open_link()
                outcome = link.publish("", queue, [{"body": str(confirmed), "delivery_mode": 2}], False)
                confirmed += outcome["acked"]
                if confirmed % 100 == 0:
                    say(event="confirmed", count=confirmed)
                time.sleep(0.002)
            except Exception:
                reconnects, link = reconnects + (link is not None), None
                time.sleep(0.1)
        return {"confirmed": confirmed, "reconnects": reconnects}

    def work(self, queue, count):
        """Acknowledge messages until every number below `count` was seen, through whatever happens."""
        seen, reconnects, link = set(), 0, None
        until = time.monotonic() + PATIENCE_S

        def got(message, tag):
            seen.add(int(message["body"]))
            link.ack(tag)
            if len(seen) % 100 == 0:
                say(event="seen", count=len(seen))

        while len(seen) < count and time.monotonic() < until:
            try:
                if link is None:
                    link = self.open_link()
                    link.qos(50)
                    link.consume(queue, got)
                link.drain(0.1)
            except Exception:
                reconnects, link = reconnects + (link is not None), None
                time.sleep(0.1)
        if link is not None:
            link.close()
        return {"seen": len(seen), "reconnects": reconnects}

    def run(self, name, command):
        names = {"link": self.link_exchanges}
        try:
            return names.get(name, getattr(self, name, None))(**command)
        except Refused as refused:
            if not self.link.is_open():
                self.link = self.open_link()
            return {"refused": {"code": refused.code, "text": refused.text}}


def main(version, open_link):
    program = Program(open_link)
    say(event="ready", version=version)
    for line in sys.stdin:
        command = json.loads(line)
        try:
            say(done=program.run(command.pop("do"), command))
        except Exception as error:
            say(error=f"{type(error).__name__}: {error}")
    # Connections may have been lost with a broker that was killed.
    with contextlib.suppress(Exception):
        program.link.close()
