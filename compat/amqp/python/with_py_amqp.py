"""py-amqp as a compat client; the commands are in ../../README.md."""

import socket
import sys

import amqp
import amqp.spec

from program import Refused, Tally, main, plain

PROPERTIES = (
    "content_type content_encoding delivery_mode priority correlation_id reply_to expiration message_id timestamp type user_id app_id"
).split()


def refusing(act):
    """What the broker refuses becomes `Refused`."""

    def acting(*arguments, **options):
        try:
            return act(*arguments, **options)
        except amqp.AMQPError as error:
            if error.reply_code:
                raise Refused(error.reply_code, error.reply_text) from error
            raise

    return acting


def shown(got):
    body = got.body
    return {name: plain(got.properties.get(name)) for name in PROPERTIES} | {
        "headers": plain(got.properties.get("application_headers")),
        "body": body if isinstance(body, str) else bytes(body).decode(),
        "exchange": got.delivery_info["exchange"],
        "key": got.delivery_info["routing_key"],
        "redelivered": got.delivery_info.get("redelivered", False),
    }


def message(spec):
    properties = {name: spec[name] for name in PROPERTIES if name in spec}
    return amqp.Message(spec["body"].encode(), application_headers=spec.get("headers"), **properties)


class Link:
    """One connection with one channel."""

    @refusing
    def __init__(self, vhost="/", user="guest", password="guest"):
        self.cancelled, self.confirming = False, False
        self.tally = Tally()
        self.connection = amqp.Connection(sys.argv[1], user, password, virtual_host=vhost, connect_timeout=60)
        self.connection.connect()
        self.open()

    def open(self):
        self.channel = self.connection.channel()
        self.confirming = False

    def is_open(self):
        # The library opens a channel again by itself when the broker has closed it; its mode is lost.
        self.confirming = False
        return self.connection.connected

    @refusing
    def exchange(self, name, type, passive, durable, auto_delete, internal, arguments):
        # It has no word for internal exchanges: the method is sent as it is on the wire.
        values = (0, name, type, passive, durable, auto_delete, internal, False, arguments or {})
        self.channel.send_method(amqp.spec.Exchange.Declare, "BssbbbbbF", values, wait=amqp.spec.Exchange.DeclareOk)

    @refusing
    def queue(self, name, passive, durable, exclusive, auto_delete, arguments):
        return self.channel.queue_declare(name, passive, durable, exclusive, auto_delete, arguments=arguments)

    @refusing
    def bind(self, queue, exchange, key, arguments):
        self.channel.queue_bind(queue, exchange, key, arguments=arguments)

    @refusing
    def unbind(self, queue, exchange, key, arguments):
        self.channel.queue_unbind(queue, exchange, key, arguments=arguments)

    @refusing
    def link(self, destination, source, key, arguments):
        self.channel.exchange_bind(destination, source, key, arguments=arguments)

    @refusing
    def delete(self, queue):
        return self.channel.queue_delete(queue)

    @refusing
    def send(self, exchange, key, spec):
        self.channel.basic_publish(message(spec), exchange, key)

    @refusing
    def publish(self, exchange, key, specs, mandatory):
        outcome = {"acked": 0, "nacked": 0, "returned": []}
        self.confirm(outcome)

        def returned(error, exchange, key, got):
            outcome["returned"].append(
                {"code": error.reply_code, "text": error.reply_text, "exchange": exchange, "key": key}
                | {"body": bytes(got.body).decode()}
            )

        self.channel.events["basic_return"] = {returned}
        for spec in specs:
            self.channel.basic_publish(message(spec), exchange, key, mandatory)
        while outcome["acked"] + outcome["nacked"] < len(specs):
            self.connection.drain_events(timeout=60)
        return outcome

    def confirm(self, outcome):
        """Count confirms from now on."""

        def count(word):
            def told(tag, multiple):
                outcome[word] += self.tally.told(tag, multiple)

            return told

        if not self.confirming:
            self.channel.confirm_select()
            self.confirming, self.tally = True, Tally()
        self.channel.events["basic_ack"] = {count("acked")}
        self.channel.events["basic_nack"] = {count("nacked")}

    @refusing
    def get(self, queue):
        got = self.channel.basic_get(queue, no_ack=True)
        return None if got is None else shown(got)

    @refusing
    def qos(self, count):
        self.channel.basic_qos(0, count, False)

    @refusing
    def consume(self, queue, got, no_ack=False, exclusive=False, arguments=None):
        def delivered(message):
            got(shown(message), message.delivery_tag)

        def cancelled(_tag):
            self.cancelled = True

        return self.channel.basic_consume(
            queue, no_ack=no_ack, exclusive=exclusive, callback=delivered, arguments=arguments, on_cancel=cancelled
        )

    @refusing
    def cancel(self, tag):
        self.channel.basic_cancel(tag)

    def ack(self, tag, multiple=False):
        self.channel.basic_ack(tag, multiple)

    def reject(self, tag, requeue):
        self.channel.basic_reject(tag, requeue)

    @refusing
    def drain(self, seconds):
        try:
            self.connection.drain_events(timeout=seconds)
        except socket.timeout:
            pass
        except amqp.exceptions.ConsumerCancelled:
            self.cancelled = True

    def close(self):
        self.connection.close()

    def flood(self, queue, count, bytes):
        outcome = {"acked": 0, "nacked": 0}
        self.confirm(outcome)
        for number in range(count):
            body = f"{number} ".ljust(bytes, "x")
            self.channel.basic_publish(amqp.Message(body.encode(), delivery_mode=2), "", queue)
            # Confirms are heard between the messages, so that neither side's buffers fill up.
            while number - outcome["acked"] - outcome["nacked"] > 2000:
                self.connection.drain_events(timeout=60)
        while outcome["acked"] + outcome["nacked"] < count:
            self.connection.drain_events(timeout=60)
        return outcome


main(f"py-amqp {amqp.__version__}", Link)
