/* alcovectl as a person runs it, against the real server. */
#include "fixture.h"

#include <sys/wait.h>

static struct fx *f;
static char	  program[4096], url[64], token_file[128];

struct run {
	int  code;
	char out[65536], err[8192];
};

static void
read_all(int fd, char *to, size_t room)
{
	size_t	n = 0;
	ssize_t got;

	lseek(fd, 0, SEEK_SET);
	while (n + 1 < room && (got = read(fd, to + n, room - 1 - n)) > 0)
		n += (size_t)got;
	to[n] = '\0';
	close(fd);
}

/* Words separated by blanks; "~" stands for a blank inside a word. */
static struct run *
run(const char *input, const char *line)
{
	static struct run r;
	char		  words[512], *argv[32] = { program };
	int		  n = 1, in = memfd_create("in", MFD_CLOEXEC), out = memfd_create("out", MFD_CLOEXEC), err = memfd_create("err", MFD_CLOEXEC), status;
	pid_t		  pid;

	snprintf(words, sizeof(words), "%s", line);
	for (char *p = words, *save = NULL; (p = strtok_r(p, " ", &save)) != NULL && n < 31; p = NULL) {
		for (char *c = p; *c != '\0'; c++)
			*c = *c == '~' ? ' ' : *c;
		argv[n++] = p;
	}
	if (input != NULL && write(in, input, strlen(input)) < 0)
		abort();
	lseek(in, 0, SEEK_SET);
	pid = fork();
	if (pid == 0) {
		dup2(in, 0);
		dup2(out, 1);
		dup2(err, 2);
		execv(program, argv);
		_exit(127);
	}
	waitpid(pid, &status, 0);
	r.code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
	close(in);
	read_all(out, r.out, sizeof(r.out));
	read_all(err, r.err, sizeof(r.err));
	return &r;
}

static void
expect(const char *input, const char *line, int code, const char *out, const char *err)
{
	struct run *r = run(input, line);

	if (r->code != code || strstr(r->out, out) == NULL || strstr(r->err, err) == NULL)
		fail_msg("%s: %d\nout: %s\nerr: %s\nexpected %d, %s, %s", line, r->code, r->out, r->err, code, out, err);
}

static int
setup(void **state)
{
	ssize_t n = readlink("/proc/self/exe", program, sizeof(program) - 32);
	FILE   *file;

	(void)state;
	assert_true(n > 0);
	program[n] = '\0';
	for (int i = 0; i < 3; i++)
		*strrchr(program, '/') = '\0';
	strncat(program, "/alcovectl", 16);
	f = fx_new();
	fx_start(f);
	snprintf(url, sizeof(url), "http://127.0.0.1:%u", (unsigned)adm_port(f->server));
	snprintf(token_file, sizeof(token_file), "%s/token", f->tmp);
	file = fopen(token_file, "w");
	fprintf(file, "%s\n", FX_ADMIN);
	fclose(file);
	setenv("ALCOVE_URL", url, 1);
	setenv("ALCOVE_TOKEN_FILE", token_file, 1);
	unsetenv("ALCOVE_TOKEN");
	unsetenv("ALCOVE_CA");
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	unlink(token_file);
	fx_free(f);
	return 0;
}

static void
tenants(void **state)
{
	(void)state;
	expect(NULL, "tenant create acme --display-name Acme~Inc", 0, "acme  active  0", "");
	expect(NULL, "tenant create acme", 1, "", "It exists already: the tenant exists already (409)");
	expect(NULL, "tenant create --adopt-prefix globex", 0, "globex", "");
	expect(NULL, "tenant get acme", 0, "DISPLAY NAME\nacme", "");
	expect(NULL, "-o json tenant get acme", 0, "\"displayName\": \"Acme Inc\"", "");
	expect(NULL, "tenant list", 0, "globex", "");
	expect(NULL, "tenant list --limit 1 -o json", 0, "\"next\": \"acme\"", "");
	expect(NULL, "tenant list --after=acme", 0, "globex", "");
	expect(NULL, "tenant update acme --display-name New --if-match 99", 1, "", "(412)");
	expect(NULL, "tenant update acme --display-name New", 0, "New", "");
	expect(NULL, "tenant update acme --host-names k.acme.com=b$(node).acme.com,k.acme.org=b$(node).acme.org", 0, "k.acme.com,k.acme.org", "");
	expect(NULL, "tenant update acme --host-names k.acme.com", 2, "", "expected bootstrap=node-pattern");
	expect(NULL, "tenant update acme --host-names=", 0, "-", "");
	expect(NULL, "tenant update acme", 2, "", "expected --display-name, --host-names, --authorizer");
	expect(NULL, "tenant suspend acme", 0, "suspended", "");
	expect(NULL, "tenant resume acme", 0, "active", "");
	expect(NULL, "tenant delete acme --purge", 0, "tenant acme deleted\n", "");
	expect(NULL, "tenant get acme", 1, "", "there is no tenant \"acme\" (404)");
	expect(NULL, "tenant get ../whoami", 1, "", "no tenant \"../whoami\"");
}

