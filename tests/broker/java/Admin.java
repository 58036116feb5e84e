// One course through AdminClient. Every answer is compared; prints "ok" at the end, or the first thing that was wrong.
// usage: Admin PROPERTIES WORD TENANT     topics are called WORD-..., and their number of partitions depends on TENANT
import java.io.FileReader;
import java.time.Duration;
import java.util.*;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.stream.*;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.*;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.errors.*;
import org.apache.kafka.common.serialization.*;

public class Admin {
    static Properties base = new Properties();
    static org.apache.kafka.clients.admin.Admin admin;
    static String word;
    static int size;

    static void equal(String what, Object expected, Object found) {
        if (!Objects.equals(expected, found))
            throw new IllegalStateException(what + ": expected " + expected + ", found " + found);
    }

    static void fails(String what, Class<?> with, Callable<?> f) throws Exception {
        try {
            Object value = f.call();
            throw new IllegalStateException(what + ": expected " + with.getSimpleName() + ", found " + value);
        } catch (ExecutionException e) {
            if (!with.isInstance(e.getCause()))
                throw new IllegalStateException(what + ": expected " + with.getSimpleName() + ", found " + e.getCause(), e);
        }
    }

    static void until(String what, Callable<Boolean> f) throws Exception {
        long end = System.currentTimeMillis() + 15000;
        while (!f.call()) {
            if (System.currentTimeMillis() > end)
                throw new IllegalStateException("not within 15 s: " + what);
            Thread.sleep(50);
        }
    }

    static void topics() throws Exception {
        String a = word + "-a", b = word + "-b";
        CreateTopicsResult made = admin.createTopics(List.of(new NewTopic(a, size, (short) 1).configs(Map.of("retention.ms", "7200000")),
            new NewTopic(b, Optional.of(1), Optional.empty())));
        made.all().get();
        equal("partitions", size, made.numPartitions(a).get());
        equal("config", "7200000", made.config(a).get().get("retention.ms").value());
        fails("a topic that is there", TopicExistsException.class, () -> admin.createTopics(List.of(new NewTopic(a, 1, (short) 1))).all().get());
        fails("a name that is none", InvalidTopicException.class, () -> admin.createTopics(List.of(new NewTopic("a b", 1, (short) 1))).all().get());
        fails("more replicas than brokers", InvalidReplicationFactorException.class,
            () -> admin.createTopics(List.of(new NewTopic(word + "-r", 1, (short) 9))).all().get());
        until("listed", () -> admin.listTopics().names().get().containsAll(List.of(a, b)));
        TopicDescription d = admin.describeTopics(List.of(a)).allTopicNames().get().get(a);
        equal("described", List.of(a, size, false), List.of(d.name(), d.partitions().size(), d.isInternal()));
        equal("id", made.topicId(a).get(), d.topicId());
        equal("by id", a, admin.describeTopics(TopicCollection.ofTopicIds(List.of(d.topicId()))).allTopicIds().get().get(d.topicId()).name());
        fails("an unknown id", UnknownTopicIdException.class,
            () -> admin.describeTopics(TopicCollection.ofTopicIds(List.of(Uuid.randomUuid()))).allTopicIds().get());
        fails("an unknown name", UnknownTopicOrPartitionException.class, () -> admin.describeTopics(List.of(word + "-none")).allTopicNames().get());
        admin.createPartitions(Map.of(a, NewPartitions.increaseTo(size + 2))).all().get();
        until("more partitions", () -> admin.describeTopics(List.of(a)).allTopicNames().get().get(a).partitions().size() == size + 2);
        fails("fewer partitions", InvalidPartitionsException.class, () -> admin.createPartitions(Map.of(a, NewPartitions.increaseTo(1))).all().get());
        fails("partitions of what is not there", UnknownTopicOrPartitionException.class,
            () -> admin.createPartitions(Map.of(word + "-none", NewPartitions.increaseTo(3))).all().get());
        admin.deleteTopics(List.of(b)).all().get();
        until("deleted", () -> !admin.listTopics().names().get().contains(b));
        fails("deleted already", UnknownTopicOrPartitionException.class, () -> admin.deleteTopics(List.of(b)).all().get());
    }

