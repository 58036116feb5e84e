/* Messages out of a fuzzer's bytes: every byte decides something, so that mutations meet handlers and not the decoder
 * alone. Names come from short lists; what is somebody else's carries the needle ("zq7w"), and so does all that a
 * message says below a foreign name or id. No list for clients holds the needle: whatever they are told, they did not
 * say it first. When the bytes are used up everything is zero, and lists end. */
#ifndef FUZZ_MAKE_H
#define FUZZ_MAKE_H

#include <alcove/kafka.h>
#include <alcove/str.h>

#include <stdio.h>

#define NEEDLE "zq7w"

#define MUST(e) \
	do { \
		if (!(e)) \
			__builtin_trap(); \
	} while (0)

struct in {
	const uint8_t *p, *end;
};

struct make {
	struct in	*in;
	struct kfk_tree *t;
	bool		 consumer;	/* embedded bytes are of the consumer protocol */
	int32_t		 session;	/* that a client was told last; 0: none */
};

/* What brokers number their fetch sessions with. */
static const int32_t make_sessions[] = { 0x01020304, 0x7fffff01 };

#define PICK(list, i) (list)[(i) % ALV_COUNT(list)]

static inline uint8_t
in_u8(struct in *in)
{
	return in->p == in->end ? 0 : *in->p++;
}

static inline struct alv_str
in_str(struct in *in, size_t max)
{
	size_t	       n = in_u8(in) % max, left = (size_t)(in->end - in->p);
	struct alv_str s = alv_str_make(left == 0 ? (const uint8_t *)"" : in->p, n < left ? n : left);

	in->p += s.n;
	return s;
}

static inline struct alv_uuid
make_id(char c)
{
	struct alv_uuid id;

	memset(id.b, c, sizeof(id.b));
	return id;
}

/* ---- lists: what clients say; what brokers say of the tenant's own, and of others' --------------------------- */

static const struct alv_str said[] = { ALV_STR("orders"), ALV_STR("secret"), ALV_STR("shared"), ALV_STR("late"), ALV_STR("watched"),
	ALV_STR("taken"), ALV_STR("g"), ALV_STR("globex.orders"), ALV_STR("__consumer_offsets"), ALV_STR(""), ALV_STR("."),
	ALV_STR("legacy.shared"), ALV_STR("consumer"), ALV_STR("CONSUMER"), ALV_STR("cleanup.policy"), ALV_STR("compact"),
	ALV_STR("PLAIN"), ALV_STR("SCRAM-SHA-512"), ALV_STR("range"), ALV_STR("retention.ms"), ALV_STR("1000") };
static const struct alv_str quota_words[] = { ALV_STR("user"), ALV_STR("client-id"), ALV_STR("ip"), ALV_STR("alice"), ALV_STR("10.0.0.7"),
	ALV_STR("producer_byte_rate"), ALV_STR("consumer_byte_rate"), ALV_STR("request_rate"), ALV_STR("connection_creation_rate"), ALV_STR("") };
static const struct alv_str topics[] = { ALV_STR("acme.orders"), ALV_STR("acme.secret"), ALV_STR("legacy.shared"),
	ALV_STR("acme.late"), ALV_STR("acme.new") };
static const struct alv_str others[] = { ALV_STR("acme.g"), ALV_STR("legacy.watched"), ALV_STR("legacy.taken"), ALV_STR("acme.orders") };
static const struct alv_str foreign_names[] = { ALV_STR("globex." NEEDLE), ALV_STR("legacy." NEEDLE), ALV_STR("__" NEEDLE),
	ALV_STR(NEEDLE), ALV_STR("acme-2." NEEDLE), ALV_STR("acme" NEEDLE) };
static const char own_ids[] = "osllu", foreign_ids[] = "ghcv";

/* ---- values -------------------------------------------------------------------------------------------------- */

static inline bool
make_identity(enum kfk_kind k)
{
	return k == KFK_KIND_TOPIC_NAME || k == KFK_KIND_TOPIC_ID || k == KFK_KIND_GROUP_ID || k == KFK_KIND_TXN_ID ||
	    k == KFK_KIND_COORDINATOR_KEY || k == KFK_KIND_RESOURCE_NAME;
}