static void
users(void **state)
{
	struct run *r;

	(void)state;
	expect(NULL, "tenant create acme", 0, "", "");
	expect("first-secret\n", "user create acme alice", 0, "alice  yes", "");
	assert_string_equal(fx_find(&f->control, "acme")->user[0].password, "first-secret");
	expect("", "user create acme bob", 2, "", "found nothing, expected one line");
	r = run(NULL, "user create acme bob --generate");
	assert_int_equal(r->code, 0);
	assert_non_null(strstr(r->out, "PASSWORD"));
	assert_non_null(strstr(r->out, fx_find(&f->control, "acme")->user[1].password));
	expect("next", "user set-password acme alice", 0, "alice", "");
	assert_string_equal(fx_find(&f->control, "acme")->user[0].password, "next");
	expect(NULL, "user set acme alice --disable", 0, "alice  no", "");
	expect(NULL, "user set acme alice", 2, "", "expected one of --enable and --disable");
	expect(NULL, "user list acme", 0, "alice  no", "");
	expect(NULL, "user delete acme bob", 0, "user bob of acme deleted", "");
	expect(NULL, "user get acme bob", 1, "", "(404)");
}

/* 32 and 64 bytes. */
#define K32 "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
#define K64 "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0+Pw=="
#define RECORD(name, mechanism, key, iterations) "| offset: 7 CreateTime: 1764460800000 keySize: -1 valueSize: 99 sequence: -1 headerKeys: [] payload: " \
	"{\"type\":\"USER_SCRAM_CREDENTIAL_RECORD\",\"version\":0,\"data\":{\"name\":\"" name "\",\"mechanism\":" mechanism ",\"salt\":" \
	"\"MTIzNDU2\",\"storedKey\":\"" key "\",\"serverKey\":\"" key "\",\"iterations\":" iterations "}}\n"

/* Many at once; what a list printed can be sent back. */
static void
many_users(void **state)
{
	struct run *r;
	char	    list[sizeof(r->out)];

	(void)state;
	fx_try(f, "PUT", "/v1/tenants/many", NULL, NULL);
	expect("{\"users\":[{\"name\":\"app-1\",\"generate\":true},{\"name\":\"app-2\",\"password\":\"second-secret\",\"groups\":[\"dev\"]},"
	       "{\"name\":\"bob\",\"password\":\"bobs-secret\"}]}", "user apply many --file -", 0, "CREATED  CHANGED  DELETED\n3        0        0\nNAME   PASSWORD\napp-1  ", "");
	r = run(NULL, "user list many -o json");
	memcpy(list, r->out, sizeof(list));
	expect(list, "user apply many --file -", 0, "0        3        0\n", "");
	expect(NULL, "user list many --in-group dev --enabled true", 0, "app-2", "");
	expect(NULL, "user list many --enabled false", 0, "NAME  ENABLED  MECHANISMS  GROUPS  REVISION\n", "");
	expect(NULL, "user delete-matching many --prefix app-", 0, "NAME\napp-1\napp-2\n", "");
	expect("[{\"name\":\"carol\",\"password\":\"carols-secret\"}]", "user replace many --file -", 0, "1        0        1\n", "");
	expect("[{\"name\":\"dave\",\"passwort\":\"x\"}]", "user replace many --file -", 1, "", "/users/0/passwort: users[0].passwort: expected only name");
	expect(NULL, "user replace many", 2, "", "expected --file");
	expect(NULL, "user delete-matching many", 1, "", "found no filter");
	expect(NULL, "user delete-matching many --all", 0, "NAME\ncarol\n", "");
}

