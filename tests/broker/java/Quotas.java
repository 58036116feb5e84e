// A producer, a transactional producer and a consumer under a limit. Prints the longest time in milliseconds that each was told to wait.
import java.io.FileReader;
import java.time.Duration;
import java.util.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.*;
import org.apache.kafka.common.serialization.*;

public class Quotas {
    static final int RECORDS = 40, SIZE = 20000;
    static Properties common = new Properties();

    static Properties with(String... more) {
        Properties p = new Properties();
        p.putAll(common);
        for (int i = 0; i < more.length; i += 2)
            p.put(more[i], more[i + 1]);
        return p;
    }

    static long longest(Map<MetricName, ? extends Metric> metrics, String name) {
        double most = 0;
        for (Map.Entry<MetricName, ? extends Metric> m : metrics.entrySet())
            if (m.getKey().name().equals(name) && m.getValue().metricValue() instanceof Double d && !d.isNaN())
                most = Math.max(most, d);
        return (long) most;
    }

    static void produce(String topic, String transactional) throws Exception {
        Properties p = transactional == null ? with() : with("transactional.id", transactional);
        try (KafkaProducer<byte[], byte[]> k = new KafkaProducer<>(p, new ByteArraySerializer(), new ByteArraySerializer())) {
            if (transactional != null) {
                k.initTransactions();
                k.beginTransaction();
            }
            for (int i = 0; i < RECORDS; i++)
                k.send(new ProducerRecord<>(topic, new byte[SIZE]));
            k.flush();
            if (transactional != null)
                k.commitTransaction();
            System.out.println((transactional == null ? "producer " : "transactional ") + longest(k.metrics(), "produce-throttle-time-max"));
        }
    }

    static void consume(String topic) {
        Properties p = with("group.id", topic, "auto.offset.reset", "earliest", "isolation.level", "read_committed");
        try (KafkaConsumer<byte[], byte[]> k = new KafkaConsumer<>(p, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
            k.assign(List.of(new TopicPartition(topic, 0)));
            for (int n = 0; n < 2 * RECORDS;)
                n += k.poll(Duration.ofSeconds(1)).count();
            k.poll(Duration.ofSeconds(1));    // the answer that ended it is counted with the next one
            System.out.println("consumer " + longest(k.metrics(), "fetch-throttle-time-max"));
        }
    }

    public static void main(String[] args) throws Exception {
        try (FileReader r = new FileReader(args[0])) {
            common.load(r);
        }
        produce(args[1], null);
        produce(args[1], args[1] + "-txn");
        consume(args[1]);
    }
}
