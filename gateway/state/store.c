/* Opening and closing the file, transactions, and what the store keeps for itself.
 * Invariant: outside sto_begin/sto_commit nothing is ever written but by opening and by the probe. */
#include <alcove/check.h>
#include <alcove/clock.h>
#include <alcove/str.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include "state/store_int.h"

enum { BUSY_MS = 2000 };

/* synchronous=FULL: what was answered with "done" survives a power cut. */
static const char setup[] =
	"PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON; PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY;"
	"PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA secure_delete = ON;";

/* ---- opening ------------------------------------------------------------------------------------------ */

/* Made by us, so that nobody else can read it; SQLite gives its other files the same mode. */
static enum alv_err
make_file(struct sto_store *s)
{
	int fd = open(s->file, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0) {
		snprintf(s->words, sizeof(s->words), "%s: cannot be opened for writing: %s", s->file, strerror(errno));
		return ALV_E_STORE;
	}
	close(fd);
	return ALV_OK;
}

static enum alv_err
check_whole(struct sto_store *s)
{
	sqlite3_stmt *q = NULL;
	enum alv_err  err;

	if (sqlite3_prepare_v2(s->db, "PRAGMA quick_check(1)", -1, &q, NULL) != SQLITE_OK)
		return sto_failed(s, "checking the file");
	err = sto_step(s, q);
	if (!err && !alv_str_eqz(sto_col(q, 0), "ok")) {
		snprintf(s->words, sizeof(s->words), "%s: the file is damaged (%.200s): restore a backup", s->file,
		    sto_col(q, 0).p);
		err = ALV_E_STORE;
	}
	sqlite3_finalize(q);
	return err;
}

