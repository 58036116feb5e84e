// A topic is deleted and made again while a producer, a consumer by assignment and a group member (KIP-848) live on: they
// find the topic with its new id and go on with it. Prints "ok".
// usage: MadeAnew PROPERTIES TOPIC
import java.io.FileReader;
import java.time.Duration;
import java.util.*;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.*;
import org.apache.kafka.common.serialization.*;

public class MadeAnew {
    static Properties base = new Properties();

    static Properties with(Map<String, String> more) {
        Properties p = new Properties();
        p.putAll(base);
        p.putAll(Map.of("metadata.max.age.ms", "1000", "auto.offset.reset", "earliest", "delivery.timeout.ms", "40000", "request.timeout.ms", "5000"));
        p.putAll(more);
        return p;
    }

    static Uuid make(Admin admin, String topic) throws Exception {
        long end = System.currentTimeMillis() + 20000;
        for (;;) {
            try {
                CreateTopicsResult r = admin.createTopics(List.of(new NewTopic(topic, 2, (short) 1)));
                r.all().get();
                return r.topicId(topic).get();
            } catch (Exception e) {
                if (System.currentTimeMillis() > end)
                    throw e;
                Thread.sleep(100);
            }
        }
    }

    static void send(KafkaProducer<String, String> p, String topic, String text) throws Exception {
        for (int partition = 0; partition < 2; partition++)
            p.send(new ProducerRecord<>(topic, partition, "k", text + partition)).get();
    }

    static void read(KafkaConsumer<String, String> c, String who, String text) {
        Set<String> want = new TreeSet<>(List.of(text + 0, text + 1)), got = new TreeSet<>();
        long end = System.currentTimeMillis() + 45000;
        while (!got.containsAll(want)) {
            for (ConsumerRecord<String, String> r : c.poll(Duration.ofMillis(200)))
                got.add(r.value());
            if (System.currentTimeMillis() > end)
                throw new IllegalStateException(who + ": expected " + want + ", found " + got);
        }
    }

    public static void main(String[] args) throws Exception {
        try (FileReader f = new FileReader(args[0])) {
            base.load(f);
        }
        String topic = args[1];
        StringDeserializer s = new StringDeserializer();
        try (Admin admin = Admin.create(base);
             KafkaProducer<String, String> p = new KafkaProducer<>(with(Map.of("enable.idempotence", "false")), new StringSerializer(), new StringSerializer());
             KafkaConsumer<String, String> alone = new KafkaConsumer<>(with(Map.of()), s, s);
             KafkaConsumer<String, String> member = new KafkaConsumer<>(with(Map.of("group.id", topic + "-g", "group.protocol", "consumer")), s, s)) {
            Uuid first = make(admin, topic);
            alone.assign(List.of(new TopicPartition(topic, 0), new TopicPartition(topic, 1)));
            member.subscribe(List.of(topic));
            send(p, topic, "before ");
            read(alone, "by assignment", "before ");
            read(member, "member", "before ");
            admin.deleteTopics(List.of(topic)).all().get();
            Uuid second = make(admin, topic);
            if (first.equals(second))
                throw new IllegalStateException("the same id again: " + first);
            send(p, topic, "after ");
            send(p, topic, "after "); // the group has read one record of the old topic: it begins with the second
            alone.seekToBeginning(alone.assignment());
            read(alone, "by assignment", "after ");
            read(member, "member", "after ");
        }
        System.out.println("ok");
    }
}
