/* Reading Metadata by a walk, not into a tree: with 100,000 partitions a tree is hundreds of megabytes, of which only names,
 * ids and counts are wanted.
 * Invariant: what leaves here is plausible: hosts and names within their lengths, ports and ids in range; everything else
 * made the whole answer fail. */
#include "upstream/meta.h"

#include <alcove/str.h>
#include <alcove/tenant.h>

#include <stdlib.h>

#include "kafka/gen/field_ids.h"

enum { HOST_MAX = 255, CLUSTER_ID_MAX = 128 };

void
ups_meta_ask(struct kfk_tree *t, struct alv_arena *a, const struct alv_uuid *id, size_t n)
{
	struct kfk_node *topics;

	kfk_tree_init(t, kfk_schema_find(KFK_API_METADATA, KFK_REQUEST), UPS_METADATA_VERSION, a);
	kfk_set_int(t, &t->root, KFK_METADATA_REQUEST_ALLOW_AUTO_TOPIC_CREATION, 0);
	if (n == 0) {
		kfk_set_null(t, &t->root, KFK_METADATA_REQUEST_TOPICS);
		return;
	}
	topics = kfk_set_empty(t, &t->root, KFK_METADATA_REQUEST_TOPICS);
	for (size_t i = 0; i < n; i++) {
		struct kfk_node *e = kfk_add(t, topics);

		kfk_set_uuid(t, e, KFK_METADATA_REQUEST_TOPICS_TOPIC_ID, id[i]);
		kfk_set_null(t, e, KFK_METADATA_REQUEST_TOPICS_NAME);
	}
}

void
ups_meta_ask_brokers(struct kfk_tree *t, struct alv_arena *a)
{
	kfk_tree_init(t, kfk_schema_find(KFK_API_METADATA, KFK_REQUEST), UPS_METADATA_VERSION, a);
	kfk_set_int(t, &t->root, KFK_METADATA_REQUEST_ALLOW_AUTO_TOPIC_CREATION, 0);
	(void)kfk_set_empty(t, &t->root, KFK_METADATA_REQUEST_TOPICS);
}

/* Room for one more; the arrays of topics and codes grow together. */
static bool
grow(void **p, size_t *cap, size_t n, size_t size, size_t max)
{
	size_t want = *cap == 0 ? 16 : *cap * 2;
	void  *more;

	if (n < *cap)
		return true;
	if (n >= max)
		return false;
	more = reallocarray(*p, want, size);
	if (more == NULL)
		return false;
	*p = more;
	*cap = want;
	return true;
}

static void
on_element(void *arg, uint16_t id, int32_t index)
{
	struct ups_meta *m = arg;
	size_t		 codes_cap = m->topics_cap;
	bool		 ok = true;

	(void)index;
	if (id == KFK_METADATA_RESPONSE_BROKERS) {
		ok = grow((void **)&m->brokers, &m->brokers_cap, m->nbrokers, sizeof(*m->brokers), UPS_BROKERS_MAX);
		if (ok)
			m->brokers[m->nbrokers++] = (struct clu_broker){ .id = -1 };
	} else if (id == KFK_METADATA_RESPONSE_TOPICS) {
		ok = grow((void **)&m->codes, &codes_cap, m->ntopics, sizeof(*m->codes), UPS_TOPICS_MAX) &&
		    grow((void **)&m->topics, &m->topics_cap, m->ntopics, sizeof(*m->topics), UPS_TOPICS_MAX);
		if (ok) {
			m->codes[m->ntopics] = 0;
			m->topics[m->ntopics++] = (struct clu_topic){ .name = ALV_STR_NULL };
		}
	}
	if (!ok && !m->err)
		m->err = ALV_E_LIMIT;
}

static struct alv_str
keep(struct ups_meta *m, const struct kfk_value *v, size_t max)
{
	struct alv_str s;

	if (v->is_null)
		return ALV_STR_NULL;
	if (v->s.n > max)
		m->err = ALV_E_VALUE;
	if (m->err)
		return ALV_STR_NULL;
	s = alv_arena_str(&m->arena, v->s);
	if (s.p == NULL)
		m->err = ALV_E_LIMIT;
	return s;
}

static int64_t
within(struct ups_meta *m, int64_t i, int64_t lo, int64_t hi)
{
	if (i < lo || i > hi)
		m->err = ALV_E_VALUE;
	return i;
}

static void
broker_field(struct ups_meta *m, struct clu_broker *b, uint16_t id, const struct kfk_value *v)
{
	switch (id) {
	case KFK_METADATA_RESPONSE_BROKERS_NODE_ID:
		b->id = (int32_t)within(m, v->i, 0, INT32_MAX);
		break;
	case KFK_METADATA_RESPONSE_BROKERS_HOST:
		b->host = keep(m, v, HOST_MAX);
		if (b->host.n == 0 || (b->host.p != NULL && memchr(b->host.p, '\0', b->host.n) != NULL))
			m->err = ALV_E_VALUE;
		break;
	case KFK_METADATA_RESPONSE_BROKERS_PORT:
		b->port = (uint16_t)within(m, v->i, 1, UINT16_MAX);
		break;
	case KFK_METADATA_RESPONSE_BROKERS_RACK:
		b->rack = keep(m, v, INT16_MAX);
		break;
	default:
		break;
	}
}