static void
imported(void **state)
{
	static const char dump[] = "Dumping 00000000000000000000.log\nLog starting offset: 0\nbaseOffset: 0 lastOffset: 3 count: 4\n"
	    RECORD("acme-bob", "1", K32, "4096") RECORD("carol", "2", K64, "8192") RECORD("gateway", "2", K64, "8192")
	    "| offset: 9 payload: {\"type\":\"TOPIC_RECORD\",\"version\":0,\"data\":{\"name\":\"x\"}}\n"
	    RECORD("acme-bob", "1", K32, "5000") RECORD("acme-bob", "2", K64, "4096")
	    "| offset: 9 payload: {\"type\":\"REMOVE_USER_SCRAM_CREDENTIAL_RECORD\",\"version\":0,\"data\":{\"name\":\"acme-bob\",\"mechanism\":2}}\n";
	static const char configs[] = "Configs for user-principal 'dave' are SCRAM-SHA-256=salt=MTIzNDU2,stored_key=" K32 ",server_key=" K32
	    ",iterations=4096,SCRAM-SHA-512=salt=MTIzNDU2,stored_key=" K64 ",server_key=" K64 ",iterations=9000\n";
	const struct fx_user *u;
	struct run	     *r;

	(void)state;
	expect(NULL, "tenant create acme", 0, "", "");
	expect(dump, "user import acme --file - --users acme-bob=bob,carol", 0, "2            2", "");
	u = fx_user_find(fx_find(&f->control, "acme"), "bob");
	assert_non_null(u);
	assert_int_equal(u->scram[POL_SCRAM_SHA_256].iterations, 5000);
	assert_false(u->scram[POL_SCRAM_SHA_512].present);
	assert_memory_equal(u->scram[POL_SCRAM_SHA_256].salt, "123456", 6);
	assert_int_equal(u->scram[POL_SCRAM_SHA_256].stored_key[31], 31);
	expect(configs, "user import acme --file - --users dave", 0, "2            3", "");
	u = fx_user_find(fx_find(&f->control, "acme"), "dave");
	assert_int_equal(u->scram[POL_SCRAM_SHA_256].iterations, 4096);
	assert_int_equal(u->scram[POL_SCRAM_SHA_512].iterations, 9000);
	assert_int_equal(u->scram[POL_SCRAM_SHA_512].server_key[63], 63);
	expect("[{\"user\":\"eve\",\"mechanism\":\"SCRAM-SHA-256\",\"iterations\":4096,\"salt\":\"MTIz\",\"storedKey\":\"" K32 "\",\"serverKey\":\"" K32 "\"}]",
	    "user import acme --file - --users eve", 0, "1            4", "");
	expect(dump, "user import acme --file - --users carol,nobody", 2, "", "no SCRAM credential of the user \"nobody\"");
	expect(dump, "user import acme --file -", 2, "", "expected --file and --users");
	expect(NULL, "user import acme --file /nowhere --users bob", 2, "", "/nowhere: cannot be read");
	expect("Configs for user-principal 'dave' are SCRAM-SHA-256=iterations=4096\n", "user import acme --file - --users dave", 2, "", "no SCRAM credential");
	r = run("[{\"user\":\"eve\",\"mechanism\":\"SCRAM-SHA-256\",\"iterations\":4096,\"salt\":\"MTIz\",\"storedKey\":\"c2VjcmV0\",\"serverKey\":\"" K32 "\"}]",
	    "user import acme --file - --users eve");
	assert_int_equal(r->code, 1);
	assert_non_null(strstr(r->err, "credentials[0].storedKey: expected 32 bytes in base64"));
	assert_null(strstr(r->err, "c2VjcmV0"));
	expect(NULL, "user list acme --prefix b", 0, "bob", "");
	r = run(NULL, "user list acme --mechanism SCRAM-SHA-512");
	assert_null(strstr(r->out, "bob"));
	assert_non_null(strstr(r->out, "carol"));
	expect("a-password\n", "user create acme fred --iterations 5000", 0, "fred", "");
	assert_int_equal(fx_user_find(fx_find(&f->control, "acme"), "fred")->scram[POL_SCRAM_SHA_512].iterations, 5000);
	expect("a-password\n", "user create acme greg --iterations x", 2, "", "expected a number");
	expect("a-password\n", "user create acme greg --iterations 5", 1, "", "found 5, expected 4096 to 1000000");
}

