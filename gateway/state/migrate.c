/* The schema, as a list of numbered steps that only grows. Each runs once, in a transaction of its own; the number of
 * the last is the file's user_version. Steps that were released are never changed. */
#include <alcove/clock.h>
#include <alcove/str.h>

#include <stdio.h>
#include <stdlib.h>

#include "state/store_int.h"

/* "ALCV": what file(1) and we recognise the file by. */
#define APPLICATION_ID "1095517014"

struct migration {
	const char *name, *sql;
};

static const struct migration migrations[] = {
	{ "tenants, users, aliases, rules, audit",
	    "PRAGMA application_id = " APPLICATION_ID ";"
	    "CREATE TABLE migration (version INTEGER PRIMARY KEY, name TEXT NOT NULL, applied_ms INTEGER NOT NULL) STRICT;"
	    "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;"
	    "CREATE TABLE counter (name TEXT PRIMARY KEY, n INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
	    "CREATE TABLE secret (name TEXT PRIMARY KEY, sealed BLOB NOT NULL, key_id TEXT NOT NULL) STRICT, WITHOUT ROWID;"
	    "CREATE TABLE tenant (id TEXT PRIMARY KEY, display_name TEXT NOT NULL,"
	    " state INTEGER NOT NULL CHECK (state IN (0, 1, 2)), purging INTEGER NOT NULL CHECK (purging IN (0, 1)),"
	    " cluster_id TEXT NOT NULL UNIQUE, revision INTEGER NOT NULL, created_ms INTEGER NOT NULL,"
	    " changed_ms INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
	    "CREATE TABLE user (tenant TEXT NOT NULL REFERENCES tenant ON DELETE CASCADE, name TEXT NOT NULL,"
	    " enabled INTEGER NOT NULL CHECK (enabled IN (0, 1)), revision INTEGER NOT NULL,"
	    " keys_revision INTEGER NOT NULL, PRIMARY KEY (tenant, name)) STRICT, WITHOUT ROWID;"
	    "CREATE TABLE scram (tenant TEXT NOT NULL, user TEXT NOT NULL, mechanism INTEGER NOT NULL,"
	    " iterations INTEGER NOT NULL, salt BLOB NOT NULL, sealed BLOB NOT NULL, key_id TEXT NOT NULL,"
	    " PRIMARY KEY (tenant, user, mechanism),"
	    " FOREIGN KEY (tenant, user) REFERENCES user ON DELETE CASCADE) STRICT, WITHOUT ROWID;"
	    "CREATE TABLE alias (tenant TEXT NOT NULL REFERENCES tenant ON DELETE CASCADE,"
	    " kind INTEGER NOT NULL CHECK (kind IN (0, 1, 2)), virt TEXT NOT NULL, phys TEXT NOT NULL,"
	    " writable INTEGER NOT NULL CHECK (writable IN (0, 1)), PRIMARY KEY (tenant, kind, virt),"
	    " UNIQUE (tenant, kind, phys)) STRICT, WITHOUT ROWID;"
	    "CREATE TABLE rule (n INTEGER PRIMARY KEY, tenant TEXT NOT NULL REFERENCES tenant ON DELETE CASCADE,"
	    " resource INTEGER NOT NULL, pattern INTEGER NOT NULL, name TEXT NOT NULL, principal TEXT NOT NULL,"
	    " host TEXT NOT NULL, op INTEGER NOT NULL, permission INTEGER NOT NULL,"
	    " UNIQUE (tenant, resource, pattern, name, principal, host, op, permission)) STRICT;"
	    "CREATE TABLE audit (n INTEGER PRIMARY KEY AUTOINCREMENT, time_ms INTEGER NOT NULL, actor TEXT NOT NULL,"
	    " origin TEXT NOT NULL, what TEXT NOT NULL, tenant TEXT NOT NULL, object TEXT NOT NULL,"
	    " before TEXT, after TEXT) STRICT;"
	    "CREATE INDEX audit_by_tenant ON audit (tenant, n);"
	    "INSERT INTO counter VALUES ('revision', 0);"
	    "INSERT INTO meta VALUES ('probe', '');" },
	{ "host names of tenants",
	    "CREATE TABLE host_name (tenant TEXT NOT NULL REFERENCES tenant ON DELETE CASCADE, n INTEGER NOT NULL,"
	    " bootstrap TEXT NOT NULL UNIQUE, node_pattern TEXT NOT NULL UNIQUE, PRIMARY KEY (tenant, n)) STRICT, WITHOUT ROWID;" },
	/* Until here every tenant had six rules by which its users may do all. That is the authorizer "none" (1) now, so none
	 * loses a right by it; rules are ACLs from here on. */
	{ "authorizers, super users",
	    "ALTER TABLE tenant ADD COLUMN authorizer INTEGER NOT NULL DEFAULT 1 CHECK (authorizer IN (0, 1));"
	    "ALTER TABLE tenant ADD COLUMN everyone INTEGER NOT NULL DEFAULT 0 CHECK (everyone IN (0, 1));"
	    "CREATE TABLE super_user (tenant TEXT NOT NULL REFERENCES tenant ON DELETE CASCADE, principal TEXT NOT NULL,"
	    " PRIMARY KEY (tenant, principal)) STRICT, WITHOUT ROWID;"
	    "DELETE FROM rule;" },
	{ "topics that are created by being asked for",
	    "ALTER TABLE tenant ADD COLUMN auto_create INTEGER NOT NULL DEFAULT 0 CHECK (auto_create IN (0, 1));"
	    "ALTER TABLE tenant ADD COLUMN auto_partitions INTEGER NOT NULL DEFAULT -1;"
	    "ALTER TABLE tenant ADD COLUMN auto_replication INTEGER NOT NULL DEFAULT -1;" },
	{ "quotas",
	    "CREATE TABLE quota (tenant TEXT NOT NULL REFERENCES tenant ON DELETE CASCADE,"
	    " kind INTEGER NOT NULL CHECK (kind IN (0, 1, 2, 3)), match INTEGER NOT NULL CHECK (match IN (0, 1, 2, 3)),"
	    " name TEXT NOT NULL, match2 INTEGER NOT NULL CHECK (match2 IN (0, 1, 2)), name2 TEXT NOT NULL, key TEXT NOT NULL,"
	    " value REAL NOT NULL, PRIMARY KEY (tenant, kind, match, name, match2, name2, key)) STRICT, WITHOUT ROWID;" },
	{ "groups of users",
	    "ALTER TABLE user ADD COLUMN groups_revision INTEGER NOT NULL DEFAULT 0;"
	    "CREATE TABLE user_group (tenant TEXT NOT NULL, user TEXT NOT NULL, name TEXT NOT NULL,"
	    " PRIMARY KEY (tenant, user, name),"
	    " FOREIGN KEY (tenant, user) REFERENCES user ON DELETE CASCADE) STRICT, WITHOUT ROWID;" },
	/* Until here only the origin said that a change came by Kafka's apis. */
	{ "audit of native changes, bounded",
	    "ALTER TABLE audit ADD COLUMN native INTEGER NOT NULL DEFAULT 0 CHECK (native IN (0, 1));"
	    "UPDATE audit SET native = 1 WHERE substr(origin, 1, 6) = 'kafka ';"
	    "CREATE INDEX audit_native_by_tenant ON audit (tenant, n) WHERE native = 1;"
	    "CREATE TABLE audit_native (tenant TEXT PRIMARY KEY, kept INTEGER NOT NULL, dropped INTEGER NOT NULL,"
	    " dropped_ms INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
	    "INSERT INTO audit_native SELECT tenant, count(*), 0, 0 FROM audit WHERE native = 1 GROUP BY tenant;" },
};

