import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.rabbitmq.client.AMQP;
import com.rabbitmq.client.Channel;
import com.rabbitmq.client.ConfirmCallback;
import com.rabbitmq.client.Connection;
import com.rabbitmq.client.ConnectionFactory;
import com.rabbitmq.client.Delivery;
import com.rabbitmq.client.Envelope;
import com.rabbitmq.client.GetResponse;
import com.rabbitmq.client.LongString;
import com.rabbitmq.client.Method;
import com.rabbitmq.client.Recoverable;
import com.rabbitmq.client.RecoveryListener;
import com.rabbitmq.client.ShutdownSignalException;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Date;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.NavigableSet;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;

/** RabbitMQ's Java client as a compat client; the commands are in ../README.md. */
public final class Client {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final int PATIENCE_MS = 120_000;
    private static final String REPLY_TO = "amq.rabbitmq.reply-to";

    private final ConnectionFactory factory = new ConnectionFactory();
    private final Connection connection;
    private final Map<String, Running> consumers = new HashMap<>();
    private final BlockingQueue<Map<String, Object>> returned = new LinkedBlockingQueue<>();
    private Channel plain;
    private Channel confirming;

    public static void main(String[] arguments) throws Exception {
        String[] address = arguments[0].split(":");
        Client client = new Client(address[0], Integer.parseInt(address[1]));
        Object version = client.connection.getClientProperties().get("version");
        say(Map.of("event", "ready", "version", "amqp-client for Java " + version, "types", true));
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            try {
                say(Map.of("done", client.run(JSON.readTree(line))));
            } catch (Exception error) {
                Map<String, Object> refusal = refusal(error);
                if (refusal == null) {
                    error.printStackTrace();
                }
                say(refusal == null ? Map.of("error", error.toString()) : Map.of("done", Map.of("refused", refusal)));
            }
        }
        // Consumers' threads would keep it alive.
        System.exit(0);
    }

    private Client(String host, int port) throws Exception {
        factory.setHost(host);
        factory.setPort(port);
        // Recovery of connections and of what was declared is on, as it is by default.
        factory.setNetworkRecoveryInterval(200);
        connection = factory.newConnection("compat");
    }

    private static synchronized void say(Map<String, ?> message) throws Exception {
        System.out.write((JSON.writeValueAsString(message) + "\n").getBytes(StandardCharsets.UTF_8));
        System.out.flush();
    }

    /** What the broker said when it closed a channel or the connection. */
    private static Map<String, Object> refusal(Throwable error) {
        for (Throwable cause = error; cause != null; cause = cause.getCause()) {
            if (cause instanceof ShutdownSignalException signal) {
                Method reason = signal.getReason();
                if (reason instanceof AMQP.Channel.Close close) {
                    return Map.of("code", close.getReplyCode(), "text", close.getReplyText());
                }
                if (reason instanceof AMQP.Connection.Close close) {
                    return Map.of("code", close.getReplyCode(), "text", close.getReplyText());
                }
            }
        }
        return null;
    }

    /** The channel for declarations, opened again after the broker closed it. */
    private Channel channel() throws IOException {
        if (plain == null || !plain.isOpen()) {
            plain = connection.createChannel();
        }
        return plain;
    }

    private Channel confirms() throws IOException {
        if (confirming == null || !confirming.isOpen()) {
            confirming = connection.createChannel();
            confirming.confirmSelect();
            confirming.addReturnListener(back -> returned.add(Map.of(
                "code", back.getReplyCode(), "text", back.getReplyText(), "exchange", back.getExchange(),
                "key", back.getRoutingKey(), "body", new String(back.getBody(), StandardCharsets.UTF_8))));
        }
        return confirming;
    }

    private Map<String, ?> run(JsonNode command) throws Exception {
        String name = text(command, "name", "");
        String queue = text(command, "queue", "");
        String exchange = text(command, "exchange", "");
        String key = text(command, "key", "");
        String consumer = text(command, "consumer", "");
        int count = command.path("count").asInt();
        Map<String, Object> values = command.hasNonNull("arguments") ? table(command.get("arguments")) : null;
        boolean durable = command.path("durable").asBoolean(true);
        boolean autoDelete = command.path("auto_delete").asBoolean();
        boolean passive = command.path("passive").asBoolean();
        switch (command.get("do").asText()) {
            case "connect" -> {
                ConnectionFactory other = factory.clone();
                other.setVirtualHost(text(command, "vhost", "/"));
                other.newConnection().close();
            }
            case "reopen" -> {
                for (int time = 0; time < command.get("times").asInt(); time++) {
                    Connection own = factory.newConnection();
                    own.createChannel().queueDeclare(queue, false, true, false, null);
                    own.close();
                }
            }
            case "exchange" -> {
                if (passive) {
                    channel().exchangeDeclarePassive(name);
                } else {
                    boolean internal = command.path("internal").asBoolean();
                    channel().exchangeDeclare(name, text(command, "type", "direct"), durable, autoDelete, internal, values);
                }
            }
            case "queue" -> {
                AMQP.Queue.DeclareOk found = passive
                    ? channel().queueDeclarePassive(name)
                    : channel().queueDeclare(name, durable, command.path("exclusive").asBoolean(), autoDelete, values);
                return Map.of("queue", found.getQueue(), "messages", found.getMessageCount(), "consumers", found.getConsumerCount());
            }
            case "bind" -> channel().queueBind(queue, exchange, key, values);
            case "unbind" -> channel().queueUnbind(queue, exchange, key, values);
            case "link" -> channel().exchangeBind(text(command, "destination", ""), text(command, "source", ""), key, values);
            case "delete" -> {
                return Map.of("messages", channel().queueDelete(queue).getMessageCount());
            }
            case "publish" -> {
                return publish(exchange, key, command.get("messages"), command.path("mandatory").asBoolean());
            }
            case "get" -> {
                GetResponse got = channel().basicGet(queue, true);
                Map<String, Object> answer = new HashMap<>();
                answer.put("message", got == null ? null : shown(got.getEnvelope(), got.getProps(), got.getBody()));
                return answer;
            }
            case "flood" -> {
                return flood(queue, count, command.get("bytes").asInt());
            }
            case "drain" -> {
                return drain(queue, count, command.get("prefetch").asInt());
            }
            case "consume" -> consumers.put(consumer, new Running(connection.createChannel(), command, values));
            case "take" -> {
                return consumers.get(consumer).take(count, command.get("wait_ms").asLong());
            }
            case "settle" -> consumers.get(consumer).settle(command.get("then").asText());
            case "cancel" -> consumers.get(consumer).channel.basicCancel(consumers.get(consumer).tag);
            case "close" -> consumers.get(consumer).channel.close();
            case "serve" -> serve(queue);
            case "call" -> {
                return call(queue, command.get("bodies"));
            }
            case "stream" -> {
                return stream(queue, count);
            }
            case "work" -> {
                return work(queue, count);
            }
            default -> throw new IllegalArgumentException("no such command");
        }
        return Map.of();
    }

    /** Publishes and waits for every confirm. */
    private Map<String, ?> publish(String exchange, String key, JsonNode messages, boolean mandatory) throws Exception {
        Channel channel = confirms();
        Tally tally = new Tally();
        channel.clearConfirmListeners();
        channel.addConfirmListener(tally.counts(true), tally.counts(false));
        tally.expect(channel.getNextPublishSeqNo(), messages.size());
        for (JsonNode message : messages) {
            byte[] body = message.get("body").asText().getBytes(StandardCharsets.UTF_8);
            channel.basicPublish(exchange, key, mandatory, properties(message), body);
        }
        tally.await(channel, messages.size());
        List<Map<String, Object>> back = new ArrayList<>();
        returned.drainTo(back);
        return Map.of("acked", tally.acked, "nacked", tally.nacked, "returned", back);
    }

    /** Counts confirms: one may be for all messages up to its number, and they come in any order. */
    private static final class Tally {
        private final NavigableSet<Long> missing = new TreeSet<>();
        private int acked;
        private int nacked;

        private synchronized void expect(long first, int count) {
            for (long tag = first; tag < first + count; tag++) {
                missing.add(tag);
            }
        }

        private ConfirmCallback counts(boolean taken) {
            return (tag, multiple) -> {
                synchronized (this) {
                    Set<Long> told = multiple ? missing.headSet(tag, true) : missing.subSet(tag, true, tag, true);
                    acked += taken ? told.size() : 0;
                    nacked += taken ? 0 : told.size();
                    told.clear();
                    notifyAll();
                }
            };
        }

        private synchronized void await(Channel channel, int count) throws Exception {
            long until = System.currentTimeMillis() + PATIENCE_MS;
            while (acked + nacked < count) {
                if (channel.getCloseReason() != null) {
                    throw channel.getCloseReason();
                }
                if (System.currentTimeMillis() > until) {
                    throw new TimeoutException("only " + (acked + nacked) + " of " + count + " confirms came");
                }
                wait(20);
            }
        }
    }

    private Map<String, ?> flood(String queue, int count, int bytes) throws Exception {
        Channel channel = connection.createChannel();
        channel.confirmSelect();
        Tally tally = new Tally();
        channel.addConfirmListener(tally.counts(true), tally.counts(false));
        tally.expect(1, count);
        AMQP.BasicProperties persistent = new AMQP.BasicProperties.Builder().deliveryMode(2).build();
        for (int number = 0; number < count; number++) {
            byte[] body = Arrays.copyOf((number + " ").getBytes(StandardCharsets.UTF_8), bytes);
            channel.basicPublish("", queue, persistent, body);
        }
        tally.await(channel, count);
        channel.close();
        return Map.of("acked", tally.acked, "nacked", tally.nacked);
    }

    private Map<String, ?> drain(String queue, int count, int prefetch) throws Exception {
        Channel channel = connection.createChannel();
        channel.basicQos(prefetch);
        BlockingQueue<Delivery> deliveries = new LinkedBlockingQueue<>();
        channel.basicConsume(queue, false, (tag, delivery) -> deliveries.add(delivery), tag -> { });
        int seen = 0;
        boolean inOrder = true;
        while (seen < count) {
            Delivery delivery = deliveries.poll(PATIENCE_MS, TimeUnit.MILLISECONDS);
            if (delivery == null) {
                break;
            }
            String body = new String(delivery.getBody(), StandardCharsets.UTF_8);
            inOrder &= body.startsWith(seen + " ");
            seen++;
            if (seen % (prefetch / 2) == 0 || seen == count) {
                channel.basicAck(delivery.getEnvelope().getDeliveryTag(), true);
            }
        }
        channel.close();
        return Map.of("count", seen, "in_order", inOrder);
    }

    /** Collects what a queue delivers, and does with it what it was told. */
    private static final class Running {
        private final Channel channel;
        private final String tag;
        private final BlockingQueue<Map<String, Object>> messages = new LinkedBlockingQueue<>();
        private final List<Long> held = new ArrayList<>();
        private volatile boolean cancelled;

        private Running(Channel channel, JsonNode command, Map<String, Object> values) throws Exception {
            this.channel = channel;
            if (command.path("prefetch").asInt() > 0) {
                channel.basicQos(command.get("prefetch").asInt());
            }
            boolean noAck = command.path("no_ack").asBoolean();
            boolean exclusive = command.path("exclusive").asBoolean();
            String then = text(command, "then", "ack");
            tag = channel.basicConsume(command.get("queue").asText(), noAck, "", false, exclusive, values,
                (consumerTag, delivery) -> {
                    // Held before it is shown: whoever has seen it may settle it.
                    if (!noAck) {
                        synchronized (held) {
                            held.add(delivery.getEnvelope().getDeliveryTag());
                        }
                    }
                    messages.add(shown(delivery.getEnvelope(), delivery.getProperties(), delivery.getBody()));
                    if (!noAck && !then.equals("hold")) {
                        settle(then);
                    }
                },
                consumerTag -> cancelled = true);
        }

        private void settle(String how) throws IOException {
            synchronized (held) {
                for (long delivery : held) {
                    if (how.equals("ack")) {
                        channel.basicAck(delivery, false);
                    } else {
                        channel.basicNack(delivery, false, how.equals("requeue"));
                    }
                }
                held.clear();
            }
        }

        private Map<String, ?> take(int count, long waitMs) throws Exception {
            long until = System.currentTimeMillis() + waitMs;
            List<Map<String, Object>> taken = new ArrayList<>();
            while (taken.size() < count && System.currentTimeMillis() < until && !cancelled) {
                if (channel.getCloseReason() != null) {
                    throw channel.getCloseReason();
                }
                Map<String, Object> message = messages.poll(20, TimeUnit.MILLISECONDS);
                if (message != null) {
                    taken.add(message);
                }
            }
            return Map.of("messages", taken, "cancelled", cancelled);
        }
    }

    private void serve(String queue) throws Exception {
        Channel channel = connection.createChannel();
        channel.basicConsume(queue, false, (tag, request) -> {
            AMQP.BasicProperties asked = request.getProperties();
            AMQP.BasicProperties answer = new AMQP.BasicProperties.Builder().correlationId(asked.getCorrelationId()).build();
            String body = new String(request.getBody(), StandardCharsets.UTF_8).toUpperCase();
            channel.basicPublish("", asked.getReplyTo(), answer, body.getBytes(StandardCharsets.UTF_8));
            channel.basicAck(request.getEnvelope().getDeliveryTag(), false);
        }, tag -> { });
    }

    private Map<String, ?> call(String queue, JsonNode bodies) throws Exception {
        Channel channel = connection.createChannel();
        BlockingQueue<Delivery> answers = new LinkedBlockingQueue<>();
        channel.basicConsume(REPLY_TO, true, (tag, delivery) -> answers.add(delivery), tag -> { });
        List<String> texts = new ArrayList<>();
        for (JsonNode body : bodies) {
            String id = String.valueOf(texts.size());
            AMQP.BasicProperties request = new AMQP.BasicProperties.Builder().correlationId(id).replyTo(REPLY_TO).build();
            channel.basicPublish("", queue, request, body.asText().getBytes(StandardCharsets.UTF_8));
            Delivery answer = answers.poll(PATIENCE_MS, TimeUnit.MILLISECONDS);
            if (answer == null || !id.equals(answer.getProperties().getCorrelationId())) {
                throw new IllegalStateException("no answer to request " + id);
            }
            texts.add(new String(answer.getBody(), StandardCharsets.UTF_8));
        }
        channel.close();
        return Map.of("answers", texts);
    }

    /** Counts how often a connection came back by itself. */
    private static AtomicInteger recoveries(Connection connection) {
        AtomicInteger count = new AtomicInteger();
        ((Recoverable) connection).addRecoveryListener(new RecoveryListener() {
            @Override
            public void handleRecovery(Recoverable recovered) {
                count.incrementAndGet();
            }

            @Override
            public void handleRecoveryStarted(Recoverable recovering) { }
        });
        return count;
    }

    /** Publishes the numbers below `count`, each until it is confirmed; the connection comes back by itself. */
    private Map<String, ?> stream(String queue, int count) throws Exception {
        Connection own = factory.newConnection();
        AtomicInteger recoveries = recoveries(own);
        Channel channel = own.createChannel();
        channel.confirmSelect();
        AMQP.BasicProperties persistent = new AMQP.BasicProperties.Builder().deliveryMode(2).build();
        long until = System.currentTimeMillis() + PATIENCE_MS;
        int done = 0;
        while (done < count && System.currentTimeMillis() < until) {
            try {
                channel.basicPublish("", queue, persistent, String.valueOf(done).getBytes(StandardCharsets.UTF_8));
                if (!channel.waitForConfirms(PATIENCE_MS)) {
                    continue;
                }
                done++;
                if (done % 100 == 0) {
                    say(Map.of("event", "confirmed", "count", done));
                }
                Thread.sleep(2);
            } catch (IOException | ShutdownSignalException lost) {
                Thread.sleep(50);
            }
        }
        own.close();
        return Map.of("confirmed", done, "reconnects", recoveries.get());
    }

    /** Acknowledges messages until every number was seen; the consumer comes back by itself. */
    private Map<String, ?> work(String queue, int count) throws Exception {
        Connection own = factory.newConnection();
        AtomicInteger recoveries = recoveries(own);
        Channel channel = own.createChannel();
        channel.basicQos(50);
        Set<String> seen = ConcurrentHashMap.newKeySet();
        AtomicLong refused = new AtomicLong();
        channel.basicConsume(queue, false, (tag, delivery) -> {
            seen.add(new String(delivery.getBody(), StandardCharsets.UTF_8));
            try {
                channel.basicAck(delivery.getEnvelope().getDeliveryTag(), false);
            } catch (ShutdownSignalException lost) {
                // It comes again.
                refused.incrementAndGet();
            }
        }, tag -> { });
        long until = System.currentTimeMillis() + PATIENCE_MS;
        while (seen.size() < count && System.currentTimeMillis() < until) {
            Thread.sleep(20);
        }
        own.close();
        return Map.of("seen", seen.size(), "reconnects", recoveries.get());
    }

    private static String text(JsonNode of, String name, String otherwise) {
        return of.hasNonNull(name) ? of.get(name).asText() : otherwise;
    }

    /** Turns JSON into what the library writes: integers name their type, as {"i16": 5}. */
    private static Object value(JsonNode from) {
        if (from.isObject()) {
            if (from.size() == 1) {
                Map.Entry<String, JsonNode> only = from.fields().next();
                JsonNode number = only.getValue();
                switch (number.isIntegralNumber() ? only.getKey() : "") {
                    case "i8":
                        return (byte) number.asInt();
                    case "i16":
                        return (short) number.asInt();
                    case "i32":
                        return number.asInt();
                    case "i64":
                        return number.asLong();
                    default:
                        break;
                }
            }
            return table(from);
        } else if (from.isArray()) {
            List<Object> list = new ArrayList<>();
            from.forEach(item -> list.add(value(item)));
            return list;
        } else if (from.isIntegralNumber()) {
            return from.asLong();
        } else if (from.isNumber()) {
            return from.asDouble();
        } else if (from.isBoolean()) {
            return from.asBoolean();
        }
        return from.isNull() ? null : from.asText();
    }

    private static Map<String, Object> table(JsonNode from) {
        Map<String, Object> table = new LinkedHashMap<>();
        from.fields().forEachRemaining(entry -> table.put(entry.getKey(), value(entry.getValue())));
        return table;
    }

    /** The way back. */
    private static Object plain(Object from) {
        if (from instanceof Byte) {
            return Collections.singletonMap("i8", from);
        } else if (from instanceof Short) {
            return Collections.singletonMap("i16", from);
        } else if (from instanceof Integer) {
            return Collections.singletonMap("i32", from);
        } else if (from instanceof Long) {
            return Collections.singletonMap("i64", from);
        } else if (from instanceof LongString text) {
            return text.toString();
        } else if (from instanceof Date time) {
            return time.getTime() / 1000;
        } else if (from instanceof List<?> list) {
            List<Object> items = new ArrayList<>();
            list.forEach(item -> items.add(plain(item)));
            return items;
        } else if (from instanceof Map<?, ?> map) {
            Map<String, Object> table = new LinkedHashMap<>();
            map.forEach((name, item) -> table.put(String.valueOf(name), plain(item)));
            return table;
        }
        return from;
    }

    private static AMQP.BasicProperties properties(JsonNode message) {
        AMQP.BasicProperties.Builder made = new AMQP.BasicProperties.Builder();
        if (message.hasNonNull("headers")) {
            made.headers(table(message.get("headers")));
        }
        if (message.hasNonNull("timestamp")) {
            made.timestamp(new Date(message.get("timestamp").asLong() * 1000));
        }
        if (message.hasNonNull("delivery_mode")) {
            made.deliveryMode(message.get("delivery_mode").asInt());
        }
        if (message.hasNonNull("priority")) {
            made.priority(message.get("priority").asInt());
        }
        return made
            .contentType(text(message, "content_type", null))
            .contentEncoding(text(message, "content_encoding", null))
            .correlationId(text(message, "correlation_id", null))
            .replyTo(text(message, "reply_to", null))
            .expiration(text(message, "expiration", null))
            .messageId(text(message, "message_id", null))
            .type(text(message, "type", null))
            .userId(text(message, "user_id", null))
            .appId(text(message, "app_id", null))
            .build();
    }

    private static Map<String, Object> shown(Envelope envelope, AMQP.BasicProperties properties, byte[] body) {
        Map<String, Object> message = new HashMap<>();
        message.put("body", new String(body, StandardCharsets.UTF_8));
        message.put("exchange", envelope.getExchange());
        message.put("key", envelope.getRoutingKey());
        message.put("redelivered", envelope.isRedeliver());
        message.put("headers", plain(properties.getHeaders()));
        message.put("content_type", properties.getContentType());
        message.put("content_encoding", properties.getContentEncoding());
        message.put("delivery_mode", properties.getDeliveryMode());
        message.put("priority", properties.getPriority());
        message.put("correlation_id", properties.getCorrelationId());
        message.put("reply_to", properties.getReplyTo());
        message.put("expiration", properties.getExpiration());
        message.put("message_id", properties.getMessageId());
        message.put("timestamp", plain(properties.getTimestamp()));
        message.put("type", properties.getType());
        message.put("user_id", properties.getUserId());
        message.put("app_id", properties.getAppId());
        return message;
    }
}
