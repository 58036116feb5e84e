/* Writes golden frames: bodies of every message in every version, encoded by Kafka's own generated classes.
 * README.md says what is in the file and what each case is; `golden` runs this.
 *
 * A message is made as JSON from the schema in the jar, read by the XDataJsonConverter beside XData, and written by
 * XData. So neither the layout of a frame nor the meaning of "nullable" or "tagged" is decided here.
 *
 * usage: java -cp JARS GoldenFrames.java KINDS.json FRAMES.bin */
import com.fasterxml.jackson.core.json.JsonReadFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.BinaryNode;
import com.fasterxml.jackson.databind.node.BooleanNode;
import com.fasterxml.jackson.databind.node.DoubleNode;
import com.fasterxml.jackson.databind.node.IntNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.LongNode;
import com.fasterxml.jackson.databind.node.NullNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.databind.node.TextNode;
import java.io.BufferedOutputStream;
import java.io.DataOutputStream;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.protocol.Message;
import org.apache.kafka.common.protocol.MessageUtil;
import org.apache.kafka.common.protocol.types.RawTaggedField;
import org.apache.kafka.common.record.internal.MemoryRecords;
import org.apache.kafka.common.record.internal.SimpleRecord;

public class GoldenFrames {
	static final ObjectMapper JSON = JsonMapper.builder().enable(JsonReadFeature.ALLOW_JAVA_COMMENTS).build();
	static final JsonNodeFactory NODES = JsonNodeFactory.instance;
	static final Set<String> MAPPED_KINDS = Set.of("TOPIC_NAME", "GROUP_ID", "TXN_ID");
	static final String PREFIX = "acme.";
	static final int UNKNOWN_TAG = 5000;
	static final int FRAMES_EXPECTED_MIN = 1000; /* fewer would mean that something was skipped unseen */

	/* ---- schemas ---------------------------------------------------------------------------- */

	record Versions(int lo, int hi) {
		static Versions of(String text) {
			if (text.equals("none"))
				return new Versions(0, -1);
			if (text.endsWith("+"))
				return new Versions(Integer.parseInt(text.substring(0, text.length() - 1)), Short.MAX_VALUE);
			String[] ends = text.split("-");
			return new Versions(Integer.parseInt(ends[0]), Integer.parseInt(ends[ends.length - 1]));
		}

		boolean has(int version) {
			return version >= lo && version <= hi;
		}
	}

	record Field(String name, String path, String type, boolean array, Versions in, Versions nullable, Versions tagged,
	    String dflt, List<Field> fields) {
		/* Kafka's JSON has the field's name with a small first letter. */
		String key() {
			return Character.toLowerCase(name.charAt(0)) + name.substring(1);
		}

		boolean struct() {
			return fields != null;
		}
	}

	record Schema(String name, int key, int dir, Versions versions, Versions flexible, List<Field> fields) {
	}

	static String text(JsonNode node, String key, String otherwise) {
		return node.has(key) ? node.get(key).asText() : otherwise;
	}

	static List<Field> fieldsOf(JsonNode specs, Map<String, JsonNode> common, String path) {
		List<Field> out = new ArrayList<>();
		for (JsonNode spec : specs) {
			String type = spec.get("type").asText();
			boolean array = type.startsWith("[]");
			String base = array ? type.substring(2) : type;
			String here = path + spec.get("name").asText();
			JsonNode inner = spec.has("fields") ? spec.get("fields") : common.get(base);
			out.add(new Field(spec.get("name").asText(), here, base, array, Versions.of(spec.get("versions").asText()),
			    Versions.of(text(spec, "nullableVersions", "none")), Versions.of(text(spec, "taggedVersions", "none")),
			    text(spec, "default", ""), inner == null ? null : fieldsOf(inner, common, here + ".")));
		}
		return out;
	}

	static Schema schemaOf(String name) throws IOException {
		try (InputStream in = Message.class.getResourceAsStream("/common/message/" + name + ".json")) {
			JsonNode spec = JSON.readTree(in);
			Map<String, JsonNode> common = new HashMap<>();
			for (JsonNode struct : spec.path("commonStructs"))
				common.put(struct.get("name").asText(), struct.get("fields"));
			return new Schema(name, spec.path("apiKey").asInt(-1), name.startsWith("Response") || name.endsWith("Response") ? 1 : 0,
			    Versions.of(spec.get("validVersions").asText()), Versions.of(text(spec, "flexibleVersions", "none")),
			    fieldsOf(spec.get("fields"), common, ""));
		}
	}

