// Quotas through AdminClient, by one who may (the first properties) and one who may not. Prints "ok" at the end, or the first thing that was wrong.
import java.io.FileReader;
import java.util.*;
import java.util.concurrent.*;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.common.errors.*;
import org.apache.kafka.common.quota.*;

public class QuotaAdmin {
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

    static Admin admin(String file) throws Exception {
        Properties p = new Properties();
        try (FileReader r = new FileReader(file)) {
            p.load(r);
        }
        return Admin.create(p);
    }

    static ClientQuotaEntity entity(String... parts) {
        Map<String, String> all = new HashMap<>();
        for (int i = 0; i < parts.length; i += 2)
            all.put(parts[i], parts[i + 1]);
        return new ClientQuotaEntity(all);
    }

    static ClientQuotaAlteration set(ClientQuotaEntity e, String key, Double value) {
        return new ClientQuotaAlteration(e, List.of(new ClientQuotaAlteration.Op(key, value)));
    }

    static Map<ClientQuotaEntity, Map<String, Double>> described(Admin admin, ClientQuotaFilter f) throws Exception {
        return admin.describeClientQuotas(f).entities().get();
    }

    static final String USER = ClientQuotaEntity.USER, CLIENT = ClientQuotaEntity.CLIENT_ID, IP = ClientQuotaEntity.IP;

    public static void main(String[] args) throws Exception {
        try (Admin alice = admin(args[0]); Admin bob = admin(args[1])) {
            ClientQuotaEntity al = entity(USER, "al"), each = entity(USER, null), app = entity(CLIENT, "app"), both = entity(USER, "al", CLIENT, null);
            alice.alterClientQuotas(List.of(set(al, "producer_byte_rate", 1000.0), set(each, "producer_byte_rate", 2000.0),
                set(app, "consumer_byte_rate", 3000.0), set(both, "producer_byte_rate", 4000.0))).all().get();
            equal("all", Map.of(al, Map.of("producer_byte_rate", 1000.0), each, Map.of("producer_byte_rate", 2000.0), app,
                Map.of("consumer_byte_rate", 3000.0), both, Map.of("producer_byte_rate", 4000.0)), described(alice, ClientQuotaFilter.all()));
            equal("al, whatever else", Set.of(al, both), described(alice, ClientQuotaFilter.contains(
                List.of(ClientQuotaFilterComponent.ofEntity(USER, "al")))).keySet());
            equal("al alone", Set.of(al), described(alice, ClientQuotaFilter.containsOnly(
                List.of(ClientQuotaFilterComponent.ofEntity(USER, "al")))).keySet());
            equal("any user", Set.of(al, each, both), described(alice, ClientQuotaFilter.contains(
                List.of(ClientQuotaFilterComponent.ofEntityType(USER)))).keySet());
            equal("the default", Set.of(each), described(alice, ClientQuotaFilter.contains(
                List.of(ClientQuotaFilterComponent.ofDefaultEntity(USER)))).keySet());
            AlterClientQuotasResult mixed = alice.alterClientQuotas(List.of(set(al, "producer_byte_rate", null), set(app, "no_such_rate", 1.0),
                set(entity(IP, "10.0.0.1"), "producer_byte_rate", 1.0), set(each, "producer_byte_rate", 0.0)));
            mixed.values().get(al).get();
            fails("no such key", InvalidRequestException.class, () -> mixed.values().get(app).get());
            fails("of an address", InvalidRequestException.class, () -> mixed.values().get(entity(IP, "10.0.0.1")).get());
            fails("zero", InvalidRequestException.class, () -> mixed.values().get(each).get());
            equal("after that", Set.of(each, app, both), described(alice, ClientQuotaFilter.all()).keySet());
            alice.alterClientQuotas(List.of(set(al, "producer_byte_rate", 5.0)), new AlterClientQuotasOptions().validateOnly(true)).all().get();
            equal("only validated", Set.of(each, app, both), described(alice, ClientQuotaFilter.all()).keySet());
            fails("bob alters", ClusterAuthorizationException.class, () -> bob.alterClientQuotas(List.of(set(al, "producer_byte_rate", 5.0))).all().get());
            fails("bob describes", ClusterAuthorizationException.class, () -> described(bob, ClientQuotaFilter.all()));
            System.out.println("ok");
        }
    }
}
