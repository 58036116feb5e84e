/* The store: what is written is there after a reopen, with its audit; what fails leaves all as it was, with words. */
#include <signal.h>
#include <sys/resource.h>

#include "tests/unit/gateway/state/kit.h"

/* Opening fails and says so in words that hold this. */
static void
refused(const struct place *p, const char *expected)
{
	struct sto_store *s;
	struct alv_buf	  words;

	alv_buf_init(&words, 4096);
	assert_true(sto_open(p->file, p->key, &s, &words) != ALV_OK);
	assert_null(s);
	alv_buf_byte(&words, '\0');
	if (strstr((char *)words.p, expected) == NULL)
		fail_msg("found \"%s\", expected \"%s\"", (char *)words.p, expected);
	alv_buf_fini(&words);
}

static struct pol_scram
some_keys(uint8_t seed)
{
	struct pol_scram k = { .present = true, .iterations = 4096, .salt_n = 24 };

	memset(k.salt, seed, 24);
	memset(k.stored_key, seed + 1, 64);
	memset(k.server_key, seed + 2, 64);
	return k;
}

static enum alv_err
put_user(struct sto_store *s, const char *tenant, const char *name, uint8_t seed)
{
	struct pol_user u = { .name = alv_str_of(name), .enabled = true };
	enum alv_err	err;

	if (seed != 0) {
		u.scram[0] = some_keys(seed);
		u.scram[1] = some_keys((uint8_t)(seed + 100));
	}
	err = sto_begin(s, &who);
	if (err)
		return err;
	err = sto_user_put(s, alv_str_of(tenant), &u);
	if (err) {
		sto_rollback(s);
		return err;
	}
	return sto_commit(s);
}