	/* ---- values ----------------------------------------------------------------------------- */

	/* How a case fills a message. Array counts by level, 1 the message's own; -1: by chance. */
	enum Case {
		DEFAULT(0, 0, 0), FULL(2, 2, 2), NULL(1, 1, 1), UNTAGGED(2, 2, 2), TAGGED(0, 0, 0), UNICODE(1, 1, 1),
		EXTREMES(1, 1, 1), EMPTY(0, 0, 0), THREE(3, 3, 3), MANY(130, 1, 1), DEEP(1, 130, 1), LONG(1, 1, 1),
		RANDOM_1(-1, -1, -1), RANDOM_2(-1, -1, -1), RANDOM_3(-1, -1, -1), RANDOM_4(-1, -1, -1), UNKNOWN(2, 2, 2);

		final int[] counts;

		Case(int... counts) {
			this.counts = counts;
		}

		String text() {
			return name().toLowerCase().replace('_', '-');
		}

		boolean random() {
			return counts[0] < 0;
		}

		boolean defaults() {
			return this == DEFAULT || this == TAGGED;
		}
	}

	static class Filler {
		static final String[] WIDE = { "ü", "ñ", "ж", "日", "本", "€", "🦓", "𝄞" };
		static final String PLAIN = "abcdefghijklmnopqrstuvwxyz0123456789.-_";

		final Case how;
		final int version;
		final Random random;
		boolean greatest;	/* which end EXTREMES takes next */

		Filler(Schema schema, int version, Case how) {
			this.how = how;
			this.version = version;
			this.random = new Random((schema.name + "/" + version + "/" + how.text()).hashCode());
		}

		ObjectNode struct(List<Field> fields, int level) {
			ObjectNode out = NODES.objectNode();
			for (Field f : fields)
				if (f.in.has(version) && wanted(f))
					out.set(f.key(), value(f, level));
			return out;
		}

		boolean wanted(Field f) {
			if (!f.tagged.has(version))
				return true;
			return how.random() ? random.nextBoolean() : how != Case.DEFAULT && how != Case.UNTAGGED;
		}

		JsonNode value(Field f, int level) {
			boolean tagged = f.tagged.has(version), nullable = f.nullable.has(version);

			if (nullable && (how == Case.NULL || how.random() && random.nextInt(4) == 0))
				return NullNode.instance;
			if (how.defaults() && !(how == Case.TAGGED && tagged))
				return defaultOf(f, nullable, level);
			if (!f.array)
				return one(f, level);
			ArrayNode out = NODES.arrayNode();
			for (int n = how.defaults() ? 2 : count(level), i = 0; i < n; i++)
				out.add(one(f, level + 1));
			return out;
		}

		int count(int level) {
			int n = level < how.counts.length ? how.counts[level] : 1;
			return n < 0 ? random.nextInt(level == 0 ? 5 : 3) : n;
		}

		JsonNode defaultOf(Field f, boolean nullable, int level) {
			if (f.dflt.equals("null") && nullable)
				return NullNode.instance;
			if (f.array)
				return NODES.arrayNode();
			if (f.struct())
				return struct(f.fields, level);
			return switch (f.type) {
			case "string" -> TextNode.valueOf("");
			case "bytes", "records" -> BinaryNode.valueOf(new byte[0]);
			case "uuid" -> TextNode.valueOf(Uuid.ZERO_UUID.toString());
			case "bool" -> BooleanNode.valueOf(f.dflt.equals("true"));
			case "float64" -> DoubleNode.valueOf(0);
			case "int64" -> LongNode.valueOf(f.dflt.isEmpty() ? 0 : Long.decode(f.dflt));
			default -> IntNode.valueOf(f.dflt.isEmpty() ? 0 : Integer.decode(f.dflt));
			};
		}

		JsonNode one(Field f, int level) {
			if (f.struct())
				return struct(f.fields, level);
			return switch (f.type) {
			case "string" -> TextNode.valueOf(string());
			case "bytes" -> BinaryNode.valueOf(bytes(length(40)));
			case "records" -> BinaryNode.valueOf(batches());
			case "uuid" -> TextNode.valueOf(new Uuid(random.nextLong(), random.nextLong()).toString());
			case "bool" -> BooleanNode.valueOf(random.nextBoolean());
			case "float64" -> DoubleNode.valueOf(how == Case.EXTREMES ? extreme(Long.MAX_VALUE) * 1e280 : random.nextGaussian());
			case "int8" -> IntNode.valueOf((int)number(Byte.MIN_VALUE, Byte.MAX_VALUE));
			case "int16" -> IntNode.valueOf((int)number(Short.MIN_VALUE, Short.MAX_VALUE));
			case "uint16" -> IntNode.valueOf((int)number(0, 0xffff));
			case "int32" -> IntNode.valueOf((int)number(Integer.MIN_VALUE, Integer.MAX_VALUE));
			case "int64" -> LongNode.valueOf(number(Long.MIN_VALUE, Long.MAX_VALUE));
			default -> throw new IllegalStateException(f.path + ": type " + f.type);
			};
		}

