// Clients whose fetches a gateway has to tell apart, in one process under the client ids that Kafka gives them. Each line of standard
// input is a job; "done" is said when it is.
// usage: Readers PROPERTIES
//   streams APPLICATION TOPIC N   a streams group's only member runs until its store has N records of the topic, by way of a repartition
//                                 topic, or has been restored from its changelog; then it leaves
//   assign GROUP TOPIC N          a consumer that joins nothing reads N records, and commits for the group before and behind that
import java.io.*;
import java.nio.file.Files;
import java.time.Duration;
import java.util.*;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.*;
import org.apache.kafka.streams.*;
import org.apache.kafka.streams.kstream.*;
import org.apache.kafka.streams.state.*;

public class Readers {
    static final long END_MS = 60000;
    static Properties base = new Properties();

    static Properties with(String... more) {
        Properties p = new Properties();
        p.putAll(base);
        for (int i = 0; i < more.length; i += 2)
            p.put(more[i], more[i + 1]);
        return p;
    }

    static Topology topology(String topic) {
        AtomicInteger n = new AtomicInteger();
        StreamsBuilder b = new StreamsBuilder();
        b.stream(topic, Consumed.with(Serdes.ByteArray(), Serdes.ByteArray()))
            .selectKey((k, v) -> "k" + n.incrementAndGet())
            .repartition(Repartitioned.with(Serdes.String(), Serdes.ByteArray()))
            .toTable(Materialized.<String, byte[]>as(Stores.inMemoryKeyValueStore("kept")).withKeySerde(Serdes.String()).withValueSerde(Serdes.ByteArray()));
        return b.build();
    }

    static long kept(KafkaStreams s) {
        if (s.state() != KafkaStreams.State.RUNNING)
            return 0;
        return s.store(StoreQueryParameters.fromNameAndType("kept", QueryableStoreTypes.<String, byte[]>keyValueStore())).approximateNumEntries();
    }

    static void streams(String application, String topic, int n) throws Exception {
        Properties p = with("application.id", application, "group.protocol", "streams", "auto.offset.reset", "earliest", "commit.interval.ms", "100",
            "state.dir", Files.createTempDirectory("readers").toString());
        try (KafkaStreams s = new KafkaStreams(topology(topic), p)) {
            s.start();
            for (long end = System.currentTimeMillis() + END_MS; kept(s) < n; Thread.sleep(20))
                if (System.currentTimeMillis() > end || s.state() == KafkaStreams.State.ERROR)
                    throw new IllegalStateException(application + " is " + s.state() + " with " + kept(s));
            s.close(Duration.ofSeconds(20));
        }
    }

    static void assign(String group, String topic, int n) {
        TopicPartition p = new TopicPartition(topic, 0);
        try (var c = new KafkaConsumer<>(with("group.id", group), new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
            c.assign(List.of(p));
            c.seek(p, 0);
            c.commitSync(Map.of(p, new OffsetAndMetadata(0)));
            long end = System.currentTimeMillis() + END_MS;
            for (int got = 0; got < n; got += c.poll(Duration.ofMillis(200)).count())
                if (System.currentTimeMillis() > end)
                    throw new IllegalStateException(group + " got " + got);
            c.commitSync();
        }
    }

    public static void main(String[] args) throws Exception {
        try (FileReader r = new FileReader(args[0])) {
            base.load(r);
        }
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            String[] w = line.split(" ");
            if (w[0].equals("streams"))
                streams(w[1], w[2], Integer.parseInt(w[3]));
            else
                assign(w[1], w[2], Integer.parseInt(w[3]));
            System.out.println("done");
            System.out.flush();
        }
        System.exit(0);
    }
}
