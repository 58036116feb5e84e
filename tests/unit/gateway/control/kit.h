/* What the tests of control/ share: a folder with a key, and changes with few words. */
#ifndef CONTROL_TEST_KIT_H
#define CONTROL_TEST_KIT_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <alcove/control.h>

struct kit_place {
	char dir[64], file[96], key[96];
};

static inline void
kit_place_make(struct kit_place *p)
{
	FILE *f;

	snprintf(p->dir, sizeof(p->dir), "/tmp/alcove-control-XXXXXX");
	assert_non_null(mkdtemp(p->dir));
	snprintf(p->file, sizeof(p->file), "%s/state.db", p->dir);
	snprintf(p->key, sizeof(p->key), "%s/key", p->dir);
	f = fopen(p->key, "w");
	assert_non_null(f);
	fputs("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n", f);
	fclose(f);
	assert_int_equal(chmod(p->key, 0600), 0);
}

static inline void
kit_place_drop(const struct kit_place *p)
{
	static const char *const ends[] = { "", "-wal", "-shm", "-journal", ".lock" };
	char path[128];

	for (size_t i = 0; i < ALV_COUNT(ends); i++) {
		snprintf(path, sizeof(path), "%s%s", p->file, ends[i]);
		unlink(path);
	}
	unlink(p->key);
	assert_int_equal(rmdir(p->dir), 0);
}

static inline struct con_change
kit_change(enum con_op op, const char *tenant)
{
	struct con_change c = { .op = op };

	snprintf(c.actor, sizeof(c.actor), "platform:test");
	snprintf(c.origin, sizeof(c.origin), "rest 127.0.0.1");
	snprintf(c.tenant, sizeof(c.tenant), "%s", tenant);
	return c;
}

static inline struct con_change
kit_user(enum con_op op, const char *tenant, const char *user, const char *password)
{
	struct con_change c = kit_change(op, tenant);

	snprintf(c.user, sizeof(c.user), "%s", user);
	snprintf(c.password, sizeof(c.password), "%s", password);
	c.iterations = 4096;
	return c;
}

static inline struct con_change
kit_alias(enum con_op op, const char *tenant, enum ten_kind kind, const char *virt, const char *phys)
{
	struct con_change c = kit_change(op, tenant);

	c.alias_kind = kind;
	snprintf(c.virt, sizeof(c.virt), "%s", virt);
	snprintf(c.phys, sizeof(c.phys), "%s", phys);
	return c;
}

#endif