		double extreme(double end) {
			greatest = !greatest;
			return greatest ? end : -end;
		}

		long number(long least, long most) {
			if (how == Case.EXTREMES) {
				greatest = !greatest;
				return greatest ? most : least;
			}
			if (how.random() && random.nextInt(3) == 0)
				return random.nextLong(least, most);
			return 1 + random.nextInt(100);
		}

		int length(int usual) {
			if (how == Case.EMPTY)
				return 0;
			if (how == Case.LONG || how.random() && random.nextInt(8) == 0)
				return 200 + random.nextInt(200);
			return how.random() ? random.nextInt(usual) : 1 + random.nextInt(usual);
		}

		String string() {
			int n = length(12);
			StringBuilder s = new StringBuilder();
			while (s.length() < n)
				if (how == Case.UNICODE || how.random() && random.nextInt(20) == 0)
					s.append(WIDE[random.nextInt(WIDE.length)]);
				else
					s.append(PLAIN.charAt(random.nextInt(PLAIN.length())));
			return s.toString();
		}

		byte[] bytes(int n) {
			byte[] out = new byte[n];
			random.nextBytes(out);
			return out;
		}

		/* One to three real batches. */
		byte[] batches() {
			ByteBuffer out = ByteBuffer.allocate(4096);
			for (int n = how == Case.MANY || how == Case.DEEP ? 1 : 1 + random.nextInt(3), i = 0; i < n; i++)
				out.put(MemoryRecords.withRecords(100L * i, Compression.NONE,
				    new SimpleRecord(1700000000000L + i, bytes(4), bytes(length(40)))).buffer());
			byte[] all = new byte[out.position()];
			out.flip().get(all);
			return all;
		}
	}

	/* ---- which cases a message has ----------------------------------------------------------- */

	static boolean any(List<Field> fields, int version, int level, java.util.function.BiPredicate<Field, Integer> test) {
		for (Field f : fields) {
			if (!f.in.has(version))
				continue;
			int below = f.array ? level + 1 : level;
			if (test.test(f, below) || f.struct() && any(f.fields, version, below, test))
				return true;
		}
		return false;
	}

	static boolean makesSense(Schema s, int version, Case how) {
		return switch (how) {
		case NULL -> any(s.fields, version, 0, (f, level) -> f.nullable.has(version));
		case UNTAGGED, TAGGED -> any(s.fields, version, 0, (f, level) -> f.tagged.has(version));
		case UNICODE -> any(s.fields, version, 0, (f, level) -> f.type.equals("string"));
		case THREE, MANY -> any(s.fields, version, 0, (f, level) -> f.array);
		case DEEP -> any(s.fields, version, 0, (f, level) -> f.array && level >= 2);
		case LONG -> any(s.fields, version, 0, (f, level) -> Set.of("string", "bytes", "records").contains(f.type));
		case UNKNOWN -> s.flexible.has(version);
		default -> true;
		};
	}

	/* ---- mapping ----------------------------------------------------------------------------- */

	static JsonNode mapped(JsonNode value, Field f, int version, JsonNode kinds) {
		if (value.isArray()) {
			ArrayNode out = NODES.arrayNode();
			for (JsonNode element : value)
				out.add(mapped(element, f, version, kinds));
			return out;
		}
		if (value.isObject())
			return mappedStruct((ObjectNode)value, f.fields, version, kinds);
		if (value.isTextual() && f.type.equals("string") && MAPPED_KINDS.contains(kinds.path(f.path).asText()))
			return TextNode.valueOf(PREFIX + value.asText());
		return value;
	}

	static ObjectNode mappedStruct(ObjectNode value, List<Field> fields, int version, JsonNode kinds) {
		ObjectNode out = NODES.objectNode();
		for (Field f : fields)
			if (value.has(f.key()))
				out.set(f.key(), mapped(value.get(f.key()), f, version, kinds));
		return out;
	}

