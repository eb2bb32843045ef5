import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.CommitFailedException;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.RebalanceInProgressException;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.utils.AppInfoParser;

/** The Java client as a compat client; the commands are in ../README.md. */
public final class Client {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final long PATIENCE_S = 60;
    private static final Duration POLL = Duration.ofMillis(200);

    private static String bootstrap;

    public static void main(String[] arguments) throws Exception {
        bootstrap = arguments[0];
        say(Map.of(
            "event", "ready",
            "version", "kafka-clients " + AppInfoParser.getVersion(),
            "codecs", List.of("none", "gzip", "snappy", "lz4", "zstd"),
            "protocols", List.of("classic", "consumer"),
            "counts_words", true));
        BufferedReader input = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        String line;
        while ((line = input.readLine()) != null) {
            JsonNode command = JSON.readTree(line);
            try {
                say(Map.of("done", switch (command.get("do").asText()) {
                    case "create" -> create(command);
                    case "produce" -> produce(command);
                    case "read" -> read(command);
                    case "consume" -> consume(command);
                    case "stream" -> stream(command);
                    case "count words" -> WordCount.run(bootstrap, command);
                    case "member" -> member(command, input);
                    default -> throw new IllegalArgumentException("unknown command " + line);
                }));
            } catch (Exception error) {
                error.printStackTrace();
                say(Map.of("error", error.toString()));
            }
        }
    }

    private static Map<String, Object> create(JsonNode command) throws Exception {
        try (Admin admin = Admin.create(settings())) {
            NewTopic topic = new NewTopic(topic(command), command.get("partitions").asInt(), (short) 1);
            admin.createTopics(List.of(topic)).all().get(PATIENCE_S, TimeUnit.SECONDS);
            return Map.of();
        }
    }

    private static Map<String, Object> produce(JsonNode command) throws Exception {
        Properties settings = settings();
        settings.put("compression.type", command.get("codec").asText());
        settings.put("linger.ms", "100");
        try (KafkaProducer<byte[], byte[]> producer = producer(settings)) {
            List<Future<RecordMetadata>> confirmations = new ArrayList<>();
            for (JsonNode record : command.get("records")) {
                ProducerRecord<byte[], byte[]> sent = new ProducerRecord<>(
                    topic(command),
                    command.get("partition").asInt(),
                    record.get("timestamp").asLong(),
                    fromHex(record.get("key")),
                    fromHex(record.get("value")));
                for (JsonNode header : record.get("headers")) {
                    sent.headers().add(header.get(0).asText(), fromHex(header.get(1)));
                }
                confirmations.add(producer.send(sent));
            }
            List<Long> offsets = new ArrayList<>();
            for (Future<RecordMetadata> confirmation : confirmations) {
                offsets.add(confirmation.get(PATIENCE_S, TimeUnit.SECONDS).offset());
            }
            return Map.of("offsets", offsets);
        }
    }

    private static Map<String, Object> read(JsonNode command) throws Exception {
        try (KafkaConsumer<byte[], byte[]> consumer = consumer("read-" + UUID.randomUUID(), "classic")) {
            TopicPartition place = new TopicPartition(topic(command), command.get("partition").asInt());
            consumer.assign(List.of(place));
            long end = consumer.endOffsets(List.of(place)).get(place);
            long next;
            if (command.has("since")) {
                var found = consumer.offsetsForTimes(Map.of(place, command.get("since").asLong())).get(place);
                next = found == null ? end : found.offset();
            } else {
                next = command.get("start").asLong();
            }
            consumer.seek(place, next);
            List<Map<String, Object>> records = new ArrayList<>();
            long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(PATIENCE_S);
            while (next < end) {
                for (ConsumerRecord<byte[], byte[]> record : poll(consumer, deadline)) {
                    next = record.offset() + 1;
                    List<List<String>> headers = new ArrayList<>();
                    for (Header header : record.headers()) {
                        List<String> pair = new ArrayList<>();
                        pair.add(header.key());
                        pair.add(toHex(header.value()));
                        headers.add(pair);
                    }
                    Map<String, Object> got = new HashMap<>();
                    got.put("offset", record.offset());
                    got.put("timestamp", record.timestamp());
                    got.put("key", toHex(record.key()));
                    got.put("value", toHex(record.value()));
                    got.put("headers", headers);
                    records.add(got);
                }
            }
            return Map.of("records", records);
        }
    }

    private static Map<String, Object> consume(JsonNode command) throws Exception {
        int count = command.get("count").asInt();
        try (KafkaConsumer<byte[], byte[]> consumer = consumer(command.get("group").asText(), "classic")) {
            consumer.subscribe(List.of(topic(command)));
            List<String> values = new ArrayList<>();
            Map<TopicPartition, OffsetAndMetadata> next = new HashMap<>();
            long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(PATIENCE_S);
            while (values.size() < count) {
                for (ConsumerRecord<byte[], byte[]> record : poll(consumer, deadline)) {
                    if (values.size() < count) {
                        values.add(text(record));
                        next.put(place(record), new OffsetAndMetadata(record.offset() + 1));
                    }
                }
            }
            consumer.commitSync(next);
            return Map.of("values", values);
        }
    }

