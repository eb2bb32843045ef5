import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import org.springframework.amqp.core.AmqpAdmin;
import org.springframework.amqp.core.Binding;
import org.springframework.amqp.core.BindingBuilder;
import org.springframework.amqp.core.DirectExchange;
import org.springframework.amqp.core.Message;
import org.springframework.amqp.core.Queue;
import org.springframework.amqp.core.QueueBuilder;
import org.springframework.amqp.rabbit.annotation.EnableRabbit;
import org.springframework.amqp.rabbit.annotation.RabbitListener;
import org.springframework.amqp.rabbit.config.RetryInterceptorBuilder;
import org.springframework.amqp.rabbit.config.SimpleRabbitListenerContainerFactory;
import org.springframework.amqp.rabbit.connection.CachingConnectionFactory;
import org.springframework.amqp.rabbit.connection.CorrelationData;
import org.springframework.amqp.rabbit.core.RabbitAdmin;
import org.springframework.amqp.rabbit.core.RabbitTemplate;
import org.springframework.amqp.rabbit.retry.RejectAndDontRequeueRecoverer;
import org.springframework.boot.actuate.amqp.RabbitHealthIndicator;
import org.springframework.context.annotation.AnnotationConfigApplicationContext;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;

/** Spring AMQP as an application uses it, and Spring Boot's health check; the commands are in ../../../../../README.md. */
public final class Client {
    private static final long PATIENCE_MS = 60_000;
    private static final ObjectMapper JSON = new ObjectMapper();
    private static String address;

    /** The application. */
    @Configuration
    @EnableRabbit
    public static class Application {
        final List<String> tried = new CopyOnWriteArrayList<>();
        final List<String> dead = new CopyOnWriteArrayList<>();

        @Bean
        CachingConnectionFactory connections() {
            CachingConnectionFactory connections = new CachingConnectionFactory();
            connections.setAddresses(address);
            connections.setPublisherConfirmType(CachingConnectionFactory.ConfirmType.CORRELATED);
            connections.setPublisherReturns(true);
            return connections;
        }

        @Bean
        RabbitTemplate template(CachingConnectionFactory connections) {
            RabbitTemplate template = new RabbitTemplate(connections);
            template.setMandatory(true);
            template.setReplyTimeout(PATIENCE_MS);
            return template;
        }

        @Bean
        AmqpAdmin admin(CachingConnectionFactory connections) {
            return new RabbitAdmin(connections);
        }

        @Bean
        Queue orders() {
            return QueueBuilder.durable("spring-orders").deadLetterExchange("spring-dead").deadLetterRoutingKey("orders").build();
        }

        @Bean
        Queue letters() {
            return QueueBuilder.durable("spring-letters").build();
        }

        @Bean
        Queue doubled() {
            return QueueBuilder.durable("spring-doubled").quorum().build();
        }

        @Bean
        DirectExchange graves() {
            return new DirectExchange("spring-dead");
        }

        @Bean
        Binding buried(Queue letters, DirectExchange graves) {
            return BindingBuilder.bind(letters).to(graves).with("orders");
        }

        /** Three tries in the application, then the message is rejected and becomes a dead letter. */
        @Bean
        SimpleRabbitListenerContainerFactory rabbitListenerContainerFactory(CachingConnectionFactory connections) {
            SimpleRabbitListenerContainerFactory factory = new SimpleRabbitListenerContainerFactory();
            factory.setConnectionFactory(connections);
            factory.setPrefetchCount(5);
            factory.setAdviceChain(
                    RetryInterceptorBuilder.stateless()
                            .maxAttempts(3)
                            .backOffOptions(10, 2.0, 100)
                            .recoverer(new RejectAndDontRequeueRecoverer())
                            .build());
            return factory;
        }

        @RabbitListener(queues = "spring-orders")
        public void order(String body) {
            tried.add(body);
            if (body.startsWith("bad")) {
                throw new IllegalStateException("it cannot be done");
            }
        }

        @RabbitListener(queues = "spring-letters")
        public void letter(Message message) {
            List<Map<String, ?>> deaths = message.getMessageProperties().getXDeathHeader();
            String reason = deaths.get(0).get("reason") + " from " + deaths.get(0).get("queue");
            dead.add(new String(message.getBody(), StandardCharsets.UTF_8) + " " + reason);
        }

        @RabbitListener(queues = "spring-doubled")
        public String twice(String body) {
            return body + body;
        }
    }

    private final AnnotationConfigApplicationContext context = new AnnotationConfigApplicationContext(Application.class);
    private final Application application = context.getBean(Application.class);
    private final RabbitTemplate template = context.getBean(RabbitTemplate.class);

    private Object health() {
        var health = new RabbitHealthIndicator(template).health();
        return Map.of("status", health.getStatus().getCode(), "version", health.getDetails().containsKey("version"));
    }

    /** Whether a message was confirmed, and whether it came back. */
    private Map<String, Object> send(String exchange, String key, String body) throws Exception {
        CorrelationData sent = new CorrelationData();
        template.convertAndSend(exchange, key, body, sent);
        boolean acked = sent.getFuture().get(PATIENCE_MS, TimeUnit.MILLISECONDS).isAck();
        return Map.of("acked", acked, "returned", sent.getReturned() != null);
    }

    private static void waitFor(List<String> list, int count) throws InterruptedException {
        long until = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(PATIENCE_MS);
        while (list.size() < count && System.nanoTime() < until) {
            Thread.sleep(20);
        }
    }

    private Object listen() throws Exception {
        send("", "spring-orders", "good");
        send("", "spring-orders", "bad");
        waitFor(application.dead, 1);
        return Map.of("tried", application.tried.stream().sorted().toList(), "dead", application.dead);
    }

    private Object run(JsonNode command) throws Exception {
        return switch (command.get("do").asText()) {
            case "health" -> health();
            case "send" -> send("", command.get("key").asText(), "x");
            case "listen" -> listen();
            case "ask" -> Map.of("reply", String.valueOf(template.convertSendAndReceive("", "spring-doubled", command.get("body").asText())));
            default -> throw new IllegalArgumentException("no such command: " + command);
        };
    }

    private static void say(String what, Object value) throws Exception {
        ObjectNode line = JSON.createObjectNode();
        line.set(what, JSON.valueToTree(value));
        System.out.println(JSON.writeValueAsString(line));
        System.out.flush();
    }

    /** The broker's address is the only argument. */
    public static void main(String[] arguments) throws Exception {
        address = arguments[0];
        Client client = new Client();
        String version = "Spring AMQP " + RabbitTemplate.class.getPackage().getImplementationVersion();
        System.out.println(JSON.writeValueAsString(Map.of("event", "ready", "version", version)));
        System.out.flush();
        BufferedReader input = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = input.readLine(); line != null; line = input.readLine()) {
            try {
                say("done", client.run(JSON.readTree(line)));
            } catch (Exception error) {
                say("error", error.toString());
            }
        }
        client.context.close();
        // Timers of libraries would keep it alive.
        System.exit(0);
    }
}
