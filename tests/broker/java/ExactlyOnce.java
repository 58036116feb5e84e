// Consumes from one topic and produces into another, offsets and records in one transaction each; every third is aborted
// and done again. In the end each record is there once, for who reads committed. Prints "ok".
// usage: ExactlyOnce PROPERTIES SOURCE SINK WORD
import java.io.FileReader;
import java.time.Duration;
import java.util.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.*;

public class ExactlyOnce {
    static final int RECORDS = 60;
    static Properties base = new Properties();

    static KafkaConsumer<String, String> consumer(String group, String protocol) {
        Properties p = new Properties();
        p.putAll(base);
        p.put("group.id", group);
        p.put("group.protocol", protocol);
        p.put("auto.offset.reset", "earliest");
        p.put("enable.auto.commit", "false");
        p.put("isolation.level", "read_committed");
        p.put("max.poll.records", "7");
        return new KafkaConsumer<>(p, new StringDeserializer(), new StringDeserializer());
    }

    static KafkaProducer<String, String> producer(String transactionalId) {
        Properties p = new Properties();
        p.putAll(base);
        if (transactionalId != null)
            p.put("transactional.id", transactionalId);
        return new KafkaProducer<>(p, new StringSerializer(), new StringSerializer());
    }

    static void fill(String topic, String word) throws Exception {
        try (KafkaProducer<String, String> p = producer(null)) {
            for (int i = 0; i < RECORDS; i++)
                p.send(new ProducerRecord<>(topic, word + i, word + " " + i)).get();
        }
    }

    static Map<TopicPartition, OffsetAndMetadata> behind(ConsumerRecords<String, String> records) {
        Map<TopicPartition, OffsetAndMetadata> out = new HashMap<>();
        for (ConsumerRecord<String, String> r : records)
            out.put(new TopicPartition(r.topic(), r.partition()), new OffsetAndMetadata(r.offset() + 1));
        return out;
    }

    static void copy(String source, String sink, String protocol) {
        int done = 0, round = 0;
        try (KafkaConsumer<String, String> c = consumer(sink + "-" + protocol, protocol);
             KafkaProducer<String, String> p = producer(sink + "-" + protocol)) {
            p.initTransactions();
            c.subscribe(List.of(source));
            long end = System.currentTimeMillis() + 60000;
            while (done < RECORDS && System.currentTimeMillis() < end) {
                ConsumerRecords<String, String> records = c.poll(Duration.ofMillis(200));
                if (records.isEmpty())
                    continue;
                boolean abort = round++ % 3 == 1;
                p.beginTransaction();
                for (ConsumerRecord<String, String> r : records)
                    p.send(new ProducerRecord<>(sink, r.key(), protocol + " " + r.value()));
                p.sendOffsetsToTransaction(behind(records), c.groupMetadata());
                if (abort) {
                    p.abortTransaction();
                    Map<TopicPartition, OffsetAndMetadata> at = c.committed(c.assignment());
                    for (TopicPartition t : c.assignment())
                        c.seek(t, at.get(t) == null ? 0 : at.get(t).offset());
                } else {
                    p.commitTransaction();
                    done += records.count();
                }
            }
        }
        if (done != RECORDS)
            throw new IllegalStateException(protocol + ": " + done + " of " + RECORDS);
    }

    static List<String> all(String topic, int n) {
        List<String> got = new ArrayList<>();
        try (KafkaConsumer<String, String> c = consumer(topic + "-reader", "consumer")) {
            c.subscribe(List.of(topic));
            long end = System.currentTimeMillis() + 30000;
            while (got.size() < n && System.currentTimeMillis() < end)
                for (ConsumerRecord<String, String> r : c.poll(Duration.ofMillis(200)))
                    got.add(r.value());
            for (ConsumerRecord<String, String> r : c.poll(Duration.ofMillis(500)))
                got.add(r.value());
        }
        Collections.sort(got);
        return got;
    }

    public static void main(String[] args) throws Exception {
        try (FileReader f = new FileReader(args[0])) {
            base.load(f);
        }
        fill(args[1], args[3]);
        List<String> expected = new ArrayList<>();
        for (String protocol : List.of("classic", "consumer")) {
            copy(args[1], args[2], protocol);
            for (int i = 0; i < RECORDS; i++)
                expected.add(protocol + " " + args[3] + " " + i);
        }
        Collections.sort(expected);
        List<String> found = all(args[2], expected.size());
        if (!found.equals(expected))
            throw new IllegalStateException("expected " + expected + ", found " + found);
        System.out.println("ok");
    }
}