    // DescribeTopicPartitions in pages of 4 partitions over several topics.
    static void pages() throws Exception {
        List<String> names = IntStream.range(0, 5).mapToObj(i -> word + "-page-" + i).toList();
        admin.createTopics(names.stream().map(n -> new NewTopic(n, size, (short) 1)).toList()).all().get();
        until("all are there", () -> admin.listTopics().names().get().containsAll(names));
        Map<String, TopicDescription> all = admin.describeTopics(names, new DescribeTopicsOptions().partitionSizeLimitPerResponse(4)).allTopicNames().get();
        equal("topics in pages", new TreeSet<>(names), new TreeSet<>(all.keySet()));
        for (TopicDescription d : all.values())
            equal("partitions of " + d.name(), size, d.partitions().size());
    }

    static String config(String topic, String key) throws Exception {
        ConfigResource r = new ConfigResource(ConfigResource.Type.TOPIC, topic);
        return admin.describeConfigs(List.of(r)).all().get().get(r).get(key).value();
    }

    static void configs() throws Exception {
        String a = word + "-a";
        ConfigResource r = new ConfigResource(ConfigResource.Type.TOPIC, a);
        equal("as created", "7200000", config(a, "retention.ms"));
        admin.incrementalAlterConfigs(Map.of(r, List.of(
            new AlterConfigOp(new ConfigEntry("retention.ms", "3600000"), AlterConfigOp.OpType.SET),
            new AlterConfigOp(new ConfigEntry("cleanup.policy", "compact"), AlterConfigOp.OpType.APPEND)))).all().get();
        until("changed", () -> "3600000".equals(config(a, "retention.ms")) && "delete,compact".equals(config(a, "cleanup.policy")));
        admin.incrementalAlterConfigs(Map.of(r, List.of(new AlterConfigOp(new ConfigEntry("retention.ms", null), AlterConfigOp.OpType.DELETE)))).all().get();
        until("back at its default", () -> "604800000".equals(config(a, "retention.ms")));
        fails("a value that is none", InvalidConfigurationException.class, () -> admin.incrementalAlterConfigs(Map.of(r, List.of(
            new AlterConfigOp(new ConfigEntry("retention.ms", "soon"), AlterConfigOp.OpType.SET)))).all().get());
        fails("of a topic that is not there", UnknownTopicOrPartitionException.class, () -> config(word + "-none", "retention.ms"));
    }

    static long offset(TopicPartition t, OffsetSpec spec) throws Exception {
        return admin.listOffsets(Map.of(t, spec)).partitionResult(t).get().offset();
    }

    static void offsets() throws Exception {
        TopicPartition t = new TopicPartition(word + "-a", 0);
        long then = System.currentTimeMillis() - 3600000; // brokers delete what is a week old, whenever they look
        Properties p = new Properties();
        p.putAll(base);
        try (KafkaProducer<String, String> producer = new KafkaProducer<>(p, new StringSerializer(), new StringSerializer())) {
            for (int i = 0; i < 10; i++)
                producer.send(new ProducerRecord<>(t.topic(), 0, then + (i == 4 ? 100 : i), "k", "v" + i)).get();
        }
        equal("latest", 10L, offset(t, OffsetSpec.latest()));
        equal("earliest", 0L, offset(t, OffsetSpec.earliest()));
        equal("by time", 3L, offset(t, OffsetSpec.forTimestamp(then + 3)));
        equal("after all", -1L, offset(t, OffsetSpec.forTimestamp(then + 1000000)));
        equal("of the highest timestamp", 4L, offset(t, OffsetSpec.maxTimestamp()));
        equal("earliest local", 0L, offset(t, OffsetSpec.earliestLocal()));
        equal("latest tiered", -1L, offset(t, OffsetSpec.latestTiered()));
    }

    static KafkaConsumer<String, String> member(String group, String protocol, String topic) {
        Properties p = new Properties();
        p.putAll(base);
        p.putAll(Map.of("group.id", group, "group.protocol", protocol, "auto.offset.reset", "earliest", "client.id", "reader", "enable.auto.commit", "false"));
        KafkaConsumer<String, String> c = new KafkaConsumer<>(p, new StringDeserializer(), new StringDeserializer());
        c.subscribe(List.of(topic));
        return c;
    }