static enum alv_err
ask_number(struct sto_store *s, const char *sql, int64_t *out)
{
	sqlite3_stmt *q = NULL;
	enum alv_err  err;

	if (sqlite3_prepare_v2(s->db, sql, -1, &q, NULL) != SQLITE_OK)
		return sto_failed(s, "reading the file");
	err = sto_step(s, q);
	if (!err)
		*out = sqlite3_column_int64(q, 0);
	sqlite3_finalize(q);
	return err;
}

static enum alv_err
apply(struct sto_store *s, size_t i)
{
	char	     text[256];
	enum alv_err err;

	/* The names are ours: no quotes in them. */
	snprintf(text, sizeof(text), "INSERT INTO migration VALUES (%zu, '%s', %llu); PRAGMA user_version = %zu;", i + 1,
	    migrations[i].name, (unsigned long long)alv_wall_ms(), i + 1);
	err = sto_exec(s, "BEGIN EXCLUSIVE");
	if (!err)
		err = sto_exec(s, migrations[i].sql);
	if (!err)
		err = sto_exec(s, text);
	if (!err)
		err = sto_exec(s, "COMMIT");
	if (err && sqlite3_get_autocommit(s->db) == 0)
		sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
	return err;
}

enum alv_err
sto_migrate(struct sto_store *s)
{
	int64_t	     version = 0, id = 0, tables = 0;
	enum alv_err err = ask_number(s, "PRAGMA user_version", &version);

	if (!err)
		err = ask_number(s, "PRAGMA application_id", &id);
	if (!err)
		err = ask_number(s, "SELECT count(*) FROM sqlite_schema", &tables);
	if (err)
		return err;
	if (tables > 0 && id != strtoll(APPLICATION_ID, NULL, 10)) {
		snprintf(s->words, sizeof(s->words), "%s: found a database of another program (application id %lld), expected "
		    "Alcove's or no file", s->file, (long long)id);
		return ALV_E_STORE;
	}
	if (version < 0 || version > (int64_t)ALV_COUNT(migrations)) {
		snprintf(s->words, sizeof(s->words), "%s: found schema version %lld, expected at most %zu: a newer Alcove wrote "
		    "it; use that one, or restore a backup", s->file, (long long)version, ALV_COUNT(migrations));
		return ALV_E_STORE;
	}
	for (size_t i = (size_t)version; !err && i < ALV_COUNT(migrations); i++)
		err = apply(s, i);
	return err;
}