static void
acls(void **state)
{
	char   line[256], file[128];
	FILE  *out;
	size_t n;

	(void)state;
	expect(NULL, "tenant create acme --authorizer acl --super-users User:root,User:ops", 0, "acl", "");
	expect(NULL, "tenant update acme --allow-everyone-if-no-acl-found maybe", 2, "", "expected yes or no");
	expect(NULL, "tenant update acme --allow-everyone-if-no-acl-found yes -o json", 0, "\"allowEveryoneIfNoAclFound\": true", "");
	expect(NULL, "tenant update acme --auto-create-topics yes --auto-create-partitions 6 -o json", 0, "\"autoCreatePartitions\": 6", "");
	expect(NULL, "tenant update acme --auto-create-topics maybe", 2, "", "expected yes or no");
	expect(NULL, "tenant update acme --auto-create-partitions six", 2, "", "expected a number");
	expect(NULL, "tenant get acme -o json", 0, "\"User:ops\"", "");
	expect(NULL, "acl create acme --resource-type topic --resource-name orders --principal User:alice --operation read", 0, "1        0", "");
	expect(NULL, "acl create acme --resource-type topic --resource-name orders --principal User:alice --operation READ", 0, "0        1", "");
	expect(NULL, "acl create acme --resource-type transactional-id --resource-name t --pattern-type prefixed --principal User:* "
	    "--operation describe-configs --host 10.0.0.0/8 --permission deny", 0, "1        0", "");
	expect(NULL, "acl create acme --resource-type topic", 1, "", "acls[0].resourceName: found nothing");
	expect(NULL, "acl create acme", 2, "", "expected --file, or the parts of one ACL");
	expect(NULL, "acl create acme --file x --host *", 2, "", "expected --file, or the parts of one ACL");
	expect(NULL, "acl list acme", 0, "TRANSACTIONAL_ID  t       PREFIXED  User:*      10.0.0.0/8  DESCRIBE_CONFIGS  DENY", "");
	expect(NULL, "acl list acme --principal User:alice --limit 1", 0, "TOPIC  orders  LITERAL  User:alice  *     READ       ALLOW", "");
	expect(NULL, "acl list acme --operation nothing", 1, "", "operation: found \"NOTHING\"");
	/* What is listed can be created. */
	snprintf(file, sizeof(file), "%s/acls", f->tmp);
	out = fopen(file, "w");
	n = strlen(run(NULL, "acl list acme -o json")->out);
	assert_true(n > 100 && fputs(run(NULL, "acl list acme -o json")->out, out) >= 0);
	fclose(out);
	expect(NULL, "acl delete acme", 1, "", "found no filter");
	expect(NULL, "acl delete acme --resource-type any", 0, "TOPIC ", "");
	expect(NULL, "acl list acme -o json", 0, "\"items\": []", "");
	snprintf(line, sizeof(line), "acl replace acme --file %s", file);
	expect(NULL, line, 0, "CREATED  DELETED  EXISTING\n2        0        0\n", "");
	expect("[]", "acl replace acme --file -", 0, "0        2        0\n", "");
	expect(NULL, "acl replace acme", 2, "", "expected --file");
	expect(NULL, "acl create acme --topic orders --principal Group:dev --operation AlterConfigs", 0, "1        0", "");
	expect(NULL, "acl list acme --topic orders", 0, "TOPIC  orders  LITERAL  Group:dev  *     ALTER_CONFIGS  ALLOW", "");
	expect(NULL, "tenant update acme --authorizer none --allow-everyone-if-no-acl-found no", 0, "none", "");
	expect(NULL, "acl explain acme --principal User:bob --operation Write --topic orders --host 10.0.0.1", 0,
	    "allowed: the tenant has no authorizer, its users may do everything in it\nnote: the tenant has no such user", "");
	expect(NULL, "tenant update acme --authorizer acl --super-users User:alice", 0, "acl", "");
	expect(NULL, "acl explain acme --principal User:bob --operation Write --topic orders --host 10.0.0.1", 0,
	    "denied: no ACL allows Write on topic orders for User:bob; super users: User:alice\n", "");
	expect(NULL, "acl explain acme --principal User:bob --operation DescribeConfigs --topic orders --groups dev", 0,
	    "allowed: by the ACL \"allow AlterConfigs on topic orders for Group:dev from *\", which implies DescribeConfigs\n", "");
	expect(NULL, "acl explain acme --principal User:bob --operation Describe --cluster", 0, "denied: no ACL is about cluster", "");
	expect(NULL, "acl explain acme --operation Describe --cluster", 1, "", "principal: found nothing");
	expect(NULL, "acl delete acme --topic orders", 0, "Group:dev", "");
	snprintf(line, sizeof(line), "acl create acme --file %s", file);
	expect(NULL, line, 0, "2        0", "");
	unlink(file);
	expect("[{\"resourceType\":\"GROUP\",\"resourceName\":\"g\",\"principal\":\"User:a\",\"operation\":\"READ\"}]", "acl create acme --file -", 0,
	    "1        0", "");
	expect("{\"acls\": {}}", "acl create acme --file -", 2, "", "found no list, expected");
	expect("{", "acl create acme --file -", 2, "", "-: line 1");
}