static void
everything_survives_a_reopen(void **state)
{
	struct sto_store *s = open_store(*state);
	struct sto_alias  alias = { .tenant = "acme", .kind = TEN_GROUP, .virt = "g", .phys = "legacy-g", .writable = true };
	struct sto_parts  p;
	struct stat	  st;
	uint8_t		  secret[32];
	char		  cluster[23];
	uint64_t	  r = 0;

	add_tenant(s, "acme");
	assert_int_equal(put_user(s, "acme", "alice", 1), ALV_OK);
	assert_int_equal(put_user(s, "acme", "bob", 9), ALV_OK);
	assert_int_equal(sto_begin(s, &who), ALV_OK);
	assert_int_equal(sto_alias_put(s, &alias, &r), ALV_OK);
	assert_int_equal(sto_commit(s), ALV_OK);
	memcpy(secret, sto_fake_secret(s).p, 32);
	assert_int_equal(sto_parts_load(s, ALV_STR("acme"), &p), ALV_OK);
	snprintf(cluster, sizeof(cluster), "%s", p.tenant.cluster_id);
	assert_int_equal(strlen(cluster), 22);
	sto_parts_fini(&p);
	sto_close(s);

	assert_int_equal(stat(((struct place *)*state)->file, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	s = open_store(*state);
	assert_memory_equal(secret, sto_fake_secret(s).p, 32);
	assert_int_equal(sto_parts_load(s, ALV_STR("acme"), &p), ALV_OK);
	assert_string_equal(p.parts.cluster_id, cluster);
	assert_int_equal(p.parts.revision, r);
	assert_int_equal(p.parts.nusers, 2);
	assert_true(alv_str_eqz(p.parts.users[1].name, "bob"));
	assert_int_equal(p.parts.users[1].scram[1].stored_key[63], 110);
	assert_int_equal(p.parts.users[0].scram[0].server_key[0], 3);
	assert_int_equal(p.parts.naliases, 1);
	assert_true(p.parts.aliases[0].writable && p.parts.aliases[0].kind == TEN_GROUP);
	assert_int_equal(p.parts.nrules, 0);
	assert_int_equal(p.parts.nsupers, 0);
	sto_parts_fini(&p);
	assert_int_equal(sto_parts_load(s, ALV_STR("globex"), &p), ALV_E_NOT_FOUND);
	sto_close(s);
}

static void
every_write_is_audited(void **state)
{
	struct sto_store *s = open_store(*state);
	struct sto_tenant t;
	uint64_t	  r1 = add_tenant(s, "acme"), r;

	assert_string_equal(ask(s, "SELECT actor || '|' || origin || '|' || what || '|' || tenant || '|' || (before IS NULL) || "
	    "'|' || (after ->> 'displayName') FROM audit"),
	    "platform:ops|rest 127.0.0.1|tenant.create|acme|1|The acme \"team\"");
	assert_int_equal(put_user(s, "acme", "alice", 1), ALV_OK);
	assert_int_equal(put_user(s, "acme", "alice", 0), ALV_OK);	/* keys stay */
	assert_string_equal(ask(s, "SELECT (before ->> 'passwordRevision') = (after ->> 'passwordRevision') AND "
	    "(before ->> 'revision') < (after ->> 'revision') FROM audit ORDER BY n DESC LIMIT 1"), "1");
	assert_int_equal(put_user(s, "acme", "alice", 5), ALV_OK);
	assert_string_equal(ask(s, "SELECT (before ->> 'passwordRevision') < (after ->> 'passwordRevision') "
	    "FROM audit ORDER BY n DESC LIMIT 1"), "1");
	assert_int_equal(sto_tenant_get(s, ALV_STR("acme"), &t), ALV_OK);
	assert_true(t.revision > r1);
	t.state = POL_SUSPENDED;
	assert_int_equal(sto_begin(s, &who), ALV_OK);
	assert_int_equal(sto_tenant_set(s, &t, "tenant.suspend"), ALV_OK);
	assert_int_equal(sto_user_delete(s, ALV_STR("acme"), ALV_STR("alice"), &r), ALV_OK);
	assert_int_equal(r, t.revision);	/* one transaction, one revision */
	assert_int_equal(sto_commit(s), ALV_OK);
	assert_string_equal(ask(s, "SELECT group_concat(what) FROM audit"),
	    "tenant.create,user.put,user.put,user.put,tenant.suspend,user.delete");
	assert_string_equal(ask(s, "SELECT count(*) FROM scram"), "0");
	assert_int_equal(sto_begin(s, &who), ALV_OK);
	assert_int_equal(sto_tenant_remove(s, ALV_STR("acme"), "tenant.purged"), ALV_OK);
	assert_int_equal(sto_commit(s), ALV_OK);
	assert_string_equal(ask(s, "SELECT (before ->> 'id') || (after IS NULL) FROM audit ORDER BY n DESC LIMIT 1"), "acme1");
	assert_string_equal(ask(s, "SELECT count(*) FROM rule"), "0");
	assert_true(add_tenant(s, "acme") > t.revision);
	sto_close(s);
}

static enum alv_err
count_rule(void *arg, const struct pol_rule *r)
{
	size_t *n = arg;

	return alv_str_eqz(r->name, "stop") ? ALV_E_DENIED : (++*n, ALV_OK);
}

static void
acls(void **state)
{
	struct sto_store     *s = open_store(*state);
	const struct pol_rule r = { POL_GROUP, POL_PREFIXED, ALV_STR("g \"1\""), ALV_STR("User:alice"), ALV_STR("10.0.0.0/8"),
		POL_OP_ALTER_CONFIGS, POL_DENY };
	const struct pol_rule stop = { POL_TOPIC, POL_LITERAL, ALV_STR("stop"), ALV_STR("User:*"), ALV_STR("*"), POL_OP_ALL, POL_ALLOW };
	struct sto_parts      p;
	bool		      added;
	uint64_t	      first = add_tenant(s, "acme"), now = 0;
	size_t		      n = 0;

	assert_int_equal(sto_begin(s, &who), ALV_OK);
	assert_int_equal(sto_rule_add(s, ALV_STR("acme"), &r, &added, &now), ALV_OK);
	assert_true(added && now > first);
	assert_int_equal(sto_rule_add(s, ALV_STR("acme"), &r, &added, &now), ALV_OK);
	assert_false(added);
	assert_int_equal(sto_rule_each(s, ALV_STR("acme"), &n, count_rule), ALV_OK);
	assert_int_equal(n, 1);
	assert_int_equal(sto_rule_add(s, ALV_STR("acme"), &stop, &added, &now), ALV_OK);
	assert_int_equal(sto_rule_each(s, ALV_STR("acme"), &n, count_rule), ALV_E_DENIED);
	assert_int_equal(sto_rule_delete(s, ALV_STR("acme"), &stop, &now), ALV_OK);
	assert_int_equal(sto_rule_delete(s, ALV_STR("acme"), &stop, &now), ALV_E_NOT_FOUND);
	assert_int_equal(sto_rule_count(s, ALV_STR("acme"), &n), ALV_OK);
	assert_int_equal(n, 1);
	assert_int_equal(sto_commit(s), ALV_OK);
	assert_string_equal(ask(s, "SELECT group_concat(what || '/' || object || (before IS NULL) || (after IS NULL)) FROM audit "
	    "WHERE what LIKE 'acl%'"), "acl.create/g \"1\"10,acl.create/stop10,acl.delete/stop01");
	assert_string_equal(ask(s, "SELECT after FROM audit WHERE object LIKE 'g%'"), "{\"tenant\":\"acme\",\"resourceType\":\"GROUP\","
	    "\"resourceName\":\"g \\\"1\\\"\",\"patternType\":\"PREFIXED\",\"principal\":\"User:alice\",\"host\":\"10.0.0.0/8\","
	    "\"operation\":\"ALTER_CONFIGS\",\"permission\":\"DENY\"}");
	assert_int_equal(sto_parts_load(s, ALV_STR("acme"), &p), ALV_OK);
	assert_int_equal(p.parts.nrules, 1);
	assert_true(alv_str_eq(p.parts.rules[0].host, r.host) && p.parts.rules[0].op == r.op && p.parts.rules[0].permission == POL_DENY);
	sto_parts_fini(&p);
	assert_int_equal(sto_begin(s, &who), ALV_OK);
	assert_int_equal(sto_tenant_remove(s, ALV_STR("acme"), "tenant.purged"), ALV_OK);
	assert_int_equal(sto_commit(s), ALV_OK);
	assert_string_equal(ask(s, "SELECT count(*) FROM rule"), "0");
	sto_close(s);
}

/* Back to the schema of the first two migrations. */
#define UNDO_ALL_BUT_2 \
	"DROP TABLE super_user; DROP TABLE quota; ALTER TABLE tenant DROP COLUMN authorizer; ALTER TABLE tenant DROP COLUMN everyone; " \
	"ALTER TABLE tenant DROP COLUMN auto_create; ALTER TABLE tenant DROP COLUMN auto_partitions; " \
	"ALTER TABLE tenant DROP COLUMN auto_replication; DROP TABLE user_group; ALTER TABLE user DROP COLUMN groups_revision; " \
	"DROP TABLE audit_native; DROP INDEX audit_native_by_tenant; ALTER TABLE audit DROP COLUMN native; "

/* Until the third schema a tenant had rules by which its users may do all: it has no authorizer then. */
static void
who_decides(void **state)
{
	const struct alv_str supers[] = { ALV_STR("User:root"), ALV_STR("User:a \"b\"") };
	struct sto_store    *s = open_store(*state);
	struct sto_tenant    t;
	struct sto_parts     p;

	add_tenant(s, "acme");
	assert_int_equal(sto_exec(s, UNDO_ALL_BUT_2 "DELETE FROM migration WHERE version > 2; PRAGMA user_version = 2;"
	    "INSERT INTO rule VALUES (1, 'acme', 2, 3, '*', 'User:*', '*', 2, 3)"), ALV_OK);
	sto_close(s);
	s = open_store(*state);
	assert_string_equal(ask(s, "SELECT count(*) FROM rule"), "0");
	assert_int_equal(sto_tenant_get(s, ALV_STR("acme"), &t), ALV_OK);
	assert_true(t.authorizer == POL_AUTHORIZER_NONE && !t.everyone_if_no_acl);
	t.authorizer = POL_AUTHORIZER_ACL;
	t.everyone_if_no_acl = t.supers_set = true;
	assert_true(!t.auto_create.on && t.auto_create.partitions == -1 && t.auto_create.replication_factor == -1);
	t.auto_create = (struct pol_auto_create){ true, 6, 3 };
	t.supers = supers;
	t.nsupers = 2;
	assert_int_equal(sto_begin(s, &who), ALV_OK);
	assert_int_equal(sto_tenant_set(s, &t, "tenant.update"), ALV_OK);
	assert_int_equal(sto_commit(s), ALV_OK);
	assert_string_equal(ask(s, "SELECT (before ->> 'authorizer') || (after ->> 'authorizer') || (before -> 'superUsers') || "
	    "(after -> 'superUsers') || (before -> 'allowEveryoneIfNoAclFound') || (after -> 'allowEveryoneIfNoAclFound') "
	    "FROM audit ORDER BY n DESC LIMIT 1"), "noneacl[][\"User:a \\\"b\\\"\",\"User:root\"]falsetrue");
	assert_int_equal(sto_parts_load(s, ALV_STR("acme"), &p), ALV_OK);
	assert_true(p.parts.authorizer == POL_AUTHORIZER_ACL && p.parts.everyone_if_no_acl && p.parts.nsupers == 2);
	assert_true(p.parts.auto_create.on && p.parts.auto_create.partitions == 6 && p.parts.auto_create.replication_factor == 3);
	assert_string_equal(ask(s, "SELECT (before -> 'autoCreateTopics') || (after -> 'autoCreateTopics') || (after -> 'autoCreatePartitions') "
	    "FROM audit ORDER BY n DESC LIMIT 1"), "falsetrue6");
	assert_true(alv_str_eq(p.parts.supers[1], supers[0]));
	sto_parts_fini(&p);
	sto_close(s);
}

/* A file of the first schema becomes one of today, with all that is in it; host names are in the audit. */
static void
host_names(void **state)
{
	const char	 *field, *expected;
	struct sto_store *s = open_store(*state);
	struct sto_tenant t;
	struct ten_own	  own;

	add_tenant(s, "acme");
	assert_int_equal(sto_exec(s, UNDO_ALL_BUT_2 "UPDATE audit SET origin = 'kafka 10.0.0.1'; DROP TABLE host_name; "
	    "DELETE FROM migration WHERE version > 1; PRAGMA user_version = 1"), ALV_OK);
	sto_close(s);
	s = open_store(*state);
	assert_string_equal(ask(s, "SELECT count(*) = max(version) AND max(version) = (SELECT user_version FROM pragma_user_version) FROM migration"), "1");
	assert_string_equal(ask(s, "SELECT tenant || kept || dropped FROM audit_native"), "acme10");
	assert_int_equal(sto_tenant_get(s, ALV_STR("acme"), &t), ALV_OK);
	assert_int_equal(ten_own_parse(ALV_STR("k.acme.com"), ALV_STR("b$(node).acme.com"), &own, &field, &expected), ALV_OK);
	t.own_set = true;
	t.nown = 1;
	t.own = &own;
	assert_int_equal(sto_begin(s, &who), ALV_OK);
	assert_int_equal(sto_tenant_set(s, &t, "tenant.update"), ALV_OK);
	assert_int_equal(sto_commit(s), ALV_OK);
	assert_string_equal(ask(s, "SELECT (before -> 'hostNames') || (after -> 'hostNames') FROM audit ORDER BY n DESC LIMIT 1"),
	    "[][{\"bootstrap\":\"k.acme.com\",\"nodePattern\":\"b$(node).acme.com\"}]");
	assert_int_equal(sto_tenant_get(s, ALV_STR("acme"), &t), ALV_OK);	/* what is read and written back keeps them */
	t.state = POL_SUSPENDED;
	assert_int_equal(sto_begin(s, &who), ALV_OK);
	assert_int_equal(sto_tenant_set(s, &t, "tenant.suspend"), ALV_OK);
	assert_int_equal(sto_commit(s), ALV_OK);
	assert_string_equal(ask(s, "SELECT count(*) FROM host_name"), "1");
	assert_int_equal(sto_exec(s, "UPDATE host_name SET node_pattern = 'b.acme.com'"), ALV_OK);	/* somebody else's doing */
	{
		struct sto_parts p;

		assert_int_equal(sto_parts_load(s, ALV_STR("acme"), &p), ALV_E_STORE);
		assert_non_null(strstr(sto_words(s), "a host name of tenant acme"));
	}
	sto_close(s);
}

static void
what_is_not_there_is_told(void **state)
{
	struct sto_store *s = open_store(*state);
	struct sto_alias  a = { .tenant = "acme", .virt = "v", .phys = "p" };
	struct sto_tenant t = { .id = "acme" };
	uint64_t	  r;

	add_tenant(s, "acme");
	assert_int_equal(put_user(s, "globex", "x", 1), ALV_E_NOT_FOUND);
	assert_int_equal(sto_begin(s, &who), ALV_OK);
	assert_int_equal(sto_user_delete(s, ALV_STR("acme"), ALV_STR("x"), &r), ALV_E_NOT_FOUND);
	assert_int_equal(sto_alias_delete(s, &a, &r), ALV_E_NOT_FOUND);
	assert_int_equal(sto_tenant_add(s, &t), ALV_E_EXISTS);
	sto_rollback(s);
	assert_string_equal(ask(s, "SELECT count(*) FROM audit"), "1");
	sto_close(s);
}

static void
aliases_are_found_by_target(void **state)
{
	struct sto_store *s = open_store(*state);
	struct sto_alias  a = { .tenant = "acme", .virt = "v", .phys = "globex.orders" }, found;
	uint64_t	  r;

	add_tenant(s, "acme");
	assert_int_equal(sto_begin(s, &who), ALV_OK);
	assert_int_equal(sto_alias_put(s, &a, &r), ALV_OK);
	assert_int_equal(sto_commit(s), ALV_OK);
	assert_int_equal(sto_alias_into(s, ALV_STR("globex"), ALV_STR("globex."), &found), ALV_OK);
	assert_string_equal(found.virt, "v");
	assert_int_equal(sto_alias_into(s, ALV_STR("acme"), ALV_STR("globex."), &found), ALV_E_NOT_FOUND);
	assert_int_equal(sto_alias_into(s, ALV_STR("x"), ALV_STR("globe_."), &found), ALV_E_NOT_FOUND);
	assert_int_equal(sto_alias_of(s, ALV_STR("acme"), TEN_TOPIC, ALV_STR("globex.orders"), &found), ALV_OK);
	assert_int_equal(sto_alias_of(s, ALV_STR("acme"), TEN_GROUP, ALV_STR("globex.orders"), &found), ALV_E_NOT_FOUND);
	sto_close(s);
}

static void
secrets_are_not_in_the_file(void **state)
{
	struct place	 *p = *state;
	struct sto_store *s = open_store(p);
	struct pol_user	  u = { .name = ALV_STR("alice"), .enabled = true };
	char		 *bytes = malloc(1 << 20);
	size_t		  n;
	FILE		 *f;

	add_tenant(s, "acme");
	u.scram[0] = some_keys(1);
	memcpy(u.scram[0].stored_key, "a stored key that must not be seen in the file, sixty-four bytes", 64);
	assert_int_equal(sto_begin(s, &who), ALV_OK);
	assert_int_equal(sto_user_put(s, ALV_STR("acme"), &u), ALV_OK);
	assert_int_equal(sto_commit(s), ALV_OK);
	sto_close(s);
	f = fopen(p->file, "r");
	n = fread(bytes, 1, 1 << 20, f);
	fclose(f);
	assert_non_null(memmem(bytes, n, "alice", 5));
	assert_null(memmem(bytes, n, "a stored key", 12));
	free(bytes);
}

static void
moved_keys_do_not_unseal(void **state)
{
	struct sto_store *s = open_store(*state);
	struct sto_parts  p;

	add_tenant(s, "acme");
	assert_int_equal(put_user(s, "acme", "alice", 1), ALV_OK);
	assert_int_equal(put_user(s, "acme", "bob", 9), ALV_OK);
	assert_int_equal(sto_parts_load(s, ALV_STR("acme"), &p), ALV_OK);
	sto_parts_fini(&p);
	assert_int_equal(sto_exec(s, "UPDATE scram SET sealed = (SELECT sealed FROM scram WHERE user = 'bob' AND mechanism = 0) "
	    "WHERE user = 'alice' AND mechanism = 0"), ALV_OK);
	assert_int_equal(sto_parts_load(s, ALV_STR("acme"), &p), ALV_E_STORE);
	assert_non_null(strstr(sto_words(s), "alice"));
	sto_close(s);
}

static void
second_opener_is_refused(void **state)
{
	struct sto_store *s = open_store(*state);

	refused(*state, "has this state open");
	sto_close(s);
	sto_close(open_store(*state));
}

static void
wrong_keys_are_refused(void **state)
{
	struct place *p = *state;

	sto_close(open_store(p));
	write_file(p->key, "BBECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=", 44);
	refused(p, "found values sealed with key");
	write_file(p->key, "AAEC", 4);
	refused(p, "fewer than 32 bytes");
	write_file(p->key, "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8AAEC", 47);
	refused(p, "not base64");
	write_file(p->key, "", 0);
	refused(p, "expected a key of 32 bytes");
	unlink(p->key);
	refused(p, "cannot be read: No such file");
}

static void
foreign_and_newer_files_are_refused(void **state)
{
	struct place	 *p = *state;
	struct sto_store *s = open_store(p);
	sqlite3		 *db;

	assert_int_equal(sto_exec(s, "PRAGMA user_version = 99"), ALV_OK);
	sto_close(s);
	refused(p, "a newer Alcove wrote it");
	unlink(p->file);
	assert_int_equal(sqlite3_open(p->file, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "CREATE TABLE x (y)", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
	refused(p, "database of another program");
}

static void
damaged_files_are_refused(void **state)
{
	struct place	 *p = *state;
	struct sto_store *s = open_store(p);
	struct stat	  st;
	char		  junk[8192];

	add_tenant(s, "acme");
	for (int i = 0; i < 50; i++) {
		char name[16];

		snprintf(name, sizeof(name), "user%d", i);
		assert_int_equal(put_user(s, "acme", name, 1), ALV_OK);
	}
	sto_close(s);
	assert_int_equal(stat(p->file, &st), 0);
	assert_int_equal(truncate(p->file, st.st_size / 2 / 4096 * 4096), 0);
	refused(p, "restore a backup");
	assert_int_equal(truncate(p->file, 5000), 0);
	refused(p, "restore a backup");
	memset(junk, 'x', sizeof(junk));
	write_file(p->file, junk, sizeof(junk));
	refused(p, "not a database");
	unlink(p->file);
	assert_int_equal(mkdir(p->file, 0700), 0);
	refused(p, "cannot be opened for writing");
	assert_int_equal(rmdir(p->file), 0);
}

static void
full_disk_changes_nothing(void **state)
{
	struct sto_store *s = open_store(*state);
	struct sto_parts  p;
	char		  name[16], count[32];
	int		  i;
	enum alv_err	  err = ALV_OK;

	add_tenant(s, "acme");
	assert_int_equal(sto_exec(s, "PRAGMA max_page_count = 40"), ALV_OK);
	for (i = 0; i < 1000 && !err; i++) {
		snprintf(name, sizeof(name), "user%d", i);
		err = put_user(s, "acme", name, 1);
	}
	assert_int_equal(err, ALV_E_STORE);
	assert_true(i > 2 && i < 1000);
	assert_non_null(strstr(sto_words(s), "full"));
	assert_int_equal(sto_parts_load(s, ALV_STR("acme"), &p), ALV_OK);
	assert_int_equal(p.parts.nusers, i - 1);
	sto_parts_fini(&p);
	snprintf(count, sizeof(count), "%d", i);	/* the tenant and each user that went in */
	assert_string_equal(ask(s, "SELECT count(*) FROM audit"), count);
	assert_int_equal(sto_exec(s, "PRAGMA max_page_count = 4000"), ALV_OK);
	assert_int_equal(sto_probe(s), ALV_OK);
	assert_int_equal(put_user(s, "acme", name, 1), ALV_OK);
	sto_close(s);
}

static void
write_limit_changes_nothing(void **state)
{
	struct sto_store *s = open_store(*state);
	struct rlimit	  old, tiny = { 0 };
	enum alv_err	  err = ALV_OK;
	struct sto_parts  p;
	int		  i;

	add_tenant(s, "acme");
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	tiny.rlim_cur = 150000;
	tiny.rlim_max = old.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &tiny), 0);
	for (i = 0; i < 1000 && !err; i++) {
		char name[16];

		snprintf(name, sizeof(name), "user%d", i);
		err = put_user(s, "acme", name, 1);
	}
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	assert_int_equal(err, ALV_E_STORE);
	assert_true(sto_words(s)[0] != '\0');
	assert_int_equal(sto_parts_load(s, ALV_STR("acme"), &p), ALV_OK);
	assert_int_equal(p.parts.nusers, i - 1);
	sto_parts_fini(&p);
	assert_int_equal(put_user(s, "acme", "after", 1), ALV_OK);
	sto_close(s);
}

static void
read_only_changes_nothing(void **state)
{
	struct sto_store *s = open_store(*state);

	add_tenant(s, "acme");
	assert_int_equal(sto_exec(s, "PRAGMA query_only = ON"), ALV_OK);
	assert_int_equal(put_user(s, "acme", "alice", 1), ALV_E_STORE);
	assert_int_equal(sto_probe(s), ALV_E_STORE);
	assert_non_null(strstr(sto_words(s), "cannot be written"));
	assert_int_equal(sto_exec(s, "PRAGMA query_only = OFF"), ALV_OK);
	assert_int_equal(sto_probe(s), ALV_OK);
	assert_string_equal(ask(s, "SELECT count(*) FROM audit"), "1");
	sto_close(s);
}

static void
network_file_systems_are_known(void **state)
{
	(void)state;
	assert_string_equal(sto_fs_refused(0x6969), "NFS");
	assert_string_equal(sto_fs_refused(0xff534d42), "CIFS");
	assert_string_equal(sto_fs_refused(0xffffffffff534d42ull), "CIFS");	/* where f_type is a signed int */
	assert_string_equal(sto_fs_refused(0x65735546), "FUSE");
	assert_null(sto_fs_refused(0xef53));
	assert_null(sto_fs_refused(0x794c7630));	/* overlay */
	assert_null(sto_fs_refused(0x01021994));	/* tmpfs */
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(everything_survives_a_reopen), T(every_write_is_audited), T(host_names), T(acls), T(who_decides),
		T(what_is_not_there_is_told),
		T(aliases_are_found_by_target), T(secrets_are_not_in_the_file), T(moved_keys_do_not_unseal),
		T(second_opener_is_refused), T(wrong_keys_are_refused), T(foreign_and_newer_files_are_refused),
		T(damaged_files_are_refused), T(full_disk_changes_nothing), T(write_limit_changes_nothing),
		T(read_only_changes_nothing), cmocka_unit_test(network_file_systems_are_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
