/* Room for topics that are on their way. */
#include <stdlib.h>

#include "tally/book.h"

enum { PENDING_MAX = 64 };

static void
drop(struct tal_shelf *s, size_t i)
{
	s->pending[i] = s->pending[--s->npending];
}

static void
drop_late(struct tal_shelf *s, uint32_t now_s)
{
	for (size_t i = s->npending; i-- > 0;)
		if (now_s >= s->pending[i].until_s)
			drop(s, i);
}

static uint64_t
plus(uint64_t a, uint64_t b)
{
	return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

static enum tal_full
judge(const struct tal_shelf *s, struct tal_room want, struct tal_room have, struct tal_room limit)
{
	struct tal_room all = { plus(have.topics, want.topics), plus(have.partitions, want.partitions) };

	for (size_t i = 0; i < s->npending; i++) {
		all.topics = plus(all.topics, s->pending[i].room.topics);
		all.partitions = plus(all.partitions, s->pending[i].room.partitions);
	}
	if (want.topics > 0 && all.topics > limit.topics)
		return TAL_ROOM_TOPICS;
	return all.partitions > limit.partitions ? TAL_ROOM_PARTITIONS : TAL_ROOM_OK;
}

/* 0: nothing of that name is on its way. */
static uint64_t
ticket_of(const struct tal_shelf *s, uint64_t key)
{
	for (size_t i = 0; i < s->npending; i++)
		if (s->pending[i].key == key)
			return s->pending[i].ticket;
	return 0;
}

static bool
grow(struct tal_shelf *s)
{
	if (s->pending == NULL)
		s->pending = calloc(PENDING_MAX, sizeof(*s->pending));
	return s->pending != NULL && s->npending < PENDING_MAX;
}

enum tal_full
tal_room_take(struct tal_book *b, struct alv_str tenant, struct alv_str name, struct tal_room want, struct tal_room have,
    struct tal_room limit, uint32_t now_s, uint32_t life_s, uint64_t *ticket)
{
	struct tal_shelf *s = tal_shelf_take(b, tenant, true);
	uint64_t	  key = name.p == NULL ? 0 : tal_key_of(b, (struct tal_name){ ALV_STR_NULL, name });
	enum tal_full	  full = TAL_ROOM_OK;

	if (s == NULL)
		return TAL_ROOM_TOPICS;
	drop_late(s, now_s);
	*ticket = key == 0 ? 0 : ticket_of(s, key);
	if (*ticket == 0)
		full = judge(s, want, have, limit);
	if (*ticket == 0 && full == TAL_ROOM_OK && !grow(s))
		full = TAL_ROOM_TOPICS;
	if (*ticket == 0 && full == TAL_ROOM_OK) {
		*ticket = ++s->tickets;
		s->pending[s->npending++] = (struct tal_pending){ *ticket, key, want, now_s + life_s };
	}
	pthread_mutex_unlock(&s->lock);
	return full;
}

void
tal_room_give(struct tal_book *b, struct alv_str tenant, uint64_t ticket)
{
	struct tal_shelf *s = tal_shelf_take(b, tenant, false);

	if (s == NULL)
		return;
	for (size_t i = 0; i < s->npending; i++) {
		if (s->pending[i].ticket != ticket)
			continue;
		drop(s, i);
		break;
	}
	pthread_mutex_unlock(&s->lock);
}
