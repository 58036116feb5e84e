// A producer and a consumer of a group that, once both work, go on for some seconds, longer than their logins last: "well SENT RECEIVED", or what failed.
// usage: Renews PROPERTIES TOPIC GROUP SECONDS
import java.io.*;
import java.time.Duration;
import java.util.*;
import java.util.concurrent.atomic.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.serialization.*;

public class Renews {
    public static void main(String[] args) throws Exception {
        Properties p = new Properties();
        p.load(new FileReader(args[0]));
        p.put("group.id", args[2]);
        p.put("auto.offset.reset", "earliest");
        p.put("retries", "0");
        p.put("enable.idempotence", "false");
        AtomicReference<Exception> wrong = new AtomicReference<>();
        int sent = 0, received = 0;
        try (KafkaProducer<String, String> out = new KafkaProducer<>(p, new StringSerializer(), new StringSerializer());
             KafkaConsumer<String, String> in = new KafkaConsumer<>(p, new StringDeserializer(), new StringDeserializer())) {
            in.subscribe(List.of(args[1]));
            out.send(new ProducerRecord<>(args[1], "first")).get();  // from here on the time counts: a JVM may be slow to start
            for (sent = 1; received == 0; )
                received += in.poll(Duration.ofMillis(200)).count();
            long end = System.nanoTime() + Long.parseLong(args[3]) * 1_000_000_000L;
            while (System.nanoTime() < end && wrong.get() == null) {
                out.send(new ProducerRecord<>(args[1], "x"), (m, e) -> { if (e != null) wrong.compareAndSet(null, e); });
                sent++;
                received += in.poll(Duration.ofMillis(40)).count();
            }
            out.flush();
            for (end = System.nanoTime() + 20_000_000_000L; received < sent && System.nanoTime() < end && wrong.get() == null; )
                received += in.poll(Duration.ofMillis(200)).count();
        }
        System.out.println(wrong.get() == null ? "well " + sent + " " + received : "failed " + wrong.get());
    }
}
