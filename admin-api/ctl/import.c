/* Users of another Kafka: SCRAM credentials out of what its tools print, in any of three forms.
 *   - kafka-dump-log.sh --cluster-metadata-decoder, of the log of __cluster_metadata and its snapshots: one record a line, in order;
 *     a later one of the same user and mechanism replaces an earlier one, REMOVE_USER_SCRAM_CREDENTIAL_RECORD takes it away
 *   - kafka-configs.sh --describe of clusters with ZooKeeper: Configs for user-principal 'bob' are SCRAM-SHA-512=salt=..,stored_key=..
 *   - JSON as the admin API takes it: {"credentials": [..]}, or the array alone
 * Only users that --users names are taken: there are others in a dump, the gateway's own among them. */
#include "admin-api/ctl/ctl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CREDENTIALS_MAX = 2500 /* the server takes 1 MiB at once */ };

/* In place of one that is there; `one` is taken. */
static void
put(json_t *all, json_t *one)
{
	size_t	i;
	json_t *old;

	json_array_foreach(all, i, old) {
		if (!json_equal(json_object_get(old, "user"), json_object_get(one, "user")) ||
		    !json_equal(json_object_get(old, "mechanism"), json_object_get(one, "mechanism")))
			continue;
		json_array_set_new(all, i, one);
		return;
	}
	json_array_append_new(all, one);
}

static void
drop(json_t *all, const json_t *user, const json_t *mechanism)
{
	size_t	i;
	json_t *old;

	json_array_foreach(all, i, old)
		if (json_equal(json_object_get(old, "user"), user) && json_equal(json_object_get(old, "mechanism"), mechanism)) {
			json_array_remove(all, i);
			return;
		}
}

/* ---- kafka-dump-log.sh ------------------------------------------------------------------------------------------ */

static json_t *
mechanism_of(const json_t *number)
{
	json_int_t n = json_integer_value(number);

	return n == 1 ? json_string("SCRAM-SHA-256") : n == 2 ? json_string("SCRAM-SHA-512") : NULL;
}

/* "... payload: {"type":"USER_SCRAM_CREDENTIAL_RECORD","version":0,"data":{...}}" */
static bool
take_record(json_t *all, const char *line)
{
	const char *json = strchr(line, '{'), *type;
	json_t	   *record = json == NULL ? NULL : json_loads(json, JSON_DISABLE_EOF_CHECK, NULL), *data, *mechanism, *one;

	type = json_string_value(json_object_get(record, "type"));
	data = json_object_get(record, "data");
	mechanism = mechanism_of(json_object_get(data, "mechanism"));
	if (type == NULL || mechanism == NULL || !json_is_string(json_object_get(data, "name"))) {
		json_decref(mechanism);
		json_decref(record);
		return false;
	}
	if (strcmp(type, "USER_SCRAM_CREDENTIAL_RECORD") == 0) {
		one = json_pack("{s:O, s:O, s:O, s:O, s:O, s:O}", "user", json_object_get(data, "name"), "mechanism", mechanism, "iterations",
		    json_object_get(data, "iterations"), "salt", json_object_get(data, "salt"), "storedKey", json_object_get(data, "storedKey"),
		    "serverKey", json_object_get(data, "serverKey"));
		if (one != NULL)
			put(all, one);
	} else {
		drop(all, json_object_get(data, "name"), mechanism);
	}
	json_decref(mechanism);
	json_decref(record);
	return true;
}

/* ---- kafka-configs.sh ---------------------------------------------------------------------------------------------- */

/* "name=" up to the next comma or blank. */
static json_t *
value_of(const char *text, const char *end, const char *name)
{
	size_t n = strlen(name);

	for (const char *p = text; p + n < end; p++)
		if (memcmp(p, name, n) == 0) {
			size_t len = strcspn(p + n, ", \t\r\n");

			return json_stringn(p + n, p + n + len <= end ? len : (size_t)(end - p - n));
		}
	return NULL;
}

static void
take_config(json_t *all, const char *user, size_t user_n, const char *at)
{
	const char *next = strstr(at + 1, "SCRAM-SHA-"), *end = next == NULL ? at + strlen(at) : next;
	json_t	   *iterations = value_of(at, end, "iterations=");
	json_t	   *one = json_pack("{s:o, s:s%, s:I, s:o, s:o, s:o}", "user", json_stringn(user, user_n), "mechanism", at, sizeof("SCRAM-SHA-512") - 1,
		  "iterations", (json_int_t)strtoll(iterations == NULL ? "0" : json_string_value(iterations), NULL, 10), "salt",
		  value_of(at, end, "salt="), "storedKey", value_of(at, end, "stored_key="), "serverKey", value_of(at, end, "server_key="));

	json_decref(iterations);
	if (one != NULL)
		put(all, one);
}

