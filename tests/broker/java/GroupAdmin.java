// AdminClient on groups and transactions: removing members, deleting offsets and groups, looking at transactions. Every answer is
// compared; prints "ok" at the end, or the first thing that was wrong.
// usage: GroupAdmin PROPERTIES TOPIC WORD     TOPIC has two partitions; groups and transactional ids begin with WORD
import java.io.FileReader;
import java.time.Duration;
import java.util.*;
import java.util.concurrent.*;
import java.util.stream.*;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.*;
import org.apache.kafka.common.errors.*;
import org.apache.kafka.common.serialization.*;

public class GroupAdmin {
    static Properties base = new Properties();
    static org.apache.kafka.clients.admin.Admin admin;
    static String topic, word;

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
        long end = System.currentTimeMillis() + 20000;
        while (!f.call()) {
            if (System.currentTimeMillis() > end)
                throw new IllegalStateException("not within 20 s: " + what);
            Thread.sleep(50);
        }
    }

    static Properties with(String... more) {
        Properties p = new Properties();
        p.putAll(base);
        for (int i = 0; i < more.length; i += 2)
            p.put(more[i], more[i + 1]);
        return p;
    }

    static KafkaConsumer<String, String> member(String group, String protocol, String instance) {
        Properties p = with("group.id", group, "group.protocol", protocol, "group.instance.id", instance, "auto.offset.reset", "earliest",
            "enable.auto.commit", "false");
        KafkaConsumer<String, String> c = new KafkaConsumer<>(p, new StringDeserializer(), new StringDeserializer());
        c.subscribe(List.of(topic));
        return c;
    }

    // A static member that has the partitions, has committed, and went without a word.
    static void leaveBehind(String group, String protocol) throws Exception {
        try (KafkaConsumer<String, String> c = member(group, protocol, "left")) {
            until(protocol + " is assigned", () -> {
                c.poll(Duration.ofMillis(100));
                return c.assignment().size() == 2;
            });
            c.commitSync(Map.of(new TopicPartition(topic, 0), new OffsetAndMetadata(3), new TopicPartition(topic, 1), new OffsetAndMetadata(0)));
            fails("offsets of a topic that is subscribed", GroupSubscribedToTopicException.class, () -> {
                admin.deleteConsumerGroupOffsets(group, Set.of(new TopicPartition(topic, 0))).partitionResult(new TopicPartition(topic, 0)).get();
                return null;
            });
            fails("a group that is not empty", GroupNotEmptyException.class, () -> admin.deleteConsumerGroups(List.of(group)).all().get());
        }
        ConsumerGroupDescription d = admin.describeConsumerGroups(List.of(group)).all().get().get(group);
        equal(protocol + ": static members stay", List.of("left"), d.members().stream().map(m -> m.groupInstanceId().orElse("?")).toList());
    }

    static void groups(String protocol) throws Exception {
        String group = word + "-" + protocol, none = word + "-none";
        TopicPartition one = new TopicPartition(topic, 0), two = new TopicPartition(topic, 1);
        leaveBehind(group, protocol);
        admin.removeMembersFromConsumerGroup(group, new RemoveMembersFromConsumerGroupOptions(List.of(new MemberToRemove("left")))).all().get();
        fails("who is gone already", UnknownMemberIdException.class,
            () -> admin.removeMembersFromConsumerGroup(group, new RemoveMembersFromConsumerGroupOptions(List.of(new MemberToRemove("left")))).all().get());
        until("the group is empty", () -> admin.describeConsumerGroups(List.of(group)).all().get().get(group).members().isEmpty());
        equal("committed", Set.of(one, two), admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata().get().keySet());
        admin.deleteConsumerGroupOffsets(group, Set.of(one)).all().get();
        equal("what is left", Set.of(two), admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata().get().keySet());
        fails("offsets of a group that is none", GroupIdNotFoundException.class,
            () -> admin.deleteConsumerGroupOffsets(none, Set.of(one)).all().get());
        DeleteConsumerGroupsResult deleted = admin.deleteConsumerGroups(List.of(group, none));
        deleted.deletedGroups().get(group).get();
        fails("a group that is none", GroupIdNotFoundException.class, () -> deleted.deletedGroups().get(none).get());
        until("it is not listed any more", () -> admin.listGroups().all().get().stream().noneMatch(g -> g.groupId().equals(group)));
    }

    static Set<String> listed(ListTransactionsOptions o) throws Exception {
        return admin.listTransactions(o).all().get().stream().map(TransactionListing::transactionalId).filter(x -> x.startsWith(word))
            .collect(Collectors.toCollection(TreeSet::new));
    }

    static void transactions() throws Exception {
        String open = word + "-open", done = word + "-done";
        try (KafkaProducer<String, String> a = new KafkaProducer<>(with("transactional.id", open), new StringSerializer(), new StringSerializer());
             KafkaProducer<String, String> b = new KafkaProducer<>(with("transactional.id", done), new StringSerializer(), new StringSerializer())) {
            a.initTransactions();
            b.initTransactions();
            b.beginTransaction();
            b.send(new ProducerRecord<>(topic, 1, "k", "v")).get();
            b.commitTransaction();
            a.beginTransaction();
            a.send(new ProducerRecord<>(topic, 1, "k", "v")).get();
            TransactionDescription d = admin.describeTransactions(List.of(open)).all().get().get(open);
            equal("described", List.of(TransactionState.ONGOING, Set.of(new TopicPartition(topic, 1))), List.of(d.state(), d.topicPartitions()));
            fails("an id that is none", TransactionalIdNotFoundException.class,
                () -> admin.describeTransactions(List.of(word + "-none")).all().get());
            until("listed", () -> listed(new ListTransactionsOptions()).equals(Set.of(open, done)));
            equal("by state", Set.of(open), listed(new ListTransactionsOptions().filterStates(List.of(TransactionState.ONGOING))));
            equal("by producer id", Set.of(open), listed(new ListTransactionsOptions().filterProducerIds(List.of(d.producerId()))));
            equal("by pattern", Set.of(open), listed(new ListTransactionsOptions().filterOnTransactionalIdPattern("^" + word + "-(open|none).*$")));
            fails("a pattern that is none", InvalidRegularExpression.class,
                () -> listed(new ListTransactionsOptions().filterOnTransactionalIdPattern(")|(.*")));
            equal("by duration", Set.of(), listed(new ListTransactionsOptions().filterOnDuration(600000)));
            until("begun a while ago", () -> listed(new ListTransactionsOptions().filterOnDuration(10)).equals(Set.of(open, done)));
            a.abortTransaction();
        }
    }

    public static void main(String[] args) throws Exception {
        base.load(new FileReader(args[0]));
        topic = args[1];
        word = args[2];
        try (org.apache.kafka.clients.admin.Admin a = org.apache.kafka.clients.admin.Admin.create(base)) {
            admin = a;
            groups("classic");
            groups("consumer");
            transactions();
        }
        System.out.println("ok");
    }
}
