// Matches with the engine that brokers use. Each line of the file: a pattern as it went to the broker, names that it must match, names
// that it must not; split by tabs, names by blanks. Prints "ok" at the end, or each line that is wrong.
// usage: Confined FILE
import com.google.re2j.Pattern;
import java.nio.file.*;

public class Confined {
    static boolean bad = false;

    static void check(Pattern p, String names, boolean expected) {
        for (String name : names.split(" "))
            if (!name.isEmpty() && p.matcher(name).matches() != expected) {
                System.out.println(p.pattern() + (expected ? " does not match " : " matches ") + name);
                bad = true;
            }
    }

    public static void main(String[] args) throws Exception {
        for (String line : Files.readAllLines(Path.of(args[0]))) {
            String[] columns = line.split("\t", -1);
            Pattern p = Pattern.compile(columns[0]);
            check(p, columns[1], true);
            check(p, columns[2], false);
        }
        System.out.println(bad ? "wrong" : "ok");
    }
}
