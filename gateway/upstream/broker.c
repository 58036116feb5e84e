/* The brokers of the cluster and what each of them offers (ApiVersions). What all of them offer is what tenants may
 * be offered: a client may be sent to any of them.
 * Invariant: f->brokers are those of the last Metadata that was taken, sorted by id; a record that left the list while
 * its question is under way frees itself when the answer comes. */
#include "upstream/follower_state.h"

#include <alcove/str.h>

#include <stdlib.h>

#include "kafka/gen/field_ids.h"

enum { API_VERSIONS_VERSION = 3, API_VERSIONS_MS = 10000 };

struct ups_broker *
ups_broker_find(struct ups_follower *f, int32_t id)
{
	for (size_t i = 0; i < f->nbrokers; i++) {
		if (f->brokers[i]->id == id)
			return f->brokers[i];
	}
	return NULL;
}

static void
let_go(struct ups_broker *b, bool silent)
{
	ups_asker_end(b->asker, silent);
	b->gone = true;
	if (silent || !b->asking)
		free(b);
}

void
ups_brokers_free(struct ups_follower *f)
{
	for (size_t i = 0; i < f->nbrokers; i++)
		let_go(f->brokers[i], true);
	free(f->brokers);
	f->brokers = NULL;
	f->nbrokers = 0;
}

static struct ups_broker *
new_broker(struct ups_follower *f, const struct clu_broker *m)
{
	struct ups_broker *b = calloc(1, sizeof(*b));

	if (b == NULL)
		return NULL;
	b->follower = f;
	b->id = m->id;
	b->asker = ups_asker_new(f->ctx, m->host, m->port, &f->alive);
	if (b->asker == NULL) {
		free(b);
		return NULL;
	}
	return b;
}

static int
by_id(const void *x, const void *y)
{
	const struct ups_broker *const *a = x, *const *b = y;

	return ((*a)->id > (*b)->id) - ((*a)->id < (*b)->id);
}

/* Nothing changes when it fails. A broker at another address is another broker to us. */
enum alv_err
ups_brokers_sync(struct ups_follower *f, const struct ups_meta *m)
{
	struct ups_broker **all = calloc(m->nbrokers, sizeof(struct ups_broker *));
	size_t		    n = 0;

	if (all == NULL)
		return ALV_E_NOMEM;
	for (size_t i = 0; i < f->nbrokers; i++)
		f->brokers[i]->listed = false;
	for (; n < m->nbrokers; n++) {
		struct ups_broker *b = ups_broker_find(f, m->brokers[n].id);

		if (b == NULL || !ups_asker_is(b->asker, m->brokers[n].host, m->brokers[n].port))
			b = new_broker(f, &m->brokers[n]);
		if (b == NULL)
			break;
		b->listed = true;
		all[n] = b;
	}
	if (n < m->nbrokers) {
		while (n-- > 0) {
			if (ups_broker_find(f, all[n]->id) != all[n])
				let_go(all[n], true);
		}
		free(all);
		return ALV_E_NOMEM;
	}
	for (size_t i = 0; i < f->nbrokers; i++) {
		if (!f->brokers[i]->listed)
			let_go(f->brokers[i], false);
	}
	free(f->brokers);
	f->brokers = all;
	f->nbrokers = n;
	qsort(all, n, sizeof(struct ups_broker *), by_id);
	return ALV_OK;
}

/* ---- ApiVersions ----------------------------------------------------------------------------------- */

static void
take_features(struct ups_broker *b, const struct kfk_tree *t)
{
	const struct kfk_node *all = kfk_get(&t->root, KFK_API_VERSIONS_RESPONSE_FINALIZED_FEATURES);

	b->features_epoch = kfk_get_int(t, &t->root, KFK_API_VERSIONS_RESPONSE_FINALIZED_FEATURES_EPOCH);
	b->nfeatures = 0;
	for (const struct kfk_node *e = all == NULL ? NULL : all->kids; e != NULL; e = e->next) {
		struct alv_str	    name = kfk_get_str(t, e, KFK_API_VERSIONS_RESPONSE_FINALIZED_FEATURES_NAME);
		struct clu_feature *x = &b->features[b->nfeatures];

		if (b->nfeatures == CLU_FEATURES_MAX || name.n == 0 || name.n >= sizeof(x->name))
			continue;
		*x = (struct clu_feature){ .name = "" };
		memcpy(x->name, name.p, name.n);
		x->lo = (int16_t)kfk_get_int(t, e, KFK_API_VERSIONS_RESPONSE_FINALIZED_FEATURES_MIN_VERSION_LEVEL);
		x->hi = (int16_t)kfk_get_int(t, e, KFK_API_VERSIONS_RESPONSE_FINALIZED_FEATURES_MAX_VERSION_LEVEL);
		b->nfeatures++;
	}
}