static void
quotas(void **state)
{
	char  line[256], file[128];
	FILE *out;

	(void)state;
	expect(NULL, "tenant create acme", 0, "acme", "");
	expect(NULL, "quota set acme --user alice --add-config producer_byte_rate=1048576,request_percentage=12.5", 0, "CHANGED\n1\n", "");
	expect(NULL, "quota set acme --user alice --client-id <default> --add-config request_rate=1e3 --delete-config consumer_byte_rate", 0, "1\n", "");
	expect(NULL, "quota set acme --group g --add-config consumer_byte_rate=4", 0, "1\n", "");
	expect(NULL, "quota explain acme --unattributed --key consumer_byte_rate", 0, "not for each broker.\nnote: consumer_byte_rate: some groups have a limit, "
	    "but each other group has none", "");
	expect(NULL, "quota set acme --group g --delete-config consumer_byte_rate", 0, "1\n", "");
	expect(NULL, "quota set acme --group <default> --add-config consumer_byte_rate=5", 0, "1\n", "");
	expect(NULL, "quota set acme --unattributed --add-config consumer_byte_rate=6", 0, "1\n", "");
	expect(NULL, "quota set acme --whole-tenant --add-config topics=100", 0, "1\n", "");
	expect(NULL, "quota list acme --user alice", 0, "ENTITY                           LIMITS\n"
	    "user alice                       producer_byte_rate=1048576,request_percentage=12.5\n"
	    "user alice, client-id <default>  request_rate=1000\n", "");
	expect(NULL, "quota list acme --whole-tenant", 0, "whole tenant  topics=100\n", "");
	expect(NULL, "quota list acme --unattributed", 0, "unattributed  consumer_byte_rate=6\n", "");
	expect(NULL, "quota list acme --key request_rate", 0, "request_rate=1000", "");
	expect(NULL, "quota list acme --key x", 1, "", "key: found \"x\"");
	expect(NULL, "quota set acme --add-config topics=1", 2, "", "expected one entity");
	expect(NULL, "quota set acme --group g --user a --add-config request_rate=1", 2, "", "expected one entity");
	expect(NULL, "quota set acme --user a", 2, "", "expected --file, or --add-config");
	expect(NULL, "quota set acme --user a --add-config request_rate", 2, "", "expected name=number");
	expect(NULL, "quota set acme --user a --add-config request_rate=many", 2, "", "expected name=number");
	expect(NULL, "quota set acme --user a --add-config x=1", 1, "", "found a limit that there is none of");
	expect(NULL, "quota explain acme --principal User:alice --client-id app --key producer_byte_rate", 0, "1048576  bytes per second  user alice  "
	    "user alice decides; before it come: user alice, client id app; user alice, client id <default> - without such a limit\n"
	    "Each number holds for the whole virtual cluster", "");
	/* What is listed can be set. */
	snprintf(file, sizeof(file), "%s/quotas", f->tmp);
	out = fopen(file, "w");
	assert_true(fputs(run(NULL, "quota list acme -o json")->out, out) >= 0);
	fclose(out);
	expect(NULL, "quota delete acme", 1, "", "found no filter");
	expect(NULL, "quota delete acme --user alice", 0, "user alice, client-id <default>  request_rate=1000\n", "");
	expect(NULL, "quota delete acme --all", 0, "group <default>", "");
	snprintf(line, sizeof(line), "quota replace acme --file %s", file);
	expect(NULL, line, 0, "CHANGED\n5\n", "");
	expect(NULL, line, 0, "CHANGED\n0\n", "");
	expect(NULL, "quota replace acme", 2, "", "expected --file");
	unlink(file);
}

