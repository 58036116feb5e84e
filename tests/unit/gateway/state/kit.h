/* What the tests of state/ share: a folder with a key, a store in it, its rows by SQL. */
#ifndef STATE_TEST_KIT_H
#define STATE_TEST_KIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include <alcove/str.h>

#include "state/store_int.h"

static const struct sto_who who = { .actor = "platform:ops", .origin = "rest 127.0.0.1" };

struct place {
	char dir[64], file[96], key[96];
};

static inline void
write_file(const char *path, const char *text, size_t n)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, n, f), n);
	fclose(f);
}

static inline int
make_place(void **state)
{
	struct place *p = calloc(1, sizeof(*p));

	snprintf(p->dir, sizeof(p->dir), "/tmp/alcove-store-XXXXXX");
	assert_non_null(mkdtemp(p->dir));
	snprintf(p->file, sizeof(p->file), "%s/state.db", p->dir);
	snprintf(p->key, sizeof(p->key), "%s/key", p->dir);
	write_file(p->key, "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n", 45);
	assert_int_equal(chmod(p->key, 0600), 0);
	*state = p;
	return 0;
}

static inline int
drop_place(void **state)
{
	static const char *const ends[] = { "", "-wal", "-shm", "-journal", ".lock" };
	struct place *p = *state;
	char	      path[128];

	for (size_t i = 0; i < ALV_COUNT(ends); i++) {
		snprintf(path, sizeof(path), "%s%s", p->file, ends[i]);
		unlink(path);
	}
	unlink(p->key);
	assert_int_equal(rmdir(p->dir), 0);
	free(p);
	return 0;
}

static inline struct sto_store *
open_store(const struct place *p)
{
	struct sto_store *s;
	struct alv_buf	  words;

	alv_buf_init(&words, 4096);
	if (sto_open(p->file, p->key, &s, &words))
		fail_msg("%.*s", (int)words.n, (const char *)words.p);
	alv_buf_fini(&words);
	return s;
}

static inline uint64_t
add_tenant(struct sto_store *s, const char *id)
{
	struct sto_tenant t = { .state = POL_ACTIVE };

	snprintf(t.id, sizeof(t.id), "%s", id);
	snprintf(t.display_name, sizeof(t.display_name), "The %s \"team\"", id);
	assert_int_equal(sto_begin(s, &who), ALV_OK);
	assert_int_equal(sto_tenant_add(s, &t), ALV_OK);
	assert_int_equal(sto_commit(s), ALV_OK);
	return t.revision;
}

/* The first column of the first row, "" where it is NULL or there is none; a static. */
static inline char *
ask(struct sto_store *s, const char *sql)
{
	static char   out[4096];
	sqlite3_stmt *q;

	assert_int_equal(sqlite3_prepare_v2(s->db, sql, -1, &q, NULL), SQLITE_OK);
	out[0] = '\0';
	if (sqlite3_step(q) == SQLITE_ROW && sqlite3_column_text(q, 0) != NULL)
		snprintf(out, sizeof(out), "%s", (const char *)sqlite3_column_text(q, 0));
	sqlite3_finalize(q);
	return out;
}

#define T(f) cmocka_unit_test_setup_teardown(f, make_place, drop_place)

#endif