static inline struct alv_str
make_embedded(struct make *g, enum kfk_kind kind)
{
	static const struct alv_str *const lists[] = { said, topics, foreign_names };
	bool			 request = g->t->schema->dir == KFK_REQUEST;
	struct alv_buf		 b;
	struct alv_str		 name, out;
	unsigned		 n = in_u8(g->in) % 3;

	alv_buf_init(&b, 4096);
	alv_buf_be16(&b, 0);
	alv_buf_be32(&b, n);
	for (unsigned i = 0; i < n; i++) {
		uint8_t x = in_u8(g->in);

		name = request ? PICK(said, x) : x & 1 ? lists[2][(x >> 1) % ALV_COUNT(foreign_names)] :
		    lists[1][(x >> 1) % ALV_COUNT(topics)];
		alv_buf_be16(&b, (uint16_t)name.n);
		alv_buf_str(&b, name);
		if (kind == KFK_KIND_ASSIGNMENT) {
			alv_buf_be32(&b, 1);
			alv_buf_be32(&b, x);
		}
	}
	alv_buf_be32(&b, UINT32_MAX);
	out = alv_arena_str(g->t->arena, alv_str_make(b.p, b.n));
	alv_buf_fini(&b);
	return out;
}

/* What no client may be told whatever it is about: the gateway has words of its own for it. */
static inline struct alv_str
make_secret(struct make *g, enum kfk_kind kind)
{
	switch (kind) {
	case KFK_KIND_HOST: return ALV_STR("real1." NEEDLE);
	case KFK_KIND_RACK: return ALV_STR(NEEDLE "-rack");
	case KFK_KIND_CLUSTER_ID: return ALV_STR(NEEDLE "-cluster");
	case KFK_KIND_CLIENT_HOST: return ALV_STR("/" NEEDLE);
	case KFK_KIND_TOPIC_REGEX: return ALV_STR("globex." NEEDLE ".*");
	case KFK_KIND_ERROR_TEXT:
		return in_u8(g->in) & 1 ? ALV_STR("Topic 'globex." NEEDLE "' is acme.orders") : ALV_STR("Topic acme.orders is not there");
	default: return ALV_STR_NULL;
	}
}

static inline struct alv_str
make_str(struct make *g, const struct kfk_field *f, bool foreign)
{
	enum kfk_kind  kind = (enum kfk_kind)f->kind;
	uint8_t	       x = in_u8(g->in);
	struct alv_str s;

	if (kind == KFK_KIND_SUBSCRIPTION || kind == KFK_KIND_ASSIGNMENT)
		return x < 0xe0 && (g->consumer || g->t->schema->dir == KFK_REQUEST) ? make_embedded(g, kind) : in_str(g->in, 96);
	if (kind == KFK_KIND_QUOTA && x < 0xa0)
		return PICK(quota_words, x);
	if (g->t->schema->dir == KFK_REQUEST)
		return kind == KFK_KIND_PROTOCOL && x < 0x80 ? ALV_STR("consumer") : x < 0xc0 ? PICK(said, x) : in_str(g->in, 64);
	if (make_identity(kind))
		return foreign ? PICK(foreign_names, x) :
		    kind == KFK_KIND_TOPIC_NAME || kind == KFK_KIND_RESOURCE_NAME ? PICK(topics, x) : PICK(others, x);
	s = make_secret(g, kind);
	if (s.p != NULL)
		return s;
	if (kind == KFK_KIND_PROTOCOL && g->consumer)
		return ALV_STR("consumer");
	return foreign ? ALV_STR("belongs to " NEEDLE) : x & 1 ? PICK(said, x) : in_str(g->in, 64);
}

static inline int64_t
make_int(struct make *g, const struct kfk_field *f)
{
	static const int64_t some[] = { 0, 1, -1, 2, 3, 100, INT32_MAX, INT32_MIN, 0x7fff, INT64_MAX };
	uint8_t		     x = in_u8(g->in);
	int64_t		     v = x < 0x40 ? f->dflt : x < 0xc0 ? PICK(some, x) : (int64_t)in_u8(g->in) << 8 | in_u8(g->in);

	if (f->kind == KFK_KIND_ERROR_CODE)
		v = x < 0xc0 ? 0 : x % 128;
	if (f->kind == KFK_KIND_SESSION_ID && x >= 0x40)
		v = g->t->schema->dir == KFK_REQUEST && x < 0xe0 ? g->session : PICK(make_sessions, x);
	switch (f->type) {
	case KFK_BOOL: return v & 1;
	case KFK_INT8: return (int8_t)v;
	case KFK_INT16: return (int16_t)v;
	case KFK_UINT16: return (uint16_t)v;
	case KFK_INT32: return (int32_t)v;
	case KFK_UINT32: return (uint32_t)v;
	default: return v;
	}
}