    static void groups() throws Exception {
        String topic = word + "-a", classic = word + "-classic", modern = word + "-modern";
        try (KafkaConsumer<String, String> x = member(classic, "classic", topic); KafkaConsumer<String, String> y = member(modern, "consumer", topic)) {
            until("both have partitions", () -> {
                x.poll(Duration.ofMillis(50));
                y.poll(Duration.ofMillis(50));
                return x.assignment().size() == size + 2 && y.assignment().size() == size + 2;
            });
            x.commitSync(Map.of(new TopicPartition(topic, 0), new OffsetAndMetadata(3, "note")));
            y.commitSync(Map.of(new TopicPartition(topic, 0), new OffsetAndMetadata(4)));
            Set<String> mine = admin.listGroups().all().get().stream().map(GroupListing::groupId).filter(g -> g.startsWith(word + "-"))
                .collect(Collectors.toCollection(TreeSet::new));
            equal("listed groups", new TreeSet<>(Set.of(classic, modern)), mine);
            equal("listed by type", Set.of(modern), admin.listGroups(new ListGroupsOptions().withTypes(Set.of(GroupType.CONSUMER))).all().get().stream()
                .map(GroupListing::groupId).filter(g -> g.startsWith(word + "-")).collect(Collectors.toSet()));
            for (String group : List.of(classic, modern))
                described(group, topic);
            equal("as a classic group", "Stable", admin.describeClassicGroups(List.of(classic)).all().get().get(classic).state().toString());
        }
        TopicPartition t = new TopicPartition(topic, 0);
        Map<TopicPartition, OffsetAndMetadata> at = admin.listConsumerGroupOffsets(classic).partitionsToOffsetAndMetadata().get();
        equal("committed", List.of(3L, "note"), List.of(at.get(t).offset(), at.get(t).metadata()));
        Map<String, Map<TopicPartition, OffsetAndMetadata>> several = admin.listConsumerGroupOffsets(Map.of(classic, new ListConsumerGroupOffsetsSpec(),
            modern, new ListConsumerGroupOffsetsSpec())).all().get();
        equal("groups asked for", Set.of(classic, modern), several.keySet());
        until("the group is empty", () -> admin.describeConsumerGroups(List.of(classic)).all().get().get(classic).groupState() == GroupState.EMPTY);
        admin.alterConsumerGroupOffsets(classic, Map.of(t, new OffsetAndMetadata(7))).all().get();
        equal("altered", 7L, admin.listConsumerGroupOffsets(classic).partitionsToOffsetAndMetadata().get().get(t).offset());
        fails("an unknown group", GroupIdNotFoundException.class, () -> admin.describeConsumerGroups(List.of(word + "-nobody")).all().get());
    }

    static void described(String group, String topic) throws Exception {
        ConsumerGroupDescription d = admin.describeConsumerGroups(List.of(group)).all().get().get(group);
        equal("group", List.of(group, 1, GroupState.STABLE), List.of(d.groupId(), d.members().size(), d.groupState()));
        MemberDescription m = d.members().iterator().next();
        equal("its partitions", size + 2, m.assignment().topicPartitions().size());
        equal("its topics", Set.of(topic), m.assignment().topicPartitions().stream().map(TopicPartition::topic).collect(Collectors.toSet()));
        equal("its client id", "reader", m.clientId());
    }

    static void cluster() throws Exception {
        DescribeClusterResult c = admin.describeCluster();
        equal("brokers", 1, c.nodes().get().size());
        Node n = c.nodes().get().iterator().next();
        String[] bootstrap = base.getProperty("bootstrap.servers").split(":");
        equal("host of the broker", bootstrap[0], n.host());
        equal("controller", n.id(), c.controller().get().id());
        if (c.clusterId().get().isEmpty())
            throw new IllegalStateException("no cluster id");
        equal("its address serves", true, n.port() > 0);
    }

    public static void main(String[] args) throws Exception {
        try (FileReader f = new FileReader(args[0])) {
            base.load(f);
        }
        word = args[1];
        size = args[2].equals("acme") ? 3 : 2;
        admin = org.apache.kafka.clients.admin.Admin.create(base);
        try {
            topics();
            pages();
            configs();
            offsets();
            groups();
            cluster();
        } finally {
            admin.close(Duration.ofSeconds(2));
        }
        System.out.println("ok");
    }
}
