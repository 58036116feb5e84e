import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import java.util.function.BooleanSupplier;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.ScramCredentialInfo;
import org.apache.kafka.clients.admin.ScramMechanism;
import org.apache.kafka.clients.admin.UserScramCredentialAlteration;
import org.apache.kafka.clients.admin.UserScramCredentialDeletion;
import org.apache.kafka.clients.admin.UserScramCredentialUpsertion;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.acl.AccessControlEntry;
import org.apache.kafka.common.acl.AccessControlEntryFilter;
import org.apache.kafka.common.acl.AclBinding;
import org.apache.kafka.common.acl.AclBindingFilter;
import org.apache.kafka.common.acl.AclOperation;
import org.apache.kafka.common.acl.AclPermissionType;
import org.apache.kafka.common.quota.ClientQuotaAlteration;
import org.apache.kafka.common.quota.ClientQuotaEntity;
import org.apache.kafka.common.quota.ClientQuotaFilter;
import org.apache.kafka.common.quota.ClientQuotaFilterComponent;
import org.apache.kafka.common.resource.PatternType;
import org.apache.kafka.common.resource.ResourcePattern;
import org.apache.kafka.common.resource.ResourcePatternFilter;
import org.apache.kafka.common.resource.ResourceType;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

/** Kafka's own client; see ../README.md. */
public class Scenario {
	static final int PARTITIONS = 4, SENT = 200, COMMITTED = 50, ITERATIONS = 8192;
	static final String TOPIC = env("TOPIC"), GROUP = env("GROUP"), GUEST = env("GUEST");

	static String env(String name) {
		return System.getenv("CLIENT_" + name);
	}

	static Properties conf(Map<String, ?> more) {
		Properties p = new Properties();
		p.put("bootstrap.servers", env("BOOTSTRAP"));
		p.put("security.protocol", "SASL_SSL");
		p.put("ssl.truststore.type", "PEM");
		p.put("ssl.truststore.location", Path.of(env("CA")).toString());
		p.put("sasl.mechanism", env("MECHANISM"));
		p.put("sasl.jaas.config", "org.apache.kafka.common.security.scram.ScramLoginModule required username=\""
			+ env("USER") + "\" password=\"" + env("PASSWORD") + "\";");
		p.putAll(more);
		return p;
	}

	static void say(String step) {
		System.out.println("{\"step\": \"" + step + "\"}");
	}

	static void must(String what, Object expected, Object found) {
		if (!expected.equals(found)) {
			System.err.println(what + ": expected " + expected + ", found " + found);
			System.exit(1);
		}
	}

	static void until(String what, BooleanSupplier condition) {
		long end = System.nanoTime() + Duration.ofSeconds(60).toNanos();
		while (!condition.getAsBoolean())
			must("within 60 s: " + what, true, System.nanoTime() < end);
	}

	static Stream<String> values(String kind, int n) {
		return IntStream.range(0, n).mapToObj(i -> env("MARK") + "-" + kind + "-" + i);
	}

	static List<String> allOfIt() {
		return Stream.concat(values("sent", SENT), values("committed", COMMITTED)).sorted().toList();
	}

	static KafkaProducer<String, String> producer(Map<String, ?> more) {
		return new KafkaProducer<>(conf(more), new StringSerializer(), new StringSerializer());
	}

	static void send(KafkaProducer<String, String> p, Stream<String> values) throws Exception {
		var sent = values.map(v -> p.send(new ProducerRecord<>(TOPIC, "k" + v.replaceAll(".*-", ""), v))).toList();
		for (var f : sent)
			f.get();
	}

	static void make() throws Exception {
		try (Admin admin = Admin.create(conf(Map.of()))) {
			admin.createTopics(List.of(new NewTopic(TOPIC, Optional.of(PARTITIONS), Optional.empty()))).all().get();
		}
		say("create");
		try (var p = producer(Map.of("enable.idempotence", "true"))) {
			send(p, values("sent", SENT));
		}
		say("produce");
		try (var p = producer(Map.of("transactional.id", env("TXN")))) {
			p.initTransactions();
			p.beginTransaction();
			send(p, values("committed", COMMITTED));
			p.commitTransaction();
			p.beginTransaction();
			send(p, values("aborted", COMMITTED));
			p.abortTransaction();
		}
		say("transaction");
	}

	static KafkaConsumer<String, String> consumer() {
		var c = new KafkaConsumer<>(conf(Map.of("group.id", GROUP, "group.protocol", env("PROTOCOL"), "auto.offset.reset", "earliest",
			"isolation.level", "read_committed", "enable.auto.commit", "false")), new StringDeserializer(), new StringDeserializer());
		c.subscribe(List.of(TOPIC));
		return c;
	}

	static void take(KafkaConsumer<String, String> c, List<String> into) {
		c.poll(Duration.ofMillis(200)).forEach(r -> into.add(r.value()));
	}

