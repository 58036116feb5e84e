/* ApiVersions: what clients may use, answered here.
 * Invariants: the list is what the gate serves (api_offered), but for Produce's lower end; no physical id, no feature
 * that describes the platform leaves; transaction.version never promises what the offered versions cannot keep. */
#include "api/kit.h"

#define R(f) KFK_API_VERSIONS_RESPONSE_##f

static bool
alphanumeric(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* [a-zA-Z0-9](?:[a-zA-Z0-9\-.]*[a-zA-Z0-9])? */
static bool
software_legal(struct alv_str s)
{
	if (s.n == 0 || !alphanumeric(s.p[0]) || !alphanumeric(s.p[s.n - 1]))
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (!alphanumeric(s.p[i]) && s.p[i] != '-' && s.p[i] != '.')
			return false;
	return true;
}

static void
add_key(struct kfk_tree *r, struct kfk_node *keys, int16_t key, int lo, int hi)
{
	struct kfk_node *e = kfk_add(r, keys);

	kfk_set_int(r, e, R(API_KEYS_API_KEY), key);
	kfk_set_int(r, e, R(API_KEYS_MIN_VERSION), lo);
	kfk_set_int(r, e, R(API_KEYS_MAX_VERSION), hi);
}

static void
add_keys(struct api_call *c, struct kfk_tree *r)
{
	struct kfk_node	     *keys = kfk_set_empty(r, &r->root, R(API_KEYS));
	const struct api_def *d;

	for (size_t i = 0; (d = api_def_at(i)) != NULL; i++) {
		struct clu_range o = api_offered(d, c->view);

		/* Old librdkafka takes a broker without Produce 0 for one that cannot do what it needs. It is only said:
		 * the gate refuses 0 to 2, as brokers do. */
		if (o.lo <= o.hi)
			add_key(r, keys, d->key, d->key == KFK_API_PRODUCE ? 0 : o.lo, o.hi);
	}
}

/* Does every client that sees transaction.version 2 find the versions that it then uses? */
static bool
second_transactions(const struct clu_view *v)
{
	static const struct {
		int16_t key, version;
	} needs[] = { { KFK_API_PRODUCE, 12 }, { KFK_API_END_TXN, 5 }, { KFK_API_TXN_OFFSET_COMMIT, 5 } };

	for (size_t i = 0; i < ALV_COUNT(needs); i++) {
		const struct api_def *d = api_def_find(needs[i].key);

		if (d == NULL || api_offered(d, v).hi < needs[i].version)
			return false;
	}
	return true;
}

/* The features that clients and tools act on; all others describe the platform. */
static bool
feature_shown(const char *name)
{
	static const char *const shown[] = { "transaction.version", "group.version", "share.version", "streams.version" };

	for (size_t i = 0; i < ALV_COUNT(shown); i++)
		if (strcmp(name, shown[i]) == 0)
			return true;
	return false;
}

static void
add_feature(struct api_call *c, struct kfk_tree *r, const struct clu_feature *f)
{
	struct alv_str	 name = alv_arena_str(&c->arena, alv_str_of(f->name));
	int16_t		 hi = f->hi;
	struct kfk_node *e;

	if (strcmp(f->name, "transaction.version") == 0 && hi > 1 && !second_transactions(c->view))
		hi = 1;
	if (hi < 1 || name.p == NULL)
		return;		/* level 0 is "off", which is what absence says */
	e = kfk_add(r, kfk_get(&r->root, R(SUPPORTED_FEATURES)));
	kfk_set_str(r, e, R(SUPPORTED_FEATURES_NAME), name);
	kfk_set_int(r, e, R(SUPPORTED_FEATURES_MIN_VERSION), 1);
	kfk_set_int(r, e, R(SUPPORTED_FEATURES_MAX_VERSION), hi);
	e = kfk_add(r, kfk_get(&r->root, R(FINALIZED_FEATURES)));
	kfk_set_str(r, e, R(FINALIZED_FEATURES_NAME), name);
	kfk_set_int(r, e, R(FINALIZED_FEATURES_MIN_VERSION_LEVEL), f->lo < hi ? f->lo : hi);
	kfk_set_int(r, e, R(FINALIZED_FEATURES_MAX_VERSION_LEVEL), hi);
}

static void
add_features(struct api_call *c, struct kfk_tree *r)
{
	const struct clu_view *v = c->view;

	if (v == NULL || v->nfeatures == 0)
		return;
	(void)kfk_set_empty(r, &r->root, R(SUPPORTED_FEATURES));
	(void)kfk_set_empty(r, &r->root, R(FINALIZED_FEATURES));
	if (c->arena.failed)
		return;
	kfk_set_int(r, &r->root, R(FINALIZED_FEATURES_EPOCH), v->features_epoch);
	for (size_t i = 0; i < v->nfeatures; i++)
		if (feature_shown(v->features[i].name))
			add_feature(c, r, &v->features[i]);
}

/* Does the client talk to whom it thinks (KIP-1242)? Held against virtual ids; on a port shared by all nobody knows the
 * tenant before the login. */
static bool
misled(const struct api_call *c, const struct kfk_tree *q)
{
	struct alv_str cluster = kfk_get_str(q, &q->root, KFK_API_VERSIONS_REQUEST_CLUSTER_ID);
	int64_t	       node = kfk_get_int(q, &q->root, KFK_API_VERSIONS_REQUEST_NODE_ID);

	if (q->version < 5)
		return false;
	if (cluster.p != NULL && c->tenant != NULL && !alv_str_eqz(cluster, c->tenant->cluster_id))
		return true;
	return node >= 0 && node != c->conn->node;
}

enum api_result
api_versions_request(struct api_call *c, struct kfk_tree *q)
{
	struct kfk_tree r;

	if (q->version >= 3 && (!software_legal(kfk_get_str(q, &q->root, KFK_API_VERSIONS_REQUEST_CLIENT_SOFTWARE_NAME)) ||
	    !software_legal(kfk_get_str(q, &q->root, KFK_API_VERSIONS_REQUEST_CLIENT_SOFTWARE_VERSION))))
		return api_answer_code(c, R(ERROR_CODE), KFK_INVALID_REQUEST);
	if (misled(c, q))
		return api_answer_code(c, R(ERROR_CODE), KFK_REBOOTSTRAP_REQUIRED);
	api_answer_begin(c, &r);
	add_keys(c, &r);
	add_features(c, &r);
	return api_answer(c, &r);
}

enum api_result
api_versions_unknown(struct api_call *c)
{
	const struct api_def *d = api_def_find(KFK_API_API_VERSIONS);
	struct clu_range      o = api_offered(d, c->view);
	struct kfk_tree	      r;

	/* Version 0 is the one that every client can read. */
	c->hdr.version = 0;
	api_answer_begin(c, &r);
	kfk_set_int(&r, &r.root, R(ERROR_CODE), KFK_UNSUPPORTED_VERSION);
	add_key(&r, kfk_set_empty(&r, &r.root, R(API_KEYS)), KFK_API_API_VERSIONS, o.lo, o.hi);
	api_note(c, KFK_UNSUPPORTED_VERSION);
	return api_answer(c, &r);
}