	/* ---- encoding ---------------------------------------------------------------------------- */

	static class Encoder {
		final MethodHandle read;

		Encoder(String message) throws ReflectiveOperationException {
			String data = "org.apache.kafka.common.message." + message + (message.startsWith("ConsumerProtocol") ? "" : "Data");
			read = MethodHandles.lookup().findStatic(Class.forName(data + "JsonConverter"), "read",
			    MethodType.methodType(Class.forName(data), JsonNode.class, short.class));
		}

		Message message(JsonNode json, int version) throws IOException {
			try {
				return (Message)read.invoke(json, (short)version);
			} catch (Throwable e) {
				throw new IOException("not a message: " + json, e);
			}
		}
	}

	static byte[] encode(Message message, int version) {
		ByteBuffer buffer = MessageUtil.toByteBufferAccessor(message, (short)version).buffer();
		byte[] out = new byte[buffer.remaining()];
		buffer.get(out);
		return out;
	}

	/* Unknown tags behind the message and behind its first struct; returns how many. */
	static int addUnknownTags(Schema s, Message message, int version) throws ReflectiveOperationException {
		message.unknownTaggedFields().add(new RawTaggedField(UNKNOWN_TAG, new byte[] { 1, 2, 3 }));
		message.unknownTaggedFields().add(new RawTaggedField(UNKNOWN_TAG + 1, new byte[0]));
		for (Field f : s.fields) {
			if (!f.struct() || !f.in.has(version))
				continue;
			Object inner = message.getClass().getMethod(f.key()).invoke(message);
			if (inner instanceof Collection<?> elements)
				inner = elements.iterator().next();
			((Message)inner).unknownTaggedFields().add(new RawTaggedField(UNKNOWN_TAG, new byte[300]));
			return 3;
		}
		return 2;
	}

	/* ---- the file ---------------------------------------------------------------------------- */

	static class Frames {
		final List<byte[]> records = new ArrayList<>();

		static void shortText(DataOutputStream out, String text) throws IOException {
			byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
			out.writeByte(bytes.length);
			out.write(bytes);
		}

		void add(Schema s, int version, Case how, int unknown, byte[] body, byte[] mapped) throws IOException {
			var bytes = new java.io.ByteArrayOutputStream(body.length + mapped.length + 64);
			var out = new DataOutputStream(bytes);
			shortText(out, s.name);
			out.writeShort(s.key);
			out.writeByte(s.dir);
			out.writeShort(version);
			shortText(out, how.text());
			out.writeShort(unknown);
			out.writeInt(body.length);
			out.write(body);
			out.writeInt(mapped.length);
			out.write(mapped);
			records.add(bytes.toByteArray());
		}

		long write(Path path) throws IOException {
			Path partial = path.resolveSibling(path.getFileName() + ".partial");
			try (var out = new DataOutputStream(new BufferedOutputStream(Files.newOutputStream(partial), 1 << 20))) {
				out.writeBytes("ALVGOLD1");
				out.writeInt(records.size());
				for (byte[] r : records)
					out.write(r);
			}
			Files.move(partial, path, StandardCopyOption.REPLACE_EXISTING);
			return Files.size(path);
		}
	}

	static void add(Frames frames, Schema s, Encoder encoder, JsonNode kinds, int version, Case how) throws Exception {
		ObjectNode json = new Filler(s, version, how).struct(s.fields, 0);
		Message message = encoder.message(json, version);
		byte[] mapped = encode(encoder.message(mappedStruct(json, s.fields, version, kinds), version), version);
		int unknown = how == Case.UNKNOWN ? addUnknownTags(s, message, version) : 0;
		frames.add(s, version, how, unknown, encode(message, version), mapped);
	}

	public static void main(String[] args) throws Exception {
		JsonNode kinds = JSON.readTree(new File(args[0])).get("messages");
		Frames frames = new Frames();

		for (var names = kinds.fieldNames(); names.hasNext();) {
			Schema s = schemaOf(names.next());
			Encoder encoder = new Encoder(s.name);
			for (int version = s.versions.lo; version <= s.versions.hi; version++)
				for (Case how : Case.values())
					if (makesSense(s, version, how))
						add(frames, s, encoder, kinds.get(s.name), version, how);
		}
		if (frames.records.size() < FRAMES_EXPECTED_MIN)
			throw new IllegalStateException("only " + frames.records.size() + " frames");
		long size = frames.write(Path.of(args[1]));
		System.out.printf("%d golden frames, %d MiB%n", frames.records.size(), size >> 20);
	}
}
