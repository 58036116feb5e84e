/* See tally.h. A shelf for each tenant, found by a hash and kept as long as the book; on it a set for each kind: open addressing
 * over keyed hashes of names, so that a name costs sixteen bytes however long it is.
 * Invariants: a set is at most half full; 0 is no key; a key stands no further from its home than the next free slot. */
#include <alcove/str.h>
#include <stdlib.h>
#include <sys/random.h>

#include "tally/book.h"

enum { SLOTS_MIN = 16, SLOTS_MAX = 4 * TAL_LIMIT_MAX };

struct tal_book *
tal_book_new(void)
{
	struct tal_book *b = calloc(1, sizeof(*b));

	if (b == NULL || getrandom(b->key, sizeof(b->key), 0) != (ssize_t)sizeof(b->key)) {
		free(b);
		return NULL;
	}
	pthread_mutex_init(&b->lock, NULL);
	return b;
}

void
tal_book_free(struct tal_book *b)
{
	struct tal_shelf *s;

	for (size_t i = 0; b != NULL && i < TAL_BUCKETS; i++) {
		while ((s = b->bucket[i]) != NULL) {
			b->bucket[i] = s->next;
			for (size_t k = 0; k < TAL_KINDS; k++)
				free(s->of[k].slot);
			free(s->pending);
			pthread_mutex_destroy(&s->lock);
			free(s);
		}
	}
	if (b != NULL)
		pthread_mutex_destroy(&b->lock);
	free(b);
}

/* ---- shelves ----------------------------------------------------------------------------------------- */

static struct tal_shelf *
find(struct tal_shelf *s, struct alv_str tenant)
{
	while (s != NULL && !alv_str_eq(alv_str_make(s->name, s->name_n), tenant))
		s = s->next;
	return s;
}

static struct tal_shelf *
add(struct tal_book *b, struct tal_shelf *_Atomic *at, struct alv_str tenant)
{
	struct tal_shelf *s;

	pthread_mutex_lock(&b->lock);
	s = find(*at, tenant);	/* another thread may have been quicker */
	if (s == NULL && (s = calloc(1, sizeof(*s) + tenant.n)) != NULL) {
		memcpy(s->name, tenant.p, tenant.n);
		s->name_n = tenant.n;
		pthread_mutex_init(&s->lock, NULL);
		s->next = *at;
		*at = s;
	}
	pthread_mutex_unlock(&b->lock);
	return s;
}

struct tal_shelf *
tal_shelf_take(struct tal_book *b, struct alv_str tenant, bool make)
{
	struct tal_shelf *_Atomic *at = &b->bucket[alv_hash(tenant.p, tenant.n, 0) % TAL_BUCKETS];
	struct tal_shelf	      *s = find(*at, tenant);

	if (s == NULL && make)
		s = add(b, at, tenant);
	if (s != NULL)
		pthread_mutex_lock(&s->lock);
	return s;
}

/* ---- sets --------------------------------------------------------------------------------------------- */

/* Names are their tenant's to choose, and two that had one key would be one. */
uint64_t
tal_key_of(const struct tal_book *b, struct tal_name x)
{
	const uint64_t key[] = { b->key[0] ^ alv_hash_keyed(x.within.p, x.within.n, b->key), b->key[1] };
	uint64_t       h = alv_hash_keyed(x.name.p, x.name.n, key);

	return h == 0 ? 1 : h;
}

/* Where the key is, or would go. The set has a free slot. */
static size_t
slot_of(const struct tal_set *s, uint64_t key)
{
	size_t i = key & (s->slots - 1);

	while (s->slot[i].key != 0 && s->slot[i].key != key)
		i = (i + 1) & (s->slots - 1);
	return i;
}

static bool
has(const struct tal_set *s, uint64_t key, size_t *at)
{
	if (s->slots == 0)
		return false;
	*at = slot_of(s, key);
	return s->slot[*at].key == key;
}

static bool
resize(struct tal_set *s, size_t slots)
{
	struct tal_set fresh = { .n = s->n, .slots = slots };

	fresh.slot = calloc(slots, sizeof(*fresh.slot));
	if (fresh.slot == NULL)
		return false;
	for (size_t i = 0; i < s->slots; i++)
		if (s->slot[i].key != 0)
			fresh.slot[slot_of(&fresh, s->slot[i].key)] = s->slot[i];
	free(s->slot);
	*s = fresh;
	return true;
}

static bool
put(struct tal_set *s, uint64_t key, uint32_t now_s)
{
	size_t at;

	if (s->n * 2 >= s->slots && (s->slots >= SLOTS_MAX || !resize(s, s->slots == 0 ? SLOTS_MIN : s->slots * 2)))
		return false;
	at = slot_of(s, key);
	s->slot[at] = (struct tal_slot){ .key = key, .seen_s = now_s };
	s->n++;
	return true;
}

/* The slot is free again; those behind it that would be missed move up. */
static void
take_out(struct tal_set *s, size_t at)
{
	size_t mask = s->slots - 1;

	for (size_t i = (at + 1) & mask; s->slot[i].key != 0; i = (i + 1) & mask) {
		size_t home = s->slot[i].key & mask;

		if (((i - home) & mask) < ((i - at) & mask))
			continue;	/* its home lies behind the gap */
		s->slot[at] = s->slot[i];
		at = i;
	}
	s->slot[at].key = 0;
	s->n--;
}

