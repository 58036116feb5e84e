// An application of Kafka Streams: orders are joined with a table of customers and summed up, by way of a repartition topic and
// of changelogs. Runs until each sum is whole, and looks at its own group meanwhile. Prints "ok".
// usage: StreamsJoin PROPERTIES PROTOCOL APPLICATION ORDERS CUSTOMERS SUMS MARK
import java.io.FileReader;
import java.nio.file.Files;
import java.time.Duration;
import java.util.*;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.serialization.*;
import org.apache.kafka.streams.*;
import org.apache.kafka.streams.kstream.*;

public class StreamsJoin {
    static final int ORDERS = 40, CUSTOMERS = 4;
    static Properties base = new Properties();

    static Properties with(String... more) {
        Properties p = new Properties();
        p.putAll(base);
        for (int i = 0; i < more.length; i += 2)
            p.put(more[i], more[i + 1]);
        return p;
    }

    static void must(String what, boolean ok) {
        if (!ok)
            throw new IllegalStateException(what);
    }

    static void fill(String orders, String customers, String mark) throws Exception {
        try (var p = new KafkaProducer<>(base, new StringSerializer(), new StringSerializer())) {
            for (int i = 0; i < CUSTOMERS; i++)
                p.send(new ProducerRecord<>(customers, "c" + i, mark + i)).get();
            for (int i = 0; i < ORDERS; i++)
                p.send(new ProducerRecord<>(orders, "o" + i, "c" + i % CUSTOMERS + ":" + i)).get();
        }
    }

    static Topology topology(String orders, String customers, String sums) {
        StreamsBuilder b = new StreamsBuilder();
        KTable<String, String> names = b.table(customers);
        b.<String, String>stream(orders)
            .selectKey((k, v) -> v.split(":")[0])
            .mapValues(v -> v.split(":")[1])
            .join(names, (amount, name) -> name + ":" + amount)
            .groupByKey()
            .aggregate(() -> "", (k, v, sum) -> {
                long before = sum.isEmpty() ? 0 : Long.parseLong(sum.split(":")[1]);
                return v.split(":")[0] + ":" + (before + Long.parseLong(v.split(":")[1]));
            })
            .toStream().to(sums);
        return b.build();
    }

    static Map<String, String> expected(String mark) {
        Map<String, String> all = new TreeMap<>();
        for (int c = 0; c < CUSTOMERS; c++) {
            int sum = 0;
            for (int i = c; i < ORDERS; i += CUSTOMERS)
                sum += i;
            all.put("c" + c, mark + c + ":" + sum);
        }
        return all;
    }

    static void awaitSums(String sums, Map<String, String> expected) {
        Map<String, String> last = new TreeMap<>();
        long end = System.nanoTime() + Duration.ofSeconds(120).toNanos();
        try (var c = new KafkaConsumer<>(with("group.id", "look-at-" + sums, "auto.offset.reset", "earliest"), new StringDeserializer(),
                new StringDeserializer())) {
            c.subscribe(List.of(sums));
            while (!last.equals(expected)) {
                must("sums are " + last + ", not " + expected, System.nanoTime() < end);
                c.poll(Duration.ofMillis(200)).forEach(r -> last.put(r.key(), r.value()));
            }
        }
    }

    static void describe(String application, Set<String> inputs) throws Exception {
        try (Admin a = Admin.create(base)) {
            StreamsGroupDescription d = a.describeStreamsGroups(List.of(application)).all().get().get(application);
            Set<String> sources = new HashSet<>(), internal = new HashSet<>();
            for (var s : d.subtopologies()) {
                sources.addAll(s.sourceTopics());
                internal.addAll(s.repartitionSourceTopics().keySet());
                internal.addAll(s.stateChangelogTopics().keySet());
            }
            must("sources " + sources, sources.equals(inputs));
            must("internal topics " + internal, !internal.isEmpty() && internal.stream().allMatch(t -> t.startsWith(application + "-")));
            must("members " + d.members(), d.members().size() == 1);
            must("topics of the cluster", a.listTopics(new ListTopicsOptions().listInternal(true)).names().get().containsAll(internal));
        }
    }

    public static void main(String[] args) throws Exception {
        try (FileReader f = new FileReader(args[0])) {
            base.load(f);
        }
        String protocol = args[1], application = args[2], orders = args[3], customers = args[4], sums = args[5], mark = args[6];
        fill(orders, customers, mark);
        Properties conf = with("application.id", application, "group.protocol", protocol, "auto.offset.reset", "earliest",
            "commit.interval.ms", "200", "state.dir", Files.createTempDirectory("streams").toString(),
            "default.key.serde", Serdes.StringSerde.class.getName(), "default.value.serde", Serdes.StringSerde.class.getName());
        try (KafkaStreams streams = new KafkaStreams(topology(orders, customers, sums), conf)) {
            streams.setUncaughtExceptionHandler(e -> {
                e.printStackTrace();
                return org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse.SHUTDOWN_CLIENT;
            });
            streams.start();
            awaitSums(sums, expected(mark));
            if (protocol.equals("streams"))
                describe(application, Set.of(orders, customers));
        }
        System.out.println("ok");
        System.exit(0);
    }
}
