/* See hosts.h. Sets of WAYS places, each set under one of LOCKS locks.
 * Invariant: a place is one member's for as long as it is the newest WAYS of its set. */
#include "api/counts.h"
#include "api/hosts.h"
#include "api/readers.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/random.h>

enum { WAYS = 8, SETS = 8192, LOCKS = 16, HOST_MAX = 46 };

struct place {
	struct api_host_key key;
	uint32_t	    seen_s;
	char		    host[HOST_MAX];	/* "": nobody's */
};

struct api_hosts {
	uint64_t	seed[2];
	pthread_mutex_t lock[LOCKS];
	struct place   *places;	/* touched as they are needed */
};

struct api_hosts *
api_hosts_new(void)
{
	struct api_hosts *h = calloc(1, sizeof(*h));

	if (h == NULL || (h->places = calloc((size_t)SETS * WAYS, sizeof(*h->places))) == NULL ||
	    getrandom(h->seed, sizeof(h->seed), 0) != (ssize_t)sizeof(h->seed)) {
		if (h != NULL)
			free(h->places);
		free(h);
		return NULL;
	}
	for (size_t i = 0; i < LOCKS; i++)
		pthread_mutex_init(&h->lock[i], NULL);
	return h;
}

void
api_hosts_free(struct api_hosts *h)
{
	if (h == NULL)
		return;
	for (size_t i = 0; i < LOCKS; i++)
		pthread_mutex_destroy(&h->lock[i]);
	free(h->places);
	free(h);
}

static uint64_t
hash(uint64_t seed, struct alv_str tenant, struct alv_str group, struct alv_str member)
{
	seed = alv_hash(tenant.p, tenant.n, seed);
	seed = alv_hash(group.p, group.n, seed);
	return alv_hash(member.p, member.n, seed);
}

struct api_host_key
api_hosts_key(const struct api_hosts *h, struct alv_str tenant, struct alv_str group, struct alv_str member)
{
	return (struct api_host_key){ hash(h->seed[0], tenant, group, member), hash(h->seed[1], tenant, group, member) };
}

/* The key's own place; NULL: it has none. *oldest: where it would go. */
static struct place *
look(struct api_hosts *h, struct api_host_key key, struct place **oldest)
{
	struct place *set = h->places + key.a % SETS * WAYS;

	*oldest = set;
	for (struct place *p = set; p < set + WAYS; p++) {
		if (p->host[0] != '\0' && p->key.a == key.a && p->key.b == key.b)
			return p;
		if ((*oldest)->host[0] != '\0' && (p->host[0] == '\0' || p->seen_s < (*oldest)->seen_s))
			*oldest = p;
	}
	return NULL;
}

static pthread_mutex_t *
lock_of(struct api_hosts *h, struct api_host_key key)
{
	return &h->lock[key.a % SETS % LOCKS];
}

void
api_hosts_note(struct api_hosts *h, struct api_host_key key, const char *host, uint32_t now_s)
{
	struct place *p, *oldest;
	size_t	      n = strlen(host);

	if (n == 0 || n >= HOST_MAX)
		return;
	pthread_mutex_lock(lock_of(h, key));
	p = look(h, key, &oldest);
	if (p == NULL)
		p = oldest;
	p->key = key;
	p->seen_s = now_s;
	memcpy(p->host, host, n + 1);
	pthread_mutex_unlock(lock_of(h, key));
}

bool
api_hosts_find(struct api_hosts *h, struct api_host_key key, char host[static 46])
{
	struct place *p, *oldest;

	pthread_mutex_lock(lock_of(h, key));
	p = look(h, key, &oldest);
	if (p != NULL)
		memcpy(host, p->host, HOST_MAX);
	pthread_mutex_unlock(lock_of(h, key));
	return p != NULL;
}

/* ---- in handlers ---------------------------------------------------------------------------------------- */

#define MEMBER(key, api) { key, KFK_##api##_REQUEST_GROUP_ID, KFK_##api##_REQUEST_MEMBER_ID, KFK_##api##_RESPONSE_ERROR_CODE }

static const struct {
	int16_t	 key;
	uint16_t group, member, error;
} says[] = {
	MEMBER(KFK_API_SYNC_GROUP, SYNC_GROUP),
	MEMBER(KFK_API_HEARTBEAT, HEARTBEAT),
	MEMBER(KFK_API_CONSUMER_GROUP_HEARTBEAT, CONSUMER_GROUP_HEARTBEAT),
	MEMBER(KFK_API_SHARE_GROUP_HEARTBEAT, SHARE_GROUP_HEARTBEAT),
	MEMBER(KFK_API_STREAMS_GROUP_HEARTBEAT, STREAMS_GROUP_HEARTBEAT),
};

static struct api_hosts *
hosts_of(const struct api_call *c)
{
	return c->conn->w->shared->hosts;
}

void
api_host_asks(struct api_call *c, const struct kfk_tree *q)
{
	struct api_hosts *h = hosts_of(c);

	for (size_t i = 0; i < ALV_COUNT(says); i++) {
		struct alv_str member;

		if (says[i].key != c->hdr.key)
			continue;
		member = kfk_get_str(q, &q->root, says[i].member);
		api_reader_asks(c, kfk_get_str(q, &q->root, says[i].group), member);
		if (h == NULL || member.n == 0)
			return;	/* it has none yet */
		api_memo(c)->host = alv_arena_alloc(&c->arena, sizeof(*api_memo(c)->host));
		if (api_memo(c)->host != NULL)	/* else it is nobody's */
			*api_memo(c)->host = api_hosts_key(h, alv_str_of(c->conn->tenant), kfk_get_str(q, &q->root, says[i].group), member);
	}
}

enum api_result
api_member_response(struct api_call *c, struct kfk_tree *r)
{
	enum api_result result;

	api_count_heartbeat_answer(c, r);
	if (!api_unmap(c, r, &result))
		return result;
	for (size_t i = 0; i < ALV_COUNT(says); i++) {
		if (says[i].key != c->hdr.key)
			continue;
		if (api_memo(c)->host != NULL && kfk_get_int(r, &r->root, says[i].error) == 0)
			api_hosts_note(hosts_of(c), *api_memo(c)->host, c->conn->host, (uint32_t)(c->conn->w->now_us / 1000000));
		api_reader_answered(c, r, kfk_get_int(r, &r->root, says[i].error));
	}
	return api_answer(c, r);
}

void
api_host_tells(struct api_call *c, struct kfk_tree *r, const struct api_group_list *l)
{
	struct api_hosts      *h = hosts_of(c);
	const struct kfk_node *groups = kfk_get(&r->root, l->r_groups);

	for (const struct kfk_node *g = h == NULL || groups == NULL ? NULL : groups->kids; g != NULL; g = g->next) {
		const struct kfk_node *members = kfk_get(g, l->r_members);

		for (struct kfk_node *m = members == NULL ? NULL : members->kids; m != NULL; m = m->next) {
			struct api_host_key key = api_hosts_key(h, alv_str_of(c->conn->tenant), kfk_get_str(r, g, l->r_group),
			    kfk_get_str(r, m, l->r_member));
			struct alv_str text;
			char	       host[46];

			if (!api_hosts_find(h, key, host))
				continue;
			text = alv_arena_printf(&c->arena, "/%s", host);
			if (text.p != NULL)
				kfk_set_str(r, m, l->r_host, text);
		}
	}
}