static inline struct kfk_value
make_value(struct make *g, const struct kfk_field *f, bool foreign)
{
	struct kfk_value v = { .i = 0 };
	uint8_t		 x;

	switch (f->type) {
	case KFK_FLOAT64:
		v.d = in_u8(g->in);
		break;
	case KFK_UUID:
		x = in_u8(g->in);
		v.id = x == 0 && !foreign ? make_id(0) : foreign || (g->t->schema->dir == KFK_REQUEST && x & 1) ?
		    make_id(foreign_ids[x / 2 % 4]) : make_id(own_ids[x / 2 % 5]);
		break;
	case KFK_STRING:
	case KFK_BYTES:
	case KFK_RECORDS:
		v.s = make_str(g, f, foreign);
		break;
	default:
		v.i = make_int(g, f);
	}
	return v;
}

/* ---- messages ------------------------------------------------------------------------------------------------ */

static inline void
make_field(struct make *g, struct kfk_node *parent, uint16_t id, const struct kfk_field *f, bool foreign)
{
	struct kfk_value v = make_value(g, f, foreign);

	switch (f->type) {
	case KFK_FLOAT64: kfk_set_float(g->t, parent, id, v.d); break;
	case KFK_UUID: kfk_set_uuid(g->t, parent, id, v.id); break;
	case KFK_STRING: kfk_set_str(g->t, parent, id, v.s); break;
	case KFK_BYTES:
	case KFK_RECORDS: kfk_set_bytes(g->t, parent, id, v.s); break;
	default: kfk_set_int(g->t, parent, id, v.i);
	}
}

static inline void
make_struct(struct make *g, struct kfk_node *parent, uint16_t first, uint16_t count, bool foreign)
{
	const struct kfk_field *all = g->t->schema->fields;
	bool			said_here = false;	/* foreign by a name or an id of its own, which may not be null then */

	for (uint16_t id = first; id < first + count && !foreign; id++)
		if (!all[id].array && make_identity((enum kfk_kind)all[id].kind) && kfk_versions_has(all[id].in, g->t->version))
			foreign = said_here = in_u8(g->in) % 4 == 3;
	for (uint16_t id = first; id < first + count; id++) {
		const struct kfk_field *f = &all[id];
		uint8_t			x;

		if (!kfk_versions_has(f->in, g->t->version))
			continue;
		x = in_u8(g->in);
		if (x == 0xff && kfk_versions_has(f->nullable, g->t->version) && !(said_here && make_identity((enum kfk_kind)f->kind))) {
			kfk_set_null(g->t, parent, id);
		} else if (f->array) {
			struct kfk_node *list = kfk_set_empty(g->t, parent, id);

			for (unsigned n = x % 4; n > 0; n--) {
				struct kfk_node *e = kfk_add(g->t, list);

				if (f->type == KFK_STRUCT)
					make_struct(g, e, f->first, f->count, foreign);
				else	/* a plain list: each entry is somebody's */
					e->v = make_value(g, f, foreign || (make_identity((enum kfk_kind)f->kind) && n == 2));
			}
		} else if (f->type == KFK_STRUCT) {
			make_struct(g, kfk_set_empty(g->t, parent, id), f->first, f->count, foreign);
		} else {
			make_field(g, parent, id, f, foreign);
		}
	}
}

/* Appends a message's body; false: the tree does not encode (no memory, null where it may not be). */
static inline bool
make_body(struct make *g, const struct kfk_schema *s, int16_t version, struct alv_arena *a, struct alv_chain *out)
{
	struct kfk_tree t;

	g->t = &t;
	kfk_tree_init(&t, s, version, a);
	make_struct(g, &t.root, 0, s->top, false);
	return kfk_tree_encode(&t, out) == ALV_OK;
}

#endif