static void
offer_nothing(struct clu_range apis[CLU_API_KEYS])
{
	for (size_t i = 0; i < CLU_API_KEYS; i++)
		apis[i] = (struct clu_range){ .lo = 0, .hi = -1 };
}

static void
take_apis(struct ups_broker *b, const struct kfk_tree *t)
{
	const struct kfk_node *all = kfk_get(&t->root, KFK_API_VERSIONS_RESPONSE_API_KEYS);

	offer_nothing(b->apis);
	for (const struct kfk_node *e = all == NULL ? NULL : all->kids; e != NULL; e = e->next) {
		int64_t key = kfk_get_int(t, e, KFK_API_VERSIONS_RESPONSE_API_KEYS_API_KEY);

		if (key < 0 || key >= CLU_API_KEYS)
			continue;
		b->apis[key].lo = (int16_t)kfk_get_int(t, e, KFK_API_VERSIONS_RESPONSE_API_KEYS_MIN_VERSION);
		b->apis[key].hi = (int16_t)kfk_get_int(t, e, KFK_API_VERSIONS_RESPONSE_API_KEYS_MAX_VERSION);
	}
}

/* NULL: taken. */
static const char *
take_answer(struct ups_broker *b, const struct alv_chain *body)
{
	struct alv_arena a;
	struct kfk_tree	 t;
	const char	*wrong = NULL;

	alv_arena_init(&a, UPS_SMALL_ARENA_MAX);
	if (kfk_tree_decode(&t, kfk_schema_find(KFK_API_API_VERSIONS, KFK_RESPONSE), API_VERSIONS_VERSION, body, &a)) {
		wrong = "a malformed answer to ApiVersions";
	} else {
		if (kfk_get_int(&t, &t.root, KFK_API_VERSIONS_RESPONSE_ERROR_CODE) != 0) {
			wrong = "the broker refused ApiVersions";
		} else {
			take_apis(b, &t);
			take_features(b, &t);
			b->known = true;
		}
		kfk_tree_fini(&t);
	}
	alv_arena_fini(&a);
	return wrong;
}

static void
answered(struct ups_question *q, enum alv_err err, const char *words, struct alv_chain *body)
{
	struct ups_broker *b = q->owner;
	struct clu_range   before[CLU_API_KEYS];
	bool		   was_known = b->known;
	const char	  *wrong;

	b->asking = false;
	if (b->gone) {
		free(b);
		return;
	}
	memcpy(before, b->apis, sizeof(before));
	wrong = err ? words : take_answer(b, body);
	ups_broker_told(b->follower, b, wrong,
	    wrong == NULL && (!was_known || memcmp(before, b->apis, sizeof(before)) != 0));
}

void
ups_broker_ask_apis(struct ups_broker *b)
{
	struct alv_arena a;
	struct kfk_tree	 t;

	if (b->asking)
		return;
	b->asking = true;
	b->question.owner = b;
	b->question.done = answered;
	alv_arena_init(&a, UPS_SMALL_ARENA_MAX);
	kfk_tree_init(&t, kfk_schema_find(KFK_API_API_VERSIONS, KFK_REQUEST), API_VERSIONS_VERSION, &a);
	kfk_set_str(&t, &t.root, KFK_API_VERSIONS_REQUEST_CLIENT_SOFTWARE_NAME, ALV_STR("alcove"));
	kfk_set_str(&t, &t.root, KFK_API_VERSIONS_REQUEST_CLIENT_SOFTWARE_VERSION, ALV_STR("1"));
	ups_ask(b->asker, &b->question, &t, API_VERSIONS_MS);
	kfk_tree_fini(&t);
	alv_arena_fini(&a);
}

bool
ups_brokers_merge(const struct ups_follower *f, struct clu_view *parts)
{
	const struct ups_broker *newest = NULL;

	for (size_t i = 0; i < f->nbrokers; i++) {
		const struct ups_broker *b = f->brokers[i];

		if (!b->known)
			continue;
		if (newest == NULL)
			memcpy(parts->apis, b->apis, sizeof(parts->apis));
		for (size_t k = 0; k < CLU_API_KEYS; k++) {
			if (b->apis[k].lo > parts->apis[k].lo)
				parts->apis[k].lo = b->apis[k].lo;
			if (b->apis[k].hi < parts->apis[k].hi)
				parts->apis[k].hi = b->apis[k].hi;
		}
		if (newest == NULL || b->features_epoch > newest->features_epoch)
			newest = b;
	}
	if (newest == NULL)
		return false;
	parts->nfeatures = newest->nfeatures;
	memcpy(parts->features, newest->features, sizeof(parts->features));
	parts->features_epoch = newest->features_epoch;
	return true;
}
