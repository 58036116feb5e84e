// ACLs through AdminClient, by one who may (the first properties) and one who may not. Prints "ok" at the end, or the first thing that was wrong.
import java.io.FileReader;
import java.util.*;
import java.util.concurrent.*;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.common.acl.*;
import org.apache.kafka.common.errors.*;
import org.apache.kafka.common.resource.*;

public class AclAdmin {
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

    static AclBinding acl(ResourceType type, String name, PatternType pattern, String who, AclOperation op, AclPermissionType permission) {
        return new AclBinding(new ResourcePattern(type, name, pattern), new AccessControlEntry(who, "*", op, permission));
    }

    static AclBindingFilter filter(ResourceType type, String name, PatternType pattern) {
        return new AclBindingFilter(new ResourcePatternFilter(type, name, pattern), AccessControlEntryFilter.ANY);
    }

    static Set<AclBinding> described(Admin admin, AclBindingFilter f) throws Exception {
        return new HashSet<>(admin.describeAcls(f).values().get());
    }

    public static void main(String[] args) throws Exception {
        try (Admin alice = admin(args[0]); Admin bob = admin(args[1])) {
            AclBinding literal = acl(ResourceType.TOPIC, "orders", PatternType.LITERAL, "User:bob", AclOperation.READ, AclPermissionType.ALLOW),
                star = acl(ResourceType.TOPIC, "*", PatternType.LITERAL, "User:*", AclOperation.DESCRIBE, AclPermissionType.DENY),
                prefixed = acl(ResourceType.TOPIC, "ord", PatternType.PREFIXED, "User:bob", AclOperation.ALL, AclPermissionType.ALLOW),
                txn = acl(ResourceType.TRANSACTIONAL_ID, "orders", PatternType.LITERAL, "User:bob", AclOperation.TWO_PHASE_COMMIT, AclPermissionType.ALLOW);
            alice.createAcls(List.of(literal, star, prefixed, txn)).all().get();
            alice.createAcls(List.of(literal)).all().get(); // again
            equal("all", Set.of(literal, star, prefixed, txn), described(alice, AclBindingFilter.ANY));
            equal("match", Set.of(literal, star, prefixed), described(alice, filter(ResourceType.TOPIC, "orders", PatternType.MATCH)));
            equal("match another", Set.of(star), described(alice, filter(ResourceType.TOPIC, "other", PatternType.MATCH)));
            equal("by name", Set.of(literal, txn), described(alice, filter(ResourceType.ANY, "orders", PatternType.ANY)));
            equal("prefixed", Set.of(prefixed), described(alice, filter(ResourceType.ANY, null, PatternType.PREFIXED)));
            CreateAclsResult mixed = alice.createAcls(List.of(literal,
                acl(ResourceType.CLUSTER, "other", PatternType.LITERAL, "User:bob", AclOperation.READ, AclPermissionType.ALLOW)));
            for (var e : mixed.values().entrySet())
                if (e.getKey().equals(literal))
                    e.getValue().get();
                else
                    fails("a cluster of another name", InvalidRequestException.class, () -> e.getValue().get());
            AclBindingFilter one = filter(ResourceType.TOPIC, "orders", PatternType.MATCH), two = filter(ResourceType.TRANSACTIONAL_ID, null, PatternType.ANY);
            DeleteAclsResult gone = alice.deleteAcls(List.of(one, two));
            Set<AclBinding> first = new HashSet<>();
            gone.values().get(one).get().values().forEach(r -> first.add(r.binding()));
            equal("deleted", Set.of(literal, star, prefixed), first);
            equal("and", txn, gone.values().get(two).get().values().get(0).binding());
            equal("nothing is left", Set.of(), described(alice, AclBindingFilter.ANY));
            fails("bob describes", ClusterAuthorizationException.class, () -> described(bob, AclBindingFilter.ANY));
            fails("bob creates", ClusterAuthorizationException.class, () -> bob.createAcls(List.of(literal)).all().get());
            fails("bob deletes", ClusterAuthorizationException.class, () -> bob.deleteAcls(List.of(one)).all().get());
        }
        System.out.println("ok");
    }
}
