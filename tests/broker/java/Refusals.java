import java.nio.ByteBuffer;
import java.util.HexFormat;
import java.util.Scanner;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.ByteBufferAccessor;
import org.apache.kafka.common.protocol.Errors;
import org.apache.kafka.common.protocol.MessageUtil;
import org.apache.kafka.common.requests.AbstractRequest;

/** How Kafka's own classes refuse a request (31). In: lines of key, version and the body's bytes in hex; out: the body of the answer. */
public class Refusals {
	public static void main(String[] args) {
		Scanner in = new Scanner(System.in);

		while (in.hasNextShort()) {
			ApiKeys key = ApiKeys.forId(in.nextShort());
			short version = in.nextShort();
			ByteBuffer body = ByteBuffer.wrap(HexFormat.of().parseHex(in.next()));
			AbstractRequest request = AbstractRequest.parseRequest(key, version, new ByteBufferAccessor(body)).request;
			var answer = request.getErrorResponse(0, Errors.CLUSTER_AUTHORIZATION_FAILED.exception());
			ByteBuffer bytes = MessageUtil.toByteBufferAccessor(answer.data(), version).buffer();
			byte[] out = new byte[bytes.remaining()];

			bytes.get(out);
			System.out.println(HexFormat.of().formatHex(out));
		}
	}
}