static void
topic_field(struct ups_meta *m, size_t at, uint16_t id, const struct kfk_value *v)
{
	struct clu_topic *t = &m->topics[at];

	switch (id) {
	case KFK_METADATA_RESPONSE_TOPICS_ERROR_CODE:
		m->codes[at] = (int16_t)v->i;
		break;
	case KFK_METADATA_RESPONSE_TOPICS_NAME:
		t->name = keep(m, v, TEN_TOPIC_MAX);
		break;
	case KFK_METADATA_RESPONSE_TOPICS_TOPIC_ID:
		t->id = v->id;
		break;
	case KFK_METADATA_RESPONSE_TOPICS_IS_INTERNAL:
		t->internal = v->i != 0;
		break;
	default:
		break;
	}
}

static enum kfk_do
on_field(void *arg, uint16_t id, const struct kfk_field *f, struct kfk_value *v)
{
	struct ups_meta *m = arg;

	(void)f;
	if (m->err)
		;
	else if (id == KFK_METADATA_RESPONSE_CLUSTER_ID)
		m->cluster_id = keep(m, v, CLUSTER_ID_MAX);
	else if (id == KFK_METADATA_RESPONSE_CONTROLLER_ID)
		m->controller_id = (int32_t)v->i;
	else if (id == KFK_METADATA_RESPONSE_ERROR_CODE)
		m->code = (int16_t)v->i;
	else if (id >= KFK_METADATA_RESPONSE_BROKERS_NODE_ID && id <= KFK_METADATA_RESPONSE_BROKERS_RACK)
		broker_field(m, &m->brokers[m->nbrokers - 1], id, v);
	else if (m->ntopics > 0)
		topic_field(m, m->ntopics - 1, id, v);
	if (!m->err)
		return KFK_KEEP;
	v->i = m->err;
	return KFK_STOP;
}

static enum kfk_do
on_array(void *arg, uint16_t id, int32_t n)
{
	struct ups_meta *m = arg;

	if (id == KFK_METADATA_RESPONSE_TOPICS_PARTITIONS && !m->err)
		m->topics[m->ntopics - 1].partitions = n < 0 ? 0 : n;
	return KFK_KEEP;
}

static bool
ids_are_distinct(const struct ups_meta *m)
{
	for (size_t i = 0; i < m->nbrokers; i++) {
		for (size_t k = 0; k < i; k++) {
			if (m->brokers[k].id == m->brokers[i].id)
				return false;
		}
	}
	return m->nbrokers > 0;
}

enum alv_err
ups_meta_read(struct ups_meta *m, const struct alv_chain *body)
{
	static const struct kfk_visitor visitor = { .field = on_field, .array_begin = on_array, .element = on_element };
	const uint64_t kinds = 1ull << KFK_KIND_NONE | 1ull << KFK_KIND_TOPIC_NAME | 1ull << KFK_KIND_TOPIC_ID |
	    1ull << KFK_KIND_BROKER_ID | 1ull << KFK_KIND_HOST | 1ull << KFK_KIND_PORT | 1ull << KFK_KIND_RACK |
	    1ull << KFK_KIND_CLUSTER_ID | 1ull << KFK_KIND_ERROR_CODE;
	const struct kfk_plan *plan;
	struct alv_arena       scratch;
	struct kfk_walk	       w;
	enum alv_err	       err = ALV_E_NOMEM;

	*m = (struct ups_meta){ .controller_id = -1 };
	alv_arena_init(&m->arena, UPS_META_BYTES_MAX);
	plan = kfk_plan_get(kfk_schema_find(KFK_API_METADATA, KFK_RESPONSE), UPS_METADATA_VERSION, kinds);
	if (plan == NULL)
		return err;
	alv_arena_init(&scratch, UPS_META_BYTES_MAX);
	err = kfk_walk_init(&w, plan, &visitor, m, NULL, &scratch);
	if (!err) {
		err = kfk_walk_chain(&w, body);
		kfk_walk_fini(&w);
	}
	alv_arena_fini(&scratch);
	if (!err)
		err = m->err;
	if (!err && !ids_are_distinct(m))
		err = ALV_E_VALUE;
	return err;
}

void
ups_meta_fini(struct ups_meta *m)
{
	alv_arena_fini(&m->arena);
	free(m->brokers);
	free(m->topics);
	free(m->codes);
	*m = (struct ups_meta){ .controller_id = -1 };
}
