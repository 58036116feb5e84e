// N clients in one process, each with a connection of its own, as fast as they may: produce records of 8 KiB, or read a topic from its beginning, until the process is ended.
import java.io.FileReader;
import java.time.Duration;
import java.util.*;
import java.util.stream.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.*;
import org.apache.kafka.common.serialization.*;

public class Pace {
    static Properties common = new Properties();
    static String topic;

    static void produce() {
        Properties p = new Properties();
        p.putAll(common);
        p.put("batch.size", 65536);
        p.put("linger.ms", 5);
        p.put("buffer.memory", 8 << 20);
        p.put("max.block.ms", 600000);
        p.put("delivery.timeout.ms", 600000);
        try (KafkaProducer<byte[], byte[]> k = new KafkaProducer<>(p, new ByteArraySerializer(), new ByteArraySerializer())) {
            byte[] value = new byte[8192];
            new Random(1).nextBytes(value);
            for (;;)
                k.send(new ProducerRecord<>(topic, 0, null, value));
        }
    }

    static void consume() {
        Properties p = new Properties();
        p.putAll(common);
        p.put("max.poll.records", 5000);
        try (KafkaConsumer<byte[], byte[]> k = new KafkaConsumer<>(p, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
            List<TopicPartition> one = List.of(new TopicPartition(topic, 0));
            k.assign(one);
            k.seekToBeginning(one);
            for (;;)
                k.poll(Duration.ofSeconds(1));
        }
    }

    public static void main(String[] args) throws Exception {
        try (FileReader r = new FileReader(args[1])) {
            common.load(r);
        }
        topic = args[2];
        for (int i = 0; i < Integer.parseInt(args[3]); i++)
            new Thread(args[0].equals("produce") ? Pace::produce : Pace::consume).start();
    }
}