static void
see(struct tal_set *s, size_t at, uint32_t now_s)
{
	if (s->slot[at].seen_s < now_s)
		s->slot[at].seen_s = now_s;
}

/* What nobody saw for long goes, and with it the memory that a great many had. */
static void
sweep(struct tal_set *s, uint32_t before_s)
{
	size_t slots = SLOTS_MIN;

	for (size_t i = 0; i < s->slots;) {
		if (s->slot[i].key != 0 && (uint64_t)s->slot[i].seen_s + s->slot[i].more_s < before_s)
			take_out(s, i);		/* another one may stand here now */
		else
			i++;
	}
	while (slots < s->n * 4)
		slots *= 2;
	if (slots < s->slots)
		(void)resize(s, slots);		/* else it stays as large as it is */
}

/* ---- what is asked --------------------------------------------------------------------------------------- */

enum tal_answer
tal_admit(struct tal_book *b, struct alv_str tenant, enum tal_kind k, struct tal_name x, uint64_t limit, uint32_t now_s)
{
	struct tal_shelf *s = tal_shelf_take(b, tenant, true);
	uint64_t	  key = tal_key_of(b, x);
	enum tal_answer	  answer = TAL_FULL;
	size_t		  at;

	if (s == NULL)
		return TAL_FULL;
	if (has(&s->of[k], key, &at)) {
		see(&s->of[k], at, now_s);
		answer = TAL_KNOWN;
	} else if (s->of[k].n < limit && put(&s->of[k], key, now_s)) {
		answer = TAL_NEW;
	}
	pthread_mutex_unlock(&s->lock);
	return answer;
}

bool
tal_has(struct tal_book *b, struct alv_str tenant, enum tal_kind k, struct tal_name x)
{
	struct tal_shelf *s = tal_shelf_take(b, tenant, false);
	size_t		  at;
	bool		  there;

	if (s == NULL)
		return false;
	there = has(&s->of[k], tal_key_of(b, x), &at);
	pthread_mutex_unlock(&s->lock);
	return there;
}

void
tal_note(struct tal_book *b, struct alv_str tenant, enum tal_kind k, struct tal_name x, uint32_t now_s)
{
	struct tal_shelf *s = tal_shelf_take(b, tenant, true);
	uint64_t      key = tal_key_of(b, x);
	size_t	      at;

	if (s == NULL)
		return;
	if (has(&s->of[k], key, &at))
		see(&s->of[k], at, now_s);
	else
		(void)put(&s->of[k], key, now_s);	/* without memory it is noted the next time */
	pthread_mutex_unlock(&s->lock);
}

void
tal_lasts(struct tal_book *b, struct alv_str tenant, enum tal_kind k, struct tal_name x, uint32_t more_s)
{
	struct tal_shelf *s = tal_shelf_take(b, tenant, false);
	size_t		  at;

	if (s == NULL)
		return;
	if (has(&s->of[k], tal_key_of(b, x), &at))
		s->of[k].slot[at].more_s = (uint16_t)(more_s < UINT16_MAX ? more_s : UINT16_MAX);
	pthread_mutex_unlock(&s->lock);
}

void
tal_gone(struct tal_book *b, struct alv_str tenant, enum tal_kind k, struct tal_name x)
{
	struct tal_shelf *s = tal_shelf_take(b, tenant, false);
	size_t	      at;

	if (s == NULL)
		return;
	if (has(&s->of[k], tal_key_of(b, x), &at))
		take_out(&s->of[k], at);
	pthread_mutex_unlock(&s->lock);
}

void
tal_sweep(struct tal_book *b, enum tal_kind k, uint32_t before_s)
{
	for (size_t i = 0; i < TAL_BUCKETS; i++) {
		for (struct tal_shelf *s = b->bucket[i]; s != NULL; s = s->next) {
			pthread_mutex_lock(&s->lock);
			sweep(&s->of[k], before_s);
			pthread_mutex_unlock(&s->lock);
		}
	}
}

uint64_t
tal_count(struct tal_book *b, struct alv_str tenant, enum tal_kind k)
{
	struct tal_shelf *s = tal_shelf_take(b, tenant, false);
	uint64_t      n;

	if (s == NULL)
		return 0;
	n = s->of[k].n;
	pthread_mutex_unlock(&s->lock);
	return n;
}

/* ---- bytes ------------------------------------------------------------------------------------------------ */

void
tal_bytes_add(struct tal_book *b, struct alv_str tenant, uint64_t bytes)
{
	struct tal_shelf *s = tal_shelf_take(b, tenant, true);

	if (s == NULL)
		return;
	s->adding = bytes > UINT64_MAX - s->adding ? UINT64_MAX : s->adding + bytes;
	pthread_mutex_unlock(&s->lock);
}

void
tal_bytes_end(struct tal_book *b, bool whole)
{
	for (size_t i = 0; i < TAL_BUCKETS; i++) {
		for (struct tal_shelf *s = b->bucket[i]; s != NULL; s = s->next) {
			pthread_mutex_lock(&s->lock);
			if (whole)
				s->bytes = s->adding;
			s->adding = 0;
			pthread_mutex_unlock(&s->lock);
		}
	}
}

uint64_t
tal_bytes(struct tal_book *b, struct alv_str tenant)
{
	struct tal_shelf *s = tal_shelf_take(b, tenant, false);
	uint64_t      n;

	if (s == NULL)
		return 0;
	n = s->bytes;
	pthread_mutex_unlock(&s->lock);
	return n;
}
