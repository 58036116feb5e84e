/* Any bytes as the body of any message. What must hold: no crash; cut anywhere is as whole; what is accepted comes
 * out as it came, unless tags were dropped; the tree accepts the same and is stable; dropping elements by chance
 * leaves a message that is accepted. The first bytes choose: Kafka's number of the api (from 0x7c on those without one), version
 * and 0x80 for its response, kinds, chances; so a seed means the same when schemas are added. */
#include "tests/unit/gateway/kafka/kit.h"

enum { CHOICES = 8, PIECES = 5, WITHOUT_KEY = 0x7c };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define MUST(e) \
	do { \
		if (!(e)) \
			__builtin_trap(); \
	} while (0)

struct run {
	enum alv_err	 err;
	struct alv_chain out;
	uint32_t	 tags, elements;
};

struct chance {
	uint64_t seed, met;
	bool	 drop;
	uint64_t names;		/* sum over what was shown, so that cut and whole show the same */
};

static enum kfk_do
on_field(void *arg, uint16_t id, const struct kfk_field *f, struct kfk_value *v)
{
	struct chance *c = arg;
	uint64_t       x = (c->seed + ++c->met) * 0x9e3779b97f4a7c15u;

	c->names = c->names * 31 + id + alv_hash(v->s.p, v->s.n, (uint64_t)v->i);
	if (c->drop && kit_random(&x) % 7 == 0)
		return KFK_DROP;
	if (c->drop && f->type == KFK_STRING && kit_random(&x) % 7 == 0) {
		v->is_null = false;
		v->s = ALV_STR("something else");
		return KFK_REPLACE;
	}
	return KFK_KEEP;
}

static enum alv_err
on_records(void *arg, uint16_t id, const uint8_t *p, size_t n)
{
	struct chance *c = arg;

	for (size_t i = 0; i < n; i++)
		c->names = c->names * 31 + id + p[i];
	return ALV_OK;
}

static struct run
walk(struct kit *k, const struct kfk_plan *plan, struct chance *c, const uint8_t *p, size_t n, uint64_t seed, size_t pieces)
{
	static const struct kfk_visitor v = { .field = on_field, .records = on_records, .whole = 1ull << KFK_KIND_SUBSCRIPTION };
	struct run			r = { .err = ALV_E_MORE };
	struct kfk_walk			w;
	size_t				at = 0;

	alv_chain_init(&r.out, k->pool);
	MUST(kfk_walk_init(&w, plan, &v, c, &r.out, &k->arena) == ALV_OK);
	kfk_walk_expect(&w, n);
	for (size_t i = 0; i < pieces && r.err == ALV_E_MORE; i++) {
		size_t part = i == pieces - 1 ? n - at : (size_t)(kit_random(&seed) % (n - at + 1));

		r.err = kit_feed(k, &w, p + at, part);
		at += part;
		MUST(r.err != ALV_OK || at == n);
	}
	MUST(r.err != ALV_E_MORE);
	r.tags = w.dropped_tags;
	r.elements = w.dropped_elements;
	kfk_walk_fini(&w);
	return r;
}

static void
same(struct run *a, struct run *b)
{
	size_t	 n;
	uint8_t *flat = kit_flat(&a->out, &n);

	MUST((a->err == ALV_OK) == (b->err == ALV_OK));
	if (a->err == ALV_OK)
		MUST(kit_same(&b->out, flat, n) && a->tags == b->tags && a->elements == b->elements);
	free(flat);
}

/* Decode, encode, and both once more: the second time nothing changes any more. */
static void
tree(struct kit *k, const struct kfk_schema *s, int16_t version, const uint8_t *p, size_t n, enum alv_err walked)
{
	struct alv_chain in, once, twice;
	struct kfk_tree	 t;
	enum alv_err	 err;
	uint8_t		*flat;

	kit_chain(k, &in, p, n, 0);
	alv_chain_init(&once, k->pool);
	alv_chain_init(&twice, k->pool);
	err = kfk_tree_decode(&t, s, version, &in, &k->arena);
	MUST(err == ALV_E_NOMEM || (err == ALV_OK) == (walked == ALV_OK));
	if (err == ALV_OK) {
		MUST(kfk_tree_encode(&t, &once) == ALV_OK);
		kfk_tree_fini(&t);
		MUST(kfk_tree_decode(&t, s, version, &once, &k->arena) == ALV_OK);
		MUST(kfk_tree_encode(&t, &twice) == ALV_OK);
		kfk_tree_fini(&t);
		flat = kit_flat(&once, &n);
		MUST(kit_same(&twice, flat, n));
		free(flat);
	}
	alv_chain_clear(&in);
	alv_chain_clear(&once);
	alv_chain_clear(&twice);
}

static void
all(struct kit *k, const struct kfk_schema *s, int16_t version, uint64_t kinds, uint64_t seed, const uint8_t *p, size_t n)
{
	const struct kfk_plan *plan = kfk_plan_get(s, version, kinds);
	struct chance	       c = { .seed = seed }, d = c, dropping = { .seed = seed, .drop = true }, again = dropping;
	struct run	       whole, cut;
	uint8_t		      *flat;
	size_t		       flat_n;

	MUST(plan != NULL);
	whole = walk(k, plan, &c, p, n, seed, 1);
	cut = walk(k, plan, &d, p, n, seed, 2 + seed % PIECES);
	same(&whole, &cut);
	MUST(whole.err || c.names == d.names);
	if (whole.err == ALV_OK && whole.tags == 0)
		MUST(kit_same(&whole.out, p, n));
	tree(k, s, version, p, n, whole.err);
	alv_chain_clear(&whole.out);
	alv_chain_clear(&cut.out);

	whole = walk(k, plan, &dropping, p, n, seed, 1);
	cut = walk(k, plan, &again, p, n, seed, 2 + seed % PIECES);
	same(&whole, &cut);
	if (whole.err == ALV_OK) {
		flat = kit_flat(&whole.out, &flat_n);
		alv_chain_clear(&cut.out);
		cut = walk(k, plan, &c, flat, flat_n, seed, 1);
		MUST(cut.err == ALV_OK && cut.tags == 0 && kit_same(&cut.out, flat, flat_n));
		free(flat);
	}
	alv_chain_clear(&whole.out);
	alv_chain_clear(&cut.out);
}

static const struct kfk_schema *
choose(uint8_t which, bool response)
{
	static const struct kfk_schema *const without[] = { &kfk_request_header, &kfk_response_header, &kfk_consumer_subscription,
		&kfk_consumer_assignment };

	return which >= WITHOUT_KEY ? without[which % ALV_COUNT(without)] : kfk_schema_find(which, response ? KFK_RESPONSE : KFK_REQUEST);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	const struct kfk_schema *s;
	struct kit		 k;
	uint64_t		 kinds;
	int			 version;

	if (n < CHOICES)
		return 0;
	s = choose(data[0] & 0x7f, data[1] & 0x80);
	if (s == NULL)
		return 0;	/* no such api */
	version = data[1] & 0x7f;
	if (version < s->versions.lo || version > s->versions.hi)
		version = s->versions.lo + version % (s->versions.hi - s->versions.lo + 1);
	kinds = data[2] & 1 ? UINT64_MAX : data[2] & 2 ? KIT_NAMES : 1ull << data[2] / 4;
	kit_init(&k);
	all(&k, s, (int16_t)version, kinds, 1 + alv_be32(data + 3), data + CHOICES, n - CHOICES);
	kit_fini(&k);
	return 0;
}
