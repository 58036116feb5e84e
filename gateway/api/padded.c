/* What some clients say too much, and brokers overlook: they read a message to its end and no further. Whatever else stands behind the end
 * of a message stays malformed. Nothing of it goes to a broker: what is meant is written anew. */
#include "api/handlers.h"

enum {
	META_FLEXIBLE = 9,
	META_CLUSTER_OPERATIONS = 10	/* the last version that can ask for them: one flag more */
};

/* The bytes of body from `from` to `to`. */
static bool
part(const struct alv_chain *body, size_t from, size_t to, struct alv_chain *meant)
{
	size_t left = to;

	for (const struct alv_piece *x = body->head; x != NULL && left > 0; x = x->next) {
		size_t n = x->n < left ? x->n : left;

		alv_chain_ref(meant, x->block, x->p, n);
		left -= n;
	}
	alv_chain_drop(meant, from);
	return !meant->err;
}

/* librdkafka asks for all topics by a null list whose count takes four bytes, all zero: three too many. Brokers read the flags where the
 * rest of the count stands. */
static bool
wide_count(const struct kfk_req_header *h, const struct alv_chain *body, struct alv_chain *meant)
{
	const size_t flags = h->version <= META_CLUSTER_OPERATIONS ? 3 : 2;
	uint8_t	     list[4] = { 1 };

	return h->key == KFK_API_METADATA && h->version >= META_FLEXIBLE && body->n == sizeof(list) + flags + 1 &&
	    alv_chain_peek(body, 0, list, sizeof(list)) && memcmp(list, "\0\0\0", sizeof(list)) == 0 &&
	    part(body, sizeof(list) - 1, body->n, meant);
}

/* The tagged fields at the end, none of them, twice: librdkafka's AlterUserScramCredentials, kafka-go's DescribeAcls, whose filter is a
 * struct of its own. */
static bool
tags_twice(const struct kfk_req_header *h, const struct alv_chain *body, struct alv_chain *meant)
{
	uint8_t last = 1;

	return h->version >= kfk_schema_find(h->key, KFK_REQUEST)->flexible && body->n > 1 && alv_chain_peek(body, body->n - 1, &last, 1) &&
	    last == 0 && part(body, 0, body->n - 1, meant);
}

bool
api_padded(const struct kfk_req_header *h, const struct alv_chain *body, struct alv_chain *meant)
{
	return wide_count(h, body, meant) || tags_twice(h, body, meant);
}
