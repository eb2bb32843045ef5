import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import software.amazon.awssdk.core.SdkBytes;
import software.amazon.awssdk.core.SdkField;
import software.amazon.awssdk.core.SdkPojo;
import software.amazon.awssdk.core.protocol.MarshallingType;
import software.amazon.awssdk.core.traits.ListTrait;
import software.amazon.awssdk.core.traits.MapTrait;
import software.amazon.awssdk.core.util.VersionInfo;
import software.amazon.awssdk.http.urlconnection.UrlConnectionHttpClient;
import software.amazon.awssdk.services.sqs.SqsClient;
import software.amazon.awssdk.services.sqs.model.SqsException;
import software.amazon.awssdk.services.sqs.model.SqsRequest;
import software.amazon.awssdk.utils.builder.SdkBuilder;

/** The AWS SDK for Java v2 as a compat client; the commands are in ../README.md. */
public final class Client {
    private static final ObjectMapper JSON = new ObjectMapper();

    public static void main(String[] arguments) throws Exception {
        // Endpoint, region and credentials come from the environment, as they would in production.
        try (SqsClient client = SqsClient.builder().httpClientBuilder(UrlConnectionHttpClient.builder()).build()) {
            say(Map.of("event", "ready", "version", "AWS SDK for Java " + VersionInfo.SDK_VERSION));
            BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                JsonNode command = JSON.readTree(line);
                try {
                    if (!command.get("do").asText().equals("call")) {
                        throw new IllegalArgumentException("no such command");
                    }
                    say(Map.of("done", call(client, command.get("action").asText(), command.get("input"))));
                } catch (Exception error) {
                    say(Map.of("error", error.toString()));
                }
            }
        }
    }

    private static void say(Map<String, ?> message) throws Exception {
        byte[] line = (JSON.writeValueAsString(message) + "\n").getBytes(StandardCharsets.UTF_8);
        System.out.write(line);
        System.out.flush();
    }

    /** Finds the action's method and its request's builder by name; every request describes its own fields. */
    private static Map<String, ?> call(SqsClient client, String action, JsonNode input) throws Exception {
        Class<?> type = Class.forName(SqsRequest.class.getPackageName() + "." + action + "Request");
        SdkBuilder<?, ?> builder = (SdkBuilder<?, ?>) type.getMethod("builder").invoke(null);
        fill((SdkPojo) builder, input);
        String name = Character.toLowerCase(action.charAt(0)) + action.substring(1);
        Method method = SqsClient.class.getMethod(name, type);
        try {
            return Map.of("output", toJson((SdkPojo) method.invoke(client, builder.build())));
        } catch (InvocationTargetException thrown) {
            if (thrown.getCause() instanceof SqsException refused) {
                String code = refused.awsErrorDetails().errorCode();
                String said = String.valueOf(refused.awsErrorDetails().errorMessage());
                return Map.of("refused", refused.getClass().getSimpleName() + " " + code, "message", said);
            }
            throw thrown.getCause() instanceof Exception cause ? cause : thrown;
        }
    }

    private static void fill(SdkPojo builder, JsonNode input) {
        Map<String, SdkField<?>> fields = new LinkedHashMap<>();
        builder.sdkFields().forEach(field -> fields.put(field.memberName(), field));
        input.fields().forEachRemaining(entry -> {
            SdkField<?> field = fields.get(entry.getKey());
            if (field == null) {
                throw new IllegalArgumentException("no field " + entry.getKey());
            }
            field.set(builder, fromJson(field, entry.getValue()));
        });
    }

    private static Object fromJson(SdkField<?> field, JsonNode value) {
        MarshallingType<?> type = field.marshallingType();
        if (type == MarshallingType.STRING) {
            return value.asText();
        } else if (type == MarshallingType.INTEGER) {
            return value.asInt();
        } else if (type == MarshallingType.LONG) {
            return value.asLong();
        } else if (type == MarshallingType.BOOLEAN) {
            return value.asBoolean();
        } else if (type == MarshallingType.SDK_BYTES) {
            return SdkBytes.fromByteArray(Base64.getDecoder().decode(value.asText()));
        } else if (type == MarshallingType.LIST) {
            SdkField<?> member = field.getTrait(ListTrait.class).memberFieldInfo();
            List<Object> list = new ArrayList<>();
            value.forEach(item -> list.add(fromJson(member, item)));
            return list;
        } else if (type == MarshallingType.MAP) {
            SdkField<?> member = field.getTrait(MapTrait.class).valueFieldInfo();
            Map<String, Object> map = new LinkedHashMap<>();
            value.fields().forEachRemaining(entry -> map.put(entry.getKey(), fromJson(member, entry.getValue())));
            return map;
        } else if (type == MarshallingType.SDK_POJO) {
            SdkPojo nested = field.constructor().get();
            fill(nested, value);
            return ((SdkBuilder<?, ?>) nested).build();
        }
        throw new IllegalArgumentException("a field of type " + type);
    }

    private static Object toJson(Object value) {
        if (value instanceof SdkPojo pojo) {
            Map<String, Object> object = new LinkedHashMap<>();
            for (SdkField<?> field : pojo.sdkFields()) {
                Object item = field.getValueOrDefault(pojo);
                if (item != null) {
                    object.put(field.memberName(), toJson(item));
                }
            }
            return object;
        } else if (value instanceof SdkBytes bytes) {
            return Base64.getEncoder().encodeToString(bytes.asByteArray());
        } else if (value instanceof List<?> list) {
            return list.stream().map(Client::toJson).toList();
        } else if (value instanceof Map<?, ?> map) {
            Map<String, Object> object = new LinkedHashMap<>();
            map.forEach((name, item) -> object.put(String.valueOf(name), toJson(item)));
            return object;
        }
        return value;
    }
}
