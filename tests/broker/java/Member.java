// One Java consumer, driven by its standard input. It says "assigned A-0,A-1" whenever that changes, "got VALUE" for each record,
// "committed" after the line "commit", and ends after the line "close" or at the end of its input.
// usage: Member PROPERTIES GROUP classic|consumer topic|pattern WHAT [KEY=VALUE...]
import java.io.*;
import java.time.Duration;
import java.util.*;
import java.util.concurrent.*;
import java.util.stream.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.*;

public class Member {
    static final BlockingQueue<String> commands = new LinkedBlockingQueue<>();

    static void listen() {
        try (BufferedReader in = new BufferedReader(new InputStreamReader(System.in))) {
            for (String line = in.readLine(); line != null; line = in.readLine())
                commands.add(line);
        } catch (IOException e) {
            System.out.println("failed " + e);
        }
        commands.add("close");
    }

    static void say(String words) {
        System.out.println(words);
        System.out.flush();
    }

    static void run(KafkaConsumer<String, String> c) {
        String before = "";
        for (;;) {
            for (ConsumerRecord<String, String> r : c.poll(Duration.ofMillis(100)))
                say("got " + r.value());
            String now = c.assignment().stream().map(TopicPartition::toString).sorted().collect(Collectors.joining(","));
            if (!now.equals(before))
                say("assigned " + now);
            before = now;
            String command = commands.poll();
            if ("commit".equals(command)) {
                c.commitSync(Duration.ofSeconds(20));
                say("committed");
            } else if (command != null) {
                return;
            }
        }
    }

    public static void main(String[] args) throws Exception {
        Properties p = new Properties();
        p.load(new FileReader(args[0]));
        p.put("group.id", args[1]);
        p.put("group.protocol", args[2]);
        p.put("auto.offset.reset", "earliest");
        p.put("enable.auto.commit", "false");
        for (int i = 5; i < args.length; i++)
            p.put(args[i].split("=", 2)[0], args[i].split("=", 2)[1]);
        Thread t = new Thread(Member::listen);
        t.setDaemon(true);
        t.start();
        try (KafkaConsumer<String, String> c = new KafkaConsumer<>(p, new StringDeserializer(), new StringDeserializer())) {
            if (args[3].equals("pattern"))
                c.subscribe(new SubscriptionPattern(args[4]));
            else
                c.subscribe(List.of(args[4]));
            run(c);
        } catch (Exception e) {
            say("failed " + e);
            throw e;
        }
    }
}