static bool
take_configs(json_t *all, const char *line)
{
	const char *user = strstr(line, "user-principal '"), *end, *at;

	if (user == NULL)
		return false;
	user += strlen("user-principal '");
	end = strstr(user, "' are ");
	if (end == NULL)
		return false;
	for (at = strstr(end, "SCRAM-SHA-"); at != NULL; at = strstr(at + 1, "SCRAM-SHA-"))
		take_config(all, user, (size_t)(end - user), at);
	return true;
}

/* ---- files --------------------------------------------------------------------------------------------------------- */

static char *
read_whole(FILE *f, size_t *n)
{
	struct alv_buf b;
	char	       part[65536];
	size_t	       got;

	alv_buf_init(&b, (size_t)1 << 30);
	while ((got = fread(part, 1, sizeof(part), f)) > 0)
		alv_buf_add(&b, part, got);
	alv_buf_byte(&b, '\0');
	explicit_bzero(part, sizeof(part));
	*n = b.n - 1;
	if (b.err == ALV_OK && !ferror(f))
		return (char *)b.p;
	alv_buf_wipe(&b);
	return NULL;
}

/* Lines: those that hold a credential; others are skipped, as there are many in a dump. */
static json_t *
from_lines(char *text)
{
	json_t *all = json_array();

	for (char *line = text, *end; line != NULL && *line != '\0'; line = end == NULL ? NULL : end + 1) {
		end = strchr(line, '\n');
		if (end != NULL)
			*end = '\0';
		if (strstr(line, "USER_SCRAM_CREDENTIAL_RECORD") != NULL)
			(void)take_record(all, line);
		else
			(void)take_configs(all, line);
	}
	return all;
}

static json_t *
from_file(const char *file)
{
	FILE   *f = strcmp(file, "-") == 0 ? stdin : fopen(file, "re");
	size_t	n = 0;
	char   *text = f == NULL ? NULL : read_whole(f, &n);
	json_t *doc, *list;

	if (f != NULL && f != stdin)
		fclose(f);
	if (text == NULL) {
		fprintf(stderr, "alcovectl: %s: cannot be read\n", file);
		return NULL;
	}
	doc = json_loadb(text, n, JSON_REJECT_DUPLICATES, NULL);
	list = json_is_array(doc) ? json_incref(doc) : json_incref(json_object_get(doc, "credentials"));
	if (!json_is_array(list)) {
		json_decref(list);
		list = from_lines(text);
	}
	json_decref(doc);
	explicit_bzero(text, n);
	free(text);
	return list;
}

/* ---- which of them -------------------------------------------------------------------------------------------------- */

/* "alice,acme-bob=bob": the credentials of these, under these names. False: told on stderr. */
static bool
pick(const json_t *all, const char *users, json_t *out)
{
	while (*users != '\0') {
		size_t	    n = strcspn(users, ","), found = 0, i;
		const char *eq = memchr(users, '=', n);
		size_t	    old_n = eq == NULL ? n : (size_t)(eq - users);
		json_t	   *c, *old = json_stringn(users, old_n), *name = eq == NULL ? json_incref(old) : json_stringn(eq + 1, n - old_n - 1);

		json_array_foreach(all, i, c) {
			json_t *copy;

			if (!json_equal(json_object_get(c, "user"), old))
				continue;
			copy = json_copy(c);
			json_object_set(copy, "user", name);
			json_array_append_new(out, copy);
			found++;
		}
		json_decref(old);
		json_decref(name);
		if (found == 0) {
			fprintf(stderr, "alcovectl: found no SCRAM credential of the user \"%.*s\"\n", (int)old_n, users);
			return false;
		}
		users += n;
		users += *users == ',';
	}
	return true;
}

enum alv_err
ctl_import_body(const struct ctl_call *c, json_t **out)
{
	json_t *all, *picked = json_array();
	bool	good;

	*out = json_pack("{s:o}", "credentials", picked);
	if (c->opt.users == NULL || c->opt.file == NULL) {
		fprintf(stderr, "alcovectl: expected --file and --users\n");
		return ALV_E_MISSING;
	}
	all = from_file(c->opt.file);
	good = all != NULL && pick(all, c->opt.users, picked);
	json_decref(all);
	if (good && json_array_size(picked) > CREDENTIALS_MAX)
		fprintf(stderr, "alcovectl: found %zu credentials, expected at most %d at once: name fewer users\n", json_array_size(picked),
		    CREDENTIALS_MAX);
	return good && json_array_size(picked) <= CREDENTIALS_MAX ? ALV_OK : ALV_E_VALUE;
}
