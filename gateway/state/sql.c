/* Running statements. Every failure of SQLite passes here and becomes words; nothing of it is ever ignored. */
#include <alcove/check.h>
#include <alcove/str.h>

#include <stdio.h>

#include "state/store_int.h"

static const char *const texts[STO_SQL_COUNT] = {
#define SQL(name, text) [STO_SQL_##name] = text,
#include "state/sql.def"
#undef SQL
};

/* What an operator can do about it. */
static const char *
advice(int rc)
{
	switch (rc & 0xff) {
	case SQLITE_FULL: return " (the disk or the quota is full: free space; changes are refused until then)";
	case SQLITE_READONLY: return " (the file or its directory cannot be written)";
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB: return " (the file is damaged or not a database: restore a backup)";
	case SQLITE_BUSY: return " (another program holds the database)";
	case SQLITE_IOERR: return " (reading or writing failed: look at the disk)";
	default: return "";
	}
}

enum alv_err
sto_failed(struct sto_store *s, const char *doing)
{
	int rc = s->db == NULL ? SQLITE_NOMEM : sqlite3_extended_errcode(s->db);

	snprintf(s->words, sizeof(s->words), "%s: %s: %s%s", s->file, doing, s->db == NULL ? "out of memory" : sqlite3_errmsg(s->db),
	    advice(rc));
	return ALV_E_STORE;
}

enum alv_err
sto_exec(struct sto_store *s, const char *sql)
{
	return sqlite3_exec(s->db, sql, NULL, NULL, NULL) == SQLITE_OK ? ALV_OK : sto_failed(s, "statement");
}

static int
bind_one(sqlite3_stmt *q, int at, const struct sto_arg *a)
{
	if (a->type == STO_ARG_INT)
		return sqlite3_bind_int64(q, at, a->i);
	if (a->type == STO_ARG_REAL)
		return sqlite3_bind_double(q, at, a->r);
	if (a->s.p == NULL)
		return sqlite3_bind_null(q, at);
	if (a->type == STO_ARG_BLOB)
		return sqlite3_bind_blob64(q, at, a->s.p, a->s.n, SQLITE_TRANSIENT);
	return sqlite3_bind_text64(q, at, a->s.p, a->s.n, SQLITE_TRANSIENT, SQLITE_UTF8);
}

sqlite3_stmt *
sto_query_args(struct sto_store *s, enum sto_sql which, const struct sto_arg *arg, size_t n)
{
	sqlite3_stmt **q = &s->stmt[which];

	if (*q == NULL && sqlite3_prepare_v3(s->db, texts[which], -1, SQLITE_PREPARE_PERSISTENT, q, NULL) != SQLITE_OK) {
		sto_failed(s, "preparing a statement");
		return NULL;
	}
	ALV_CHECK(!sqlite3_stmt_busy(*q));
	ALV_CHECK((int)n == sqlite3_bind_parameter_count(*q));
	for (size_t i = 0; i < n; i++) {
		if (bind_one(*q, (int)i + 1, &arg[i]) != SQLITE_OK) {
			sto_failed(s, "binding a value");
			sto_done(*q);
			return NULL;
		}
	}
	return *q;
}

enum alv_err
sto_step(struct sto_store *s, sqlite3_stmt *q)
{
	int rc = sqlite3_step(q);

	if (rc == SQLITE_ROW)
		return ALV_OK;
	return rc == SQLITE_DONE ? ALV_E_NOT_FOUND : sto_failed(s, "statement");
}

void
sto_done(sqlite3_stmt *q)
{
	sqlite3_reset(q);
	sqlite3_clear_bindings(q);
}

enum alv_err
sto_run_args(struct sto_store *s, enum sto_sql which, const struct sto_arg *arg, size_t n)
{
	sqlite3_stmt *q = sto_query_args(s, which, arg, n);
	enum alv_err  err;

	if (q == NULL)
		return ALV_E_STORE;
	do
		err = sto_step(s, q);
	while (!err);
	sto_done(q);
	return err == ALV_E_NOT_FOUND ? ALV_OK : err;
}

struct alv_str
sto_col(sqlite3_stmt *q, int i)
{
	const void *p = sqlite3_column_type(q, i) == SQLITE_BLOB ? sqlite3_column_blob(q, i) :
	    (const void *)sqlite3_column_text(q, i);
	int n = sqlite3_column_bytes(q, i);

	/* An empty blob has no address. */
	if (p == NULL && sqlite3_column_type(q, i) != SQLITE_NULL)
		p = "";
	return alv_str_make(p, p == NULL ? 0 : (size_t)n);
}

enum alv_err
sto_col_copy(struct sto_store *s, sqlite3_stmt *q, int i, char *out, size_t cap)
{
	struct alv_str v = sto_col(q, i);

	if (v.p == NULL || v.n >= cap || memchr(v.p, '\0', v.n) != NULL) {
		snprintf(s->words, sizeof(s->words), "%s: column %s holds what Alcove did not write", s->file,
		    sqlite3_column_name(q, i));
		return ALV_E_STORE;
	}
	memcpy(out, v.p, v.n);
	out[v.n] = '\0';
	return ALV_OK;
}