static void
the_rest(void **state)
{
	(void)state;
	expect(NULL, "tenant create acme", 0, "", "");
	expect(NULL, "alias create acme topic old legacy.orders --writable", 0, "topic  old   legacy.orders  yes", "");
	expect(NULL, "alias list acme", 0, "legacy.orders", "");
	expect(NULL, "alias delete acme topic old", 0, "alias old of acme deleted", "");
	expect(NULL, "cluster", 0, "no", "");
	expect(NULL, "whoami", 0, "root  platform-admin", "");
	expect(NULL, "version", 0, "alcovectl ", "");
	expect(NULL, "help", 0, "tenant create ID", "");
	expect(NULL, "--help", 0, "tenant create ID", "");
	expect(NULL, "user create --help", 0, "--password-file FILE", "");
	expect(NULL, "acl --help", 0, "usage: alcovectl acl COMMAND [options]\n\n  acl create TENANT", "");
	expect(NULL, "help acl", 0, "usage: alcovectl acl COMMAND [options]\n\n  acl create TENANT", "");
	expect(NULL, "help acl delete", 0, "usage: alcovectl acl delete TENANT [options]", "");
	expect(NULL, "help nothing", 2, "", "unknown command nothing");
	expect(NULL, "tenant creat acme", 2, "", "found tenant creat, expected tenant create, get, list, update, delete, suspend or resume");
}

static void
usage(void **state)
{
	(void)state;
	expect(NULL, "", 2, "", "no command");
	expect(NULL, "tenant", 2, "", "found tenant alone, expected tenant create, get, list, update, delete, suspend or resume");
	expect(NULL, "tenant get", 2, "", "found 0 words, expected 1: ID");
	expect(NULL, "tenant get a b", 2, "", "found 2 words, expected 1: ID");
	expect(NULL, "tenant get a --purge", 2, "", "--purge is not for tenant get");
	expect(NULL, "tenant get a --nope", 2, "", "unknown option --nope");
	expect(NULL, "tenant get a --url", 2, "", "--url: its value is missing");
	expect(NULL, "tenant get a -o yaml", 2, "", "expected json or text");
	expect(NULL, "--token-file /nonexistent/token whoami", 2, "", "cannot be read from /nonexistent/token");
}

static void
unreachable(void **state)
{
	char line[128];
	int  fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t	   n = sizeof(a);

	(void)state;
	/* Bound, but nobody listens. */
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	getsockname(fd, (struct sockaddr *)&a, &n);
	snprintf(line, sizeof(line), "--url http://127.0.0.1:%u whoami", (unsigned)ntohs(a.sin_port));
	expect(NULL, line, 3, "", "alcovectl: http://127.0.0.1:");
	close(fd);
	/* A token does not leave this machine in the clear. */
	expect(NULL, "--url http://127.0.0.1.example.com whoami", 3, "", "without https");
	unsetenv("ALCOVE_TOKEN_FILE");
	setenv("ALCOVE_TOKEN", FX_VIEWER, 1);
	expect(NULL, "whoami", 0, "looker  viewer", "");
	expect(NULL, "tenant create x", 1, "", "has the role viewer, this needs platform-admin (403)");
	setenv("ALCOVE_TOKEN", "wrong", 1);
	expect(NULL, "whoami", 1, "", "(401)");
	unsetenv("ALCOVE_TOKEN");
	expect(NULL, "whoami", 2, "", "found no token");
}

/* Names from the server cannot move the cursor. */
static void
no_control_characters(void **state)
{
	struct run *r;

	(void)state;
	assert_int_equal(fx_try(f, "POST", "/v1/tenants", NULL, "{\"id\":\"acme\",\"displayName\":\"a\\u001b[2Jb\"}"), 201);
	r = run(NULL, "tenant list");
	assert_int_equal(r->code, 0);
	assert_null(strchr(r->out, '\x1b'));
	assert_non_null(strstr(r->out, "a?[2Jb"));
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = { T(tenants), T(users), T(many_users), T(imported), T(acls), T(quotas), T(the_rest), T(usage), T(unreachable), T(no_control_characters) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