static enum alv_err
open_db(struct sto_store *s)
{
	if (sqlite3_open_v2(s->file, &s->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL) !=
	    SQLITE_OK)
		return sto_failed(s, "opening");
	sqlite3_busy_timeout(s->db, BUSY_MS);
	sqlite3_db_config(s->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_db_config(s->db, SQLITE_DBCONFIG_DQS_DML, 0, NULL);
	return sto_exec(s, setup);
}

static enum alv_err
make_secret(struct sto_store *s, const struct sto_place *at)
{
	uint8_t	     sealed[STO_SEALED_LEN(STO_SECRET_BYTES)];
	enum alv_err err;

	if (RAND_bytes(s->fake_secret, sizeof(s->fake_secret)) != 1)
		return ALV_E_CRYPTO;
	err = sto_seal(&s->key, at, s->fake_secret, sizeof(s->fake_secret), sealed);
	if (!err)
		err = sto_run(s, STO_SQL_SECRET_ADD, STO_Z("fake accounts"), STO_B(sealed, sizeof(sealed)), STO_Z(s->key.id));
	return err;
}

/* The first thing that is unsealed: here a wrong key shows. */
static enum alv_err
load_secret(struct sto_store *s)
{
	const struct sto_place at = { .table = "secret", .part = { ALV_STR("fake accounts") } };
	sqlite3_stmt *q = sto_query(s, STO_SQL_SECRET_GET, STO_Z("fake accounts"));
	struct alv_str sealed;
	size_t	      n;
	enum alv_err  err;

	if (q == NULL)
		return ALV_E_STORE;
	err = sto_step(s, q);
	if (!err) {
		sealed = sto_col(q, 0);
		if (sealed.n != STO_SEALED_LEN(STO_SECRET_BYTES) ||
		    sto_unseal(&s->key, &at, sealed.p, sealed.n, s->fake_secret, &n)) {
			snprintf(s->words, sizeof(s->words), "%s: found values sealed with key %.32s, expected the one in "
			    "state.key.file, which is %s", s->file, sto_col(q, 1).p == NULL ? "" : sto_col(q, 1).p, s->key.id);
			err = ALV_E_STORE;
		}
	}
	sto_done(q);
	return err == ALV_E_NOT_FOUND ? make_secret(s, &at) : err;
}

static enum alv_err
open_all(struct sto_store *s, const char *key_file, struct alv_buf *words)
{
	enum alv_err err = sto_key_load(key_file, &s->key, words);

	if (!err)
		err = sto_lock(s->file, &s->lock, words);
	if (err)
		return err;
	err = make_file(s);
	if (!err)
		err = open_db(s);
	if (!err)
		err = check_whole(s);
	if (!err)
		err = sto_migrate(s);
	if (!err)
		err = load_secret(s);
	if (err)
		alv_buf_printf(words, "%s\n", s->words[0] == '\0' ? alv_err_text(err) : s->words);
	return err;
}

enum alv_err
sto_open(const char *file, const char *key_file, struct sto_store **out, struct alv_buf *words)
{
	struct sto_store *s = calloc(1, sizeof(*s));
	enum alv_err	  err = ALV_E_NOMEM;

	*out = NULL;
	if (s == NULL)
		return err;
	s->lock = -1;
	s->file = strdup(file);
	if (s->file != NULL)
		err = open_all(s, key_file, words);
	if (err) {
		sto_close(s);
		return err;
	}
	*out = s;
	return ALV_OK;
}

void
sto_close(struct sto_store *s)
{
	if (s == NULL)
		return;
	if (s->open)
		sto_rollback(s);
	for (size_t i = 0; i < STO_SQL_COUNT; i++)
		sqlite3_finalize(s->stmt[i]);
	sqlite3_close(s->db);
	if (s->lock >= 0)
		close(s->lock);
	free(s->file);
	sto_key_wipe(&s->key);
	OPENSSL_cleanse(s->fake_secret, sizeof(s->fake_secret));
	free(s);
}

const char *
sto_words(const struct sto_store *s)
{
	return s->words;
}

struct alv_str
sto_fake_secret(const struct sto_store *s)
{
	return alv_str_make(s->fake_secret, sizeof(s->fake_secret));
}

/* ---- transactions ----------------------------------------------------------------------------------------- */

enum alv_err
sto_begin(struct sto_store *s, const struct sto_who *who)
{
	enum alv_err err;

	ALV_CHECK(!s->open);
	s->words[0] = '\0';
	err = sto_run_args(s, STO_SQL_BEGIN, NULL, 0);
	if (err)
		return err;
	s->open = true;
	s->who = *who;
	s->revision = 0;
	s->audited = 0;
	return ALV_OK;
}

enum alv_err
sto_commit(struct sto_store *s)
{
	enum alv_err err;

	ALV_CHECK(s->open);
	err = sto_run_args(s, STO_SQL_COMMIT, NULL, 0);
	if (err)
		sto_rollback(s);
	s->open = false;
	return err;
}

void
sto_rollback(struct sto_store *s)
{
	ALV_CHECK(s->open);
	/* SQLite rolled back by itself after some failures. If this fails too, the next begin will say so. */
	if (sqlite3_get_autocommit(s->db) == 0)
		sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
	s->open = false;
}

enum alv_err
sto_probe(struct sto_store *s)
{
	char text[32];

	ALV_CHECK(!s->open);
	snprintf(text, sizeof(text), "%llu", (unsigned long long)alv_wall_ms());
	return sto_run(s, STO_SQL_PROBE, STO_Z(text));
}

enum alv_err
sto_revision(struct sto_store *s, uint64_t *r)
{
	sqlite3_stmt *q;
	enum alv_err  err;

	ALV_CHECK(s->open);
	*r = s->revision;
	if (*r != 0)
		return ALV_OK;
	q = sto_query_args(s, STO_SQL_REVISION, NULL, 0);
	if (q == NULL)
		return ALV_E_STORE;
	err = sto_step(s, q);
	if (!err) {
		*r = s->revision = (uint64_t)sqlite3_column_int64(q, 0);
		err = sto_step(s, q);
		err = err == ALV_E_NOT_FOUND ? ALV_OK : ALV_E_STORE;
	}
	sto_done(q);
	return err ? ALV_E_STORE : ALV_OK;
}
