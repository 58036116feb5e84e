/* What brokers answered a moment ago to questions that clients ask alike: Metadata of all topics, DescribeTopicPartitions.
 * Kept is the broker's own answer to the very bytes that were asked, for one tenant; each request goes its whole way
 * through judgement and mapping, only the broker is not asked again.
 * Invariants: an answer is given to no other tenant than the one whose question it was, and never after that tenant's next
 * change or anything that told one of its clients that its metadata is old; one with an error is not kept. A worker keeps
 * KEEP_BYTES at most, of one tenant PER_TENANT answers. */
#include <alcove/clock.h>
#include <alcove/listing.h>

#include <stdlib.h>

#include "api/kit.h"

enum { KEEP_BYTES = 4 * 1024 * 1024, KEEP_MAX = 256, PER_TENANT = 8, QUESTION_MAX = 64 * 1024, ANSWER_MAX = 512 * 1024 };

struct kept {
	uint64_t    hash, asked_us;
	int16_t	    key, version;
	char	    tenant[TEN_ID_MAX + 1];
	size_t	    question_n, answer_n;
	uint8_t	    bytes[];	/* the question, then the answer */
};

struct api_keep {
	size_t	     n, bytes;
	struct kept *all[KEEP_MAX];	/* oldest first */
};

struct api_keep *
api_keep_new(void)
{
	return calloc(1, sizeof(struct api_keep));
}

static size_t
size_of(const struct kept *x)
{
	return sizeof(*x) + x->question_n + x->answer_n;
}

static void
drop(struct api_keep *k, size_t i)
{
	k->bytes -= size_of(k->all[i]);
	free(k->all[i]);
	k->n--;
	memmove(&k->all[i], &k->all[i + 1], (k->n - i) * sizeof(struct kept *));
}

void
api_keep_free(struct api_keep *k)
{
	while (k != NULL && k->n > 0)
		drop(k, k->n - 1);
	free(k);
}

/* ---- looking -------------------------------------------------------------------------------------------- */

static bool
is_of(const struct kept *x, const struct api_call *c)
{
	return strcmp(x->tenant, c->conn->tenant) == 0;
}

static bool
matches(const struct kept *x, const struct api_call *c, struct alv_str question, uint64_t hash)
{
	return x->hash == hash && x->key == c->hdr.key && x->version == c->up_version && x->question_n == question.n &&
	    is_of(x, c) && memcmp(x->bytes, question.p, question.n) == 0;
}

/* Its place; k->n: it is not there. */
static size_t
find(const struct api_keep *k, const struct api_call *c, struct alv_str question)
{
	uint64_t hash = alv_hash(question.p, question.n, 0);
	size_t	 i = 0;

	while (i < k->n && !matches(k->all[i], c, question, hash))
		i++;
	return i;
}

uint64_t
api_good_since(const struct api_call *c, int what, uint32_t max_age_ms)
{
	const struct api_worker *w = c->conn->w;
	uint64_t		 age_us = max_age_ms * 1000ull, now = w->now_us;
	uint64_t		 news = clu_board_noted(w->shared->board, (enum clu_news)what, alv_str_of(c->conn->tenant));
	uint64_t		 since = now > age_us ? now - age_us : 0;

	return since > news ? since : news;
}

/* The question as one piece; null: it is not one to remember. */
static struct alv_str
question_of(struct api_call *c)
{
	char *p = c->out.n > QUESTION_MAX ? NULL : alv_arena_alloc(&c->arena, c->out.n + 1);

	if (p == NULL || !alv_chain_peek(&c->out, 0, p, c->out.n))
		return ALV_STR_NULL;
	return alv_str_make(p, c->out.n);
}

bool
api_shared_find(struct api_call *c, struct alv_chain *answer)
{
	struct api_keep	  *k = c->conn->w->keep;
	struct api_memo	  *m = api_memo(c);
	uint32_t	   max_age_ms = c->conn->w->shared->conf->upstream.listing_max_age_ms;
	const struct kept *x;
	size_t		   i;

	if (!m->shares || k == NULL || max_age_ms == 0)
		return false;
	m->question = question_of(c);
	m->asked_us = alv_mono_us();	/* it has not left yet */
	i = m->question.p == NULL ? k->n : find(k, c, m->question);
	if (i == k->n)
		return false;
	x = k->all[i];
	if (x->asked_us < api_good_since(c, CLU_NEWS_TOPICS, max_age_ms)) {
		drop(k, i);
		return false;
	}
	alv_chain_copy(answer, x->bytes + x->question_n, x->answer_n);
	return !answer->err;
}

/* ---- keeping ---------------------------------------------------------------------------------------------- */

/* Room for n bytes more, of this call's tenant: its own oldest go before those of others. */
static void
make_room(struct api_keep *k, const struct api_call *c, size_t n)
{
	size_t own = 0, oldest = 0;

	for (size_t i = k->n; i-- > 0;) {
		if (is_of(k->all[i], c)) {
			own++;
			oldest = i;
		}
	}
	if (own >= PER_TENANT)
		drop(k, oldest);
	while (k->n == KEEP_MAX || (k->n > 0 && k->bytes + n > KEEP_BYTES))
		drop(k, 0);
}

void
api_shared_keep(struct api_call *c, const struct alv_chain *answer)
{
	struct api_keep *k = c->conn->w->keep;
	struct alv_str	 q = api_memo(c)->question;
	struct kept	*x;
	size_t		 i;

	if (q.p == NULL || k == NULL || c->error_code != 0 || answer->n > ANSWER_MAX)
		return;
	x = malloc(sizeof(*x) + q.n + answer->n);
	if (x == NULL)
		return;
	*x = (struct kept){ .hash = alv_hash(q.p, q.n, 0), .asked_us = api_memo(c)->asked_us, .key = c->hdr.key,
		.version = c->up_version, .question_n = q.n, .answer_n = answer->n };
	memcpy(x->tenant, c->conn->tenant, sizeof(x->tenant));
	memcpy(x->bytes, q.p, q.n);
	if (!alv_chain_peek(answer, 0, x->bytes + q.n, answer->n)) {
		free(x);
		return;
	}
	i = find(k, c, q);
	if (i < k->n)
		drop(k, i);
	make_room(k, c, size_of(x));
	k->bytes += size_of(x);
	k->all[k->n++] = x;
}