	static void use() throws Exception {
		List<String> got = new ArrayList<>(), more = new ArrayList<>();
		var a = consumer();
		until("all records", () -> {
			take(a, got);
			return got.size() >= allOfIt().size();
		});
		must("records", allOfIt(), got.stream().sorted().toList());
		say("consume");
		a.commitSync();
		say("commit");
		try (Admin admin = Admin.create(conf(Map.of())); var b = consumer()) {
			until("two and two partitions", () -> {
				take(a, more);
				take(b, more);
				return a.assignment().size() == 2 && b.assignment().size() == 2;
			});
			var d = admin.describeConsumerGroups(List.of(GROUP)).all().get().get(GROUP);
			must("members", 2, d.members().size());
			d.members().forEach(m -> m.assignment().topicPartitions().forEach(tp -> must("of the topic", TOPIC, tp.topic())));
			must("a group of this tenant", true, admin.listGroups().all().get().stream().anyMatch(g -> g.groupId().equals(GROUP)));
			say("describe");
		}
		until("all four again", () -> {
			take(a, more);
			return a.assignment().size() == PARTITIONS;
		});
		must("nothing twice", List.of(), more);
		say("rebalance");
		a.close();
		try (Admin admin = Admin.create(conf(Map.of()))) {
			must("committed partitions", PARTITIONS, admin.listConsumerGroupOffsets(GROUP).partitionsToOffsetAndMetadata().get().size());
		}
	}

	static AclBinding acl(PatternType pattern, AclOperation operation) {
		return new AclBinding(new ResourcePattern(ResourceType.TOPIC, TOPIC, pattern),
			new AccessControlEntry("User:" + GUEST, "*", operation, AclPermissionType.ALLOW));
	}

	static AclBindingFilter fits(AclOperation operation) {
		return new AclBindingFilter(ResourcePatternFilter.ANY, new AccessControlEntryFilter("User:" + GUEST, null, operation, AclPermissionType.ANY));
	}

	/** The right to read, which stays, and the one to write, which is taken back. */
	static void acls(Admin admin) throws Exception {
		AclBinding read = acl(PatternType.LITERAL, AclOperation.READ), write = acl(PatternType.PREFIXED, AclOperation.WRITE);
		admin.createAcls(List.of(read, write)).all().get();
		must("two ACLs", 2, admin.describeAcls(fits(AclOperation.ANY)).values().get().size());
		must("one is deleted", List.of(write), List.copyOf(admin.deleteAcls(List.of(fits(AclOperation.WRITE))).all().get()));
		must("the other is left", List.of(read), List.copyOf(admin.describeAcls(fits(AclOperation.ANY)).values().get()));
		say("acls");
	}

	static void quotas(Admin admin) throws Exception {
		var who = new ClientQuotaEntity(Map.of(ClientQuotaEntity.USER, GUEST));
		var set = List.of(new ClientQuotaAlteration.Op("producer_byte_rate", 1048576.0), new ClientQuotaAlteration.Op("consumer_byte_rate", 1.0));
		for (var ops : List.of(set, List.of(new ClientQuotaAlteration.Op("consumer_byte_rate", null))))
			admin.alterClientQuotas(List.of(new ClientQuotaAlteration(who, ops))).all().get();
		var filter = ClientQuotaFilter.containsOnly(List.of(ClientQuotaFilterComponent.ofEntity(ClientQuotaEntity.USER, GUEST)));
		must("one quota", Map.of(who, Map.of("producer_byte_rate", 1048576.0)), admin.describeClientQuotas(filter).entities().get());
		say("quotas");
	}

	static void users(Admin admin) throws Exception {
		ScramCredentialInfo of256 = new ScramCredentialInfo(ScramMechanism.SCRAM_SHA_256, ITERATIONS),
			of512 = new ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, ITERATIONS);
		for (UserScramCredentialAlteration a : List.of(new UserScramCredentialUpsertion(GUEST, of256, "a password"),
			new UserScramCredentialUpsertion(GUEST, of512, "a password"), new UserScramCredentialDeletion(GUEST, ScramMechanism.SCRAM_SHA_256)))
			admin.alterUserScramCredentials(List.of(a)).all().get();
		must("one password", List.of(of512), admin.describeUserScramCredentials(List.of(GUEST)).description(GUEST).get().credentialInfos());
		say("users");
	}

	static void secure() throws Exception {
		try (Admin admin = Admin.create(conf(Map.of()))) {
			acls(admin);
			quotas(admin);
			users(admin);
		}
	}

	static void drop() throws Exception {
		try (Admin admin = Admin.create(conf(Map.of()))) {
			admin.deleteConsumerGroups(List.of(GROUP)).all().get();
			say("delete group");
			admin.deleteTopics(List.of(TOPIC)).all().get();
			while (admin.listTopics().names().get().contains(TOPIC))
				Thread.onSpinWait();
			say("delete topic");
		}
	}

	public static void main(String[] args) throws Exception {
		switch (args[0]) {
		case "make" -> make();
		case "use" -> use();
		case "secure" -> secure();
		case "drop" -> drop();
		default -> throw new IllegalArgumentException(args[0]);
		}
		System.exit(0);
	}
}
