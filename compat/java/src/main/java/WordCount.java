import com.fasterxml.jackson.databind.JsonNode;
import java.time.Duration;
import java.util.Arrays;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Grouped;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.Produced;

/** Counts words with Kafka Streams: a repartition topic between two sub-topologies, a store with a changelog. */
final class WordCount {
    private static final long PATIENCE_S = 120;

    private WordCount() {}

    /** Runs until everything that is in the input now was counted and committed, then leaves. */
    static Map<String, Object> run(String bootstrap, JsonNode command) throws Exception {
        String application = command.get("application").asText();
        Properties settings = new Properties();
        settings.put(StreamsConfig.APPLICATION_ID_CONFIG, application);
        settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, bootstrap);
        settings.put(StreamsConfig.STATE_DIR_CONFIG, command.get("state").asText());
        settings.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.AT_LEAST_ONCE);
        settings.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, "200");
        settings.put("auto.offset.reset", "earliest");
        // Kafka Streams does not leave its group when it closes; the next run waits until the broker gives it up.
        settings.put("session.timeout.ms", "6000");
        settings.put("heartbeat.interval.ms", "1000");

        StreamsBuilder builder = new StreamsBuilder();
        builder.stream(command.get("input").asText(), Consumed.with(Serdes.ByteArray(), Serdes.String()))
            .flatMapValues(line -> Arrays.asList(line.split(" ")))
            .groupBy((key, word) -> word, Grouped.with("by-word", Serdes.String(), Serdes.String()))
            .count(Materialized.as("counts"))
            .toStream()
            .mapValues(count -> Long.toString(count))
            .to(command.get("output").asText(), Produced.with(Serdes.String(), Serdes.String()));

        AtomicReference<Throwable> failed = new AtomicReference<>();
        try (KafkaStreams streams = new KafkaStreams(builder.build(), settings);
                Admin admin = Admin.create(Map.of("bootstrap.servers", (Object) bootstrap))) {
            streams.setUncaughtExceptionHandler(error -> {
                failed.set(error);
                return StreamThreadExceptionResponse.SHUTDOWN_CLIENT;
            });
            streams.start();
            long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(PATIENCE_S);
            while (!isDone(admin, application, command.get("input").asText(), command.get("partitions").asInt())) {
                if (failed.get() != null) {
                    throw new IllegalStateException("Kafka Streams stopped", failed.get());
                }
                if (System.nanoTime() > deadline) {
                    throw new TimeoutException("the words were not counted within " + PATIENCE_S + " s");
                }
                Thread.sleep(100);
            }
            if (!streams.close(Duration.ofSeconds(30))) {
                throw new TimeoutException("Kafka Streams did not close within 30 s");
            }
        }
        return Map.of();
    }

    /** Whether the application has committed the ends of its input and of what lies between its two halves. */
    private static boolean isDone(Admin admin, String application, String input, int partitions) throws Exception {
        Map<TopicPartition, OffsetAndMetadata> committed = admin.listConsumerGroupOffsets(application)
            .partitionsToOffsetAndMetadata().get(PATIENCE_S, TimeUnit.SECONDS);
        for (String topic : new String[] {input, application + "-by-word-repartition"}) {
            for (int partition = 0; partition < partitions; partition++) {
                TopicPartition place = new TopicPartition(topic, partition);
                OffsetAndMetadata at = committed.get(place);
                // The second topic exists once the first half has begun; before, nothing of the first is committed.
                if (at == null && topic.equals(input)) {
                    return false;
                }
                long end = admin.listOffsets(Map.of(place, OffsetSpec.latest()))
                    .partitionResult(place).get(PATIENCE_S, TimeUnit.SECONDS).offset();
                if (end > 0 && (at == null || at.offset() < end)) {
                    return false;
                }
            }
        }
        return true;
    }
}