    private static Map<String, Object> stream(JsonNode command) throws Exception {
        Properties settings = settings();
        settings.put("enable.idempotence", "true");
        settings.put("linger.ms", "5");
        AtomicInteger acked = new AtomicInteger();
        CompletableFuture<Void> failed = new CompletableFuture<>();
        try (KafkaProducer<byte[], byte[]> producer = producer(settings)) {
            for (int number = 0; number < command.get("count").asInt(); number++) {
                byte[] value = Integer.toString(number).getBytes(StandardCharsets.UTF_8);
                producer.send(
                    new ProducerRecord<>(topic(command), command.get("partition").asInt(), null, value),
                    (confirmed, error) -> {
                        if (error != null) {
                            failed.completeExceptionally(error);
                        } else if (acked.incrementAndGet() % 500 == 0) {
                            say(Map.of("event", "acked", "count", acked.get()));
                        }
                    });
                if (number % 100 == 99) {
                    Thread.sleep(20);
                }
            }
            producer.flush();
        }
        failed.getNow(null);
        return Map.of("acked", acked.get());
    }

    /** Reads as a member of the group until standard input closes, committing after every poll. */
    private static Map<String, Object> member(JsonNode command, BufferedReader input) {
        CompletableFuture<Void> closing = CompletableFuture.runAsync(() -> input.lines().forEach(line -> {}));
        try (KafkaConsumer<byte[], byte[]> consumer =
                consumer(command.get("group").asText(), command.get("protocol").asText())) {
            consumer.subscribe(List.of(topic(command)));
            while (!closing.isDone()) {
                Map<TopicPartition, OffsetAndMetadata> next = new HashMap<>();
                Map<String, Long> offsets = new HashMap<>();
                for (ConsumerRecord<byte[], byte[]> record : consumer.poll(POLL)) {
                    next.put(place(record), new OffsetAndMetadata(record.offset() + 1));
                    offsets.put(Integer.toString(record.partition()), record.offset() + 1);
                    say(Map.of(
                        "event", "got",
                        "partition", record.partition(),
                        "offset", record.offset(),
                        "value", text(record)));
                }
                if (next.isEmpty()) {
                    continue;
                }
                try {
                    consumer.commitSync(next);
                    say(Map.of("event", "committed", "offsets", offsets));
                } catch (CommitFailedException | RebalanceInProgressException refused) {
                    // The group moved on; whoever owns the partition now reads these again.
                    say(Map.of("event", "refused", "reason", refused.toString()));
                }
            }
        }
        return Map.of();
    }

    private static ConsumerRecords<byte[], byte[]> poll(KafkaConsumer<byte[], byte[]> consumer, long deadline)
            throws TimeoutException {
        if (System.nanoTime() > deadline) {
            throw new TimeoutException("the records did not come within " + PATIENCE_S + " s");
        }
        return consumer.poll(POLL);
    }

    private static Properties settings() {
        Properties settings = new Properties();
        settings.put("bootstrap.servers", bootstrap);
        return settings;
    }

    private static KafkaProducer<byte[], byte[]> producer(Properties settings) {
        return new KafkaProducer<>(settings, new ByteArraySerializer(), new ByteArraySerializer());
    }

    /** The new protocol's timeouts are the broker's, and the client refuses its own there. */
    private static KafkaConsumer<byte[], byte[]> consumer(String group, String protocol) {
        Properties settings = settings();
        settings.put("group.id", group);
        settings.put("group.protocol", protocol);
        if (protocol.equals("classic")) {
            settings.put("session.timeout.ms", "6000");
            settings.put("heartbeat.interval.ms", "1000");
        }
        settings.put("enable.auto.commit", "false");
        settings.put("auto.offset.reset", "earliest");
        settings.put("max.poll.records", "50");
        return new KafkaConsumer<>(settings, new ByteArrayDeserializer(), new ByteArrayDeserializer());
    }

    private static String topic(JsonNode command) {
        return command.get("topic").asText();
    }

    private static TopicPartition place(ConsumerRecord<byte[], byte[]> record) {
        return new TopicPartition(record.topic(), record.partition());
    }

    private static String text(ConsumerRecord<byte[], byte[]> record) {
        return new String(record.value(), StandardCharsets.UTF_8);
    }

    private static byte[] fromHex(JsonNode text) {
        return text.isNull() ? null : HexFormat.of().parseHex(text.asText());
    }

    private static String toHex(byte[] bytes) {
        return bytes == null ? null : HexFormat.of().formatHex(bytes);
    }

    /** Callbacks say things too, from the client's own thread: one line at a time. */
    private static synchronized void say(Map<String, ?> message) {
        try {
            System.out.println(JSON.writeValueAsString(message));
        } catch (com.fasterxml.jackson.core.JsonProcessingException impossible) {
            throw new IllegalStateException(impossible);
        }
    }
}
