"""pika as a compat client; the commands are in ../../README.md."""

import re
import sys

import pika
from pika import exceptions

from program import PATIENCE_S, Refused, Tally, main, plain

HOST, PORT = sys.argv[1].split(":")
PROPERTIES = (
    "headers content_type content_encoding delivery_mode priority correlation_id reply_to expiration message_id timestamp type user_id app_id"
).split()


def refusing(act):
    """What the broker refuses becomes `Refused`."""

    def acting(*arguments, **options):
        try:
            return act(*arguments, **options)
        except (exceptions.ChannelClosedByBroker, exceptions.ConnectionClosedByBroker) as closed:
            raise Refused(closed.reply_code, closed.reply_text) from closed
        except exceptions.AMQPConnectionError as error:
            # What was said while connecting is only in its text.
            said = re.search(r"ConnectionClosedByBroker: \((\d+)\) (.*)", str(error))
            if said:
                raise Refused(int(said[1]), said[2]) from error
            raise

    return acting


def message(method, properties, body):
    shown = {name: plain(getattr(properties, name)) for name in PROPERTIES}
    return shown | {
        "body": body.decode(),
        "exchange": method.exchange,
        "key": method.routing_key,
        "redelivered": getattr(method, "redelivered", False),
    }


def properties(spec):
    return pika.BasicProperties(**{name: spec[name] for name in PROPERTIES if name in spec})


def parameters(vhost="/", user="guest", password="guest"):
    credentials = pika.PlainCredentials(user, password)
    return pika.ConnectionParameters(
        HOST, int(PORT), vhost, credentials, heartbeat=600, blocked_connection_timeout=PATIENCE_S, connection_attempts=1
    )


class Link:
    """One connection with one channel."""

    @refusing
    def __init__(self, **options):
        self.cancelled, self.confirming = False, False
        self.connection = pika.BlockingConnection(parameters(**options))
        self.channel = self.connection.channel()

    def is_open(self):
        if self.connection.is_open and not self.channel.is_open:
            self.channel, self.confirming = self.connection.channel(), False
        return self.connection.is_open

    @refusing
    def exchange(self, name, type, passive, durable, auto_delete, internal, arguments):
        self.channel.exchange_declare(name, type, passive, durable, auto_delete, internal, arguments)

    @refusing
    def queue(self, name, passive, durable, exclusive, auto_delete, arguments):
        ok = self.channel.queue_declare(name, passive, durable, exclusive, auto_delete, arguments).method
        return ok.queue, ok.message_count, ok.consumer_count

    @refusing
    def bind(self, queue, exchange, key, arguments):
        self.channel.queue_bind(queue, exchange, key, arguments)

    @refusing
    def unbind(self, queue, exchange, key, arguments):
        self.channel.queue_unbind(queue, exchange, key, arguments)

    @refusing
    def link(self, destination, source, key, arguments):
        self.channel.exchange_bind(destination, source, key, arguments)

    @refusing
    def delete(self, queue):
        return self.channel.queue_delete(queue).method.message_count

    @refusing
    def send(self, exchange, key, spec):
        self.channel.basic_publish(exchange, key, spec["body"].encode(), properties(spec))

    @refusing
    def publish(self, exchange, key, specs, mandatory):
        if not self.confirming:
            self.channel.confirm_delivery()
            self.confirming = True
        outcome = {"acked": 0, "nacked": 0, "returned": []}
        for spec in specs:
            try:
                self.channel.basic_publish(exchange, key, spec["body"].encode(), properties(spec), mandatory)
                outcome["acked"] += 1
            except exceptions.UnroutableError as error:
                for returned in error.messages:
                    method = returned.method
                    shown = message(method, returned.properties, returned.body)
                    outcome["returned"].append(shown | {"code": method.reply_code, "text": method.reply_text})
                outcome["acked"] += 1
            except exceptions.NackError:
                outcome["nacked"] += 1
        return outcome

    @refusing
    def get(self, queue):
        method, header, body = self.channel.basic_get(queue, auto_ack=True)
        return None if method is None else message(method, header, body)

    @refusing
    def qos(self, count):
        self.channel.basic_qos(prefetch_count=count)

    @refusing
    def consume(self, queue, got, no_ack=False, exclusive=False, arguments=None):
        def delivered(_channel, method, header, body):
            got(message(method, header, body), method.delivery_tag)

        def cancelled(_frame):
            self.cancelled = True

        self.channel.add_on_cancel_callback(cancelled)
        return self.channel.basic_consume(queue, delivered, no_ack, exclusive, arguments=arguments)

    @refusing
    def cancel(self, tag):
        self.channel.basic_cancel(tag)

    def ack(self, tag, multiple=False):
        self.channel.basic_ack(tag, multiple)

    def reject(self, tag, requeue):
        self.channel.basic_nack(tag, requeue=requeue)

    @refusing
    def drain(self, seconds):
        self.connection.process_data_events(time_limit=seconds)

    def close(self):
        if self.connection.is_open:
            self.connection.close()

    def flood(self, queue, count, bytes):
        """Publish without waiting for each confirm, which only the asynchronous adapter can."""
        outcome = {"acked": 0, "nacked": 0}
        tally = Tally()

        def on_confirm(frame):
            method = frame.method
            word = "acked" if isinstance(method, pika.spec.Basic.Ack) else "nacked"
            outcome[word] += tally.told(method.delivery_tag, method.multiple)
            if outcome["acked"] + outcome["nacked"] == count:
                connection.close()

        def on_channel(channel):
            channel.confirm_delivery(on_confirm, lambda _ok: publish(channel, 0))

        def publish(channel, first):
            # In pieces, so that confirms are heard between them.
            for number in range(first, min(first + 500, count)):
                body = f"{number} ".ljust(bytes, "x").encode()
                channel.basic_publish("", queue, body, pika.BasicProperties(delivery_mode=2))
            if first + 500 < count:
                connection.ioloop.call_later(0, lambda: publish(channel, first + 500))

        connection = pika.SelectConnection(
            parameters(),
            on_open_callback=lambda connection: connection.channel(on_open_callback=on_channel),
            on_close_callback=lambda connection, _reason: connection.ioloop.stop(),
            on_open_error_callback=lambda connection, _error: connection.ioloop.stop(),
        )
        connection.ioloop.start()
        return outcome


main(f"pika {pika.__version__}", Link)
