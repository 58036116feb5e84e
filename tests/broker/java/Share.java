// Share consumers. Prints what it does, and "ok" at the end.
// usage: Share PROPERTIES each GROUP TOPIC COUNT             every kind of acknowledgement, record by record
//        Share PROPERTIES many GROUP TOPIC COUNT MEMBERS     that many consumers in one group share COUNT records
//        Share PROPERTIES hold GROUP TOPIC COUNT             acquires COUNT records, says "holding", and never acknowledges
import java.io.FileReader;
import java.time.Duration;
import java.util.*;
import java.util.concurrent.*;
import java.util.concurrent.atomic.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.common.*;
import org.apache.kafka.common.serialization.*;

public class Share {
    static Properties base = new Properties();
    static final long END = System.currentTimeMillis() + 70000;

    static KafkaShareConsumer<String, String> consumer(String group, String topic, String mode) {
        Properties p = new Properties();
        p.putAll(base);
        p.put("group.id", group);
        p.put("share.acknowledgement.mode", mode);
        p.put("max.poll.records", "5");
        KafkaShareConsumer<String, String> c = new KafkaShareConsumer<>(p, new StringDeserializer(), new StringDeserializer());
        c.subscribe(List.of(topic));
        return c;
    }

    static void check(boolean right, String what) {
        if (!right)
            throw new IllegalStateException(what);
    }

    static void inTime(String what) {
        check(System.currentTimeMillis() < END, "took too long: " + what);
    }

    // On its first delivery a record is accepted, released, rejected or renewed and then accepted, by its number; what was
    // released comes once more, what was rejected does not.
    static void each(String group, String topic, int count) {
        Map<String, Integer> times = new TreeMap<>();
        Set<String> accepted = new TreeSet<>(), rejected = new TreeSet<>();
        List<Throwable> failures = new CopyOnWriteArrayList<>();
        int renewed = 0;
        try (KafkaShareConsumer<String, String> c = consumer(group, topic, "explicit")) {
            c.setAcknowledgementCommitCallback((offsets, failure) -> {
                if (failure != null)
                    failures.add(failure);
            });
            while (accepted.size() + rejected.size() < count) {
                inTime(accepted + " " + rejected);
                for (ConsumerRecord<String, String> r : c.poll(Duration.ofMillis(200))) {
                    int n = Integer.parseInt(r.value().substring(r.value().lastIndexOf(' ') + 1));
                    int time = times.merge(r.value(), 1, Integer::sum);
                    check(!rejected.contains(r.value()), r.value() + " came again, though it was rejected");
                    check(!accepted.contains(r.value()), r.value() + " came again, though it was accepted");
                    if (time == 1 && n % 4 == 1) {
                        c.acknowledge(r, AcknowledgeType.RELEASE);
                    } else if (time == 1 && n % 4 == 2) {
                        c.acknowledge(r, AcknowledgeType.REJECT);
                        rejected.add(r.value());
                    } else if (time == 1 && n % 4 == 3) {
                        c.acknowledge(r, AcknowledgeType.RENEW);
                        renewed++;
                    } else {
                        check(n % 4 != 1 || r.deliveryCount().get() == 2, r.value() + " says delivery " + r.deliveryCount());
                        c.acknowledge(r, AcknowledgeType.ACCEPT);
                        accepted.add(r.value());
                    }
                }
                for (Map.Entry<TopicIdPartition, Optional<KafkaException>> e : c.commitSync().entrySet())
                    check(e.getValue().isEmpty(), "commit of " + e.getKey() + ": " + e.getValue());
            }
        }
        check(failures.isEmpty(), "acknowledgements failed: " + failures);
        check(renewed > 0 && !rejected.isEmpty(), "nothing was renewed or rejected");
        System.out.println("accepted " + accepted.size() + ", rejected " + rejected.size() + ", renewed " + renewed);
    }

    static void many(String group, String topic, int count, int members) throws Exception {
        Map<String, Integer> got = new ConcurrentHashMap<>();
        AtomicInteger busy = new AtomicInteger();
        ExecutorService threads = Executors.newFixedThreadPool(members);
        List<Future<?>> all = new ArrayList<>();
        for (int i = 0; i < members; i++)
            all.add(threads.submit(() -> {
                int mine = 0;
                try (KafkaShareConsumer<String, String> c = consumer(group, topic, "implicit")) {
                    while (got.size() < count) {
                        inTime(got.size() + " of " + count);
                        for (ConsumerRecord<String, String> r : c.poll(Duration.ofMillis(100))) {
                            got.merge(r.value(), 1, Integer::sum);
                            if (mine++ == 0)
                                busy.incrementAndGet();
                        }
                        // Who has some keeps them until there are more who have than partitions.
                        while (mine > 0 && busy.get() < 3) {
                            inTime(busy + " members have records");
                            Thread.sleep(20);
                        }
                    }
                    c.commitSync();  // closing would give the last ones to somebody who still polls
                }
                return null;
            }));
        for (Future<?> f : all)
            f.get();
        threads.shutdown();
        check(got.values().stream().allMatch(n -> n == 1), "some came twice: " + got);
        System.out.println(busy + " of " + members + " members had records");
    }

    static void hold(String group, String topic, int count) throws Exception {
        int held = 0;
        try (KafkaShareConsumer<String, String> c = consumer(group, topic, "explicit")) {
            while (held == 0) {
                inTime("acquiring");
                held = c.poll(Duration.ofMillis(200)).count();
            }
            System.out.println("holding " + held);
            System.out.flush();
            Thread.sleep(60000);
        }
    }

    public static void main(String[] args) throws Exception {
        try (FileReader f = new FileReader(args[0])) {
            base.load(f);
        }
        int count = Integer.parseInt(args[4]);
        switch (args[1]) {
        case "each": each(args[2], args[3], count); break;
        case "many": many(args[2], args[3], count, Integer.parseInt(args[5])); break;
        case "hold": hold(args[2], args[3], count); break;
        default: throw new IllegalArgumentException(args[1]);
        }
        System.out.println("ok");
    }
}
