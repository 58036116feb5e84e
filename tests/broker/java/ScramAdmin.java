import java.io.FileReader;
import java.util.List;
import java.util.Properties;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.ScramCredentialInfo;
import org.apache.kafka.clients.admin.ScramMechanism;
import org.apache.kafka.clients.admin.UserScramCredentialAlteration;
import org.apache.kafka.clients.admin.UserScramCredentialDeletion;
import org.apache.kafka.clients.admin.UserScramCredentialUpsertion;
import org.apache.kafka.common.errors.ResourceNotFoundException;
import org.apache.kafka.common.errors.UnacceptableCredentialException;

/** A user's SCRAM credentials by the AdminClient. usage: ScramAdmin FILE.properties */
class ScramAdmin {
    static Admin admin;

    static void alter(UserScramCredentialAlteration one) throws Exception {
        admin.alterUserScramCredentials(List.of(one)).all().get();
    }

    static void refused(UserScramCredentialAlteration one, Class<?> why) throws Exception {
        try {
            alter(one);
        } catch (ExecutionException e) {
            if (why.isInstance(e.getCause()))
                return;
            throw e;
        }
        throw new AssertionError("not refused: " + one.user());
    }

    public static void main(String[] args) throws Exception {
        Properties p = new Properties();
        p.load(new FileReader(args[0]));
        admin = Admin.create(p);
        alter(new UserScramCredentialUpsertion("java", new ScramCredentialInfo(ScramMechanism.SCRAM_SHA_256, 4096), "a java secret"));
        alter(new UserScramCredentialUpsertion("java", new ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, 8192), "a java secret"));
        List<ScramCredentialInfo> infos = admin.describeUserScramCredentials(List.of("java")).description("java").get().credentialInfos();
        if (infos.size() != 2)
            throw new AssertionError("found " + infos);
        if (!admin.describeUserScramCredentials().users().get().contains("java"))
            throw new AssertionError("not in the list of all");
        alter(new UserScramCredentialDeletion("java", ScramMechanism.SCRAM_SHA_256));
        refused(new UserScramCredentialDeletion("java", ScramMechanism.SCRAM_SHA_256), ResourceNotFoundException.class);
        refused(new UserScramCredentialUpsertion("java", new ScramCredentialInfo(ScramMechanism.SCRAM_SHA_256, 17000), "x"),
                UnacceptableCredentialException.class);
        admin.close();
        System.out.println("done");
    }
}
