/* Reading tests/wire's frames, for the tests that hold the engine against them. Include after cmocka.h. */
#ifndef TEST_KAFKA_FRAMES_H
#define TEST_KAFKA_FRAMES_H

#include "kit.h"

#include <stdio.h>

struct frame {
	char			 name[64], what[32];
	int16_t			 key, version;
	enum kfk_dir		 dir;
	uint16_t		 unknown;
	const uint8_t		*body, *mapped;
	size_t			 body_n, mapped_n;
	const struct kfk_schema *schema;
};

struct file {
	uint8_t *p;
	size_t	 n, at;
};

static struct file	   file;
static const struct frame *now;
static struct kit	   kit;

#define EXPECT(e) \
	do { \
		if (!(e)) \
			fail_msg("%s %d v%d %s: %s", now->name, (int)now->key, now->version, now->what, #e); \
	} while (0)

static const uint8_t *
take(size_t n)
{
	const uint8_t *p = file.p + file.at;

	if (n > file.n - file.at)
		fail_msg("the frames file ends inside a record, at %zu", file.at);
	file.at += n;
	return p;
}

static void
take_text(char *out, size_t room)
{
	size_t n = *take(1);

	if (n >= room)
		fail_msg("a name of %zu bytes in the frames file", n);
	memcpy(out, take(n), n);
	out[n] = '\0';
}

static const struct kfk_schema *
schema_of(const struct frame *f)
{
	const struct kfk_schema *s;

	if (f->key >= 0)
		return kfk_schema_find(f->key, f->dir);
	for (size_t i = 0; (s = kfk_schema_at(i)) != NULL; i++)
		if (strcmp(s->name, f->name) == 0)
			return s;
	return NULL;
}

static void
take_frame(struct frame *f)
{
	now = f;
	take_text(f->name, sizeof(f->name));
	f->key = (int16_t)alv_be16(take(2));
	f->dir = *take(1) == 0 ? KFK_REQUEST : KFK_RESPONSE;
	f->version = (int16_t)alv_be16(take(2));
	take_text(f->what, sizeof(f->what));
	f->unknown = alv_be16(take(2));
	f->body_n = alv_be32(take(4));
	f->body = take(f->body_n);
	f->mapped_n = alv_be32(take(4));
	f->mapped = take(f->mapped_n);
	f->schema = schema_of(f);
	EXPECT(f->schema != NULL);
	EXPECT(strcmp(f->schema->name, f->name) == 0);
}

static void
each_frame(void (*check)(const struct frame *f))
{
	uint32_t count;

	if (file.p == NULL) {
		print_message("skipped: no frames (tests/wire/golden makes build/golden/frames.bin)\n");
		skip();
		return;
	}
	file.at = 0;
	if (memcmp(take(8), "ALVGOLD1", 8) != 0)
		fail_msg("not a file of golden frames");
	count = alv_be32(take(4));
	assert_true(count > 1000);
	for (uint32_t i = 0; i < count; i++) {
		struct frame f;

		take_frame(&f);
		check(&f);
		alv_arena_reset(&kit.arena);
		assert_int_equal(alv_pool_out(kit.pool), 0);
	}
	assert_int_equal(file.at, file.n);
}

/* Absent is only allowed where nobody said that it must be there. */
static int
load(void **state)
{
	const char *path = getenv("ALCOVE_GOLDEN");
	FILE	   *in = fopen(path == NULL ? "build/golden/frames.bin" : path, "rb");
	long	    n;

	(void)state;
	kit_init(&kit);
	if (in == NULL) {
		if (getenv("ALCOVE_GOLDEN_REQUIRED") != NULL)
			fprintf(stderr, "no golden frames at %s\n", path == NULL ? "build/golden/frames.bin" : path);
		return getenv("ALCOVE_GOLDEN_REQUIRED") != NULL;
	}
	if (fseek(in, 0, SEEK_END) != 0 || (n = ftell(in)) <= 0 || fseek(in, 0, SEEK_SET) != 0)
		return 1;
	file.n = (size_t)n;
	file.p = malloc(file.n);
	n = file.p != NULL && fread(file.p, 1, file.n, in) == file.n ? 0 : 1;
	fclose(in);
	return (int)n;
}

static int
unload(void **state)
{
	(void)state;
	free(file.p);
	kit_fini(&kit);
	return 0;
}

#endif
