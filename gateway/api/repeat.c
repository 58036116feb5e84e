/* See repeat.h. */
#include "api/repeat.h"

#include <stdlib.h>

#include "kafka/varint.h"

enum header { SAID, SENT, ACKS };

enum {
	VERSION_LEAST = 5,	/* before, an answer has no log start offset */
	VERSION_IDS = 13,
	PART_MAX = 512,		/* of what is sent, to either side */
	TEXTS = 7,
	OFFSETS = 24,		/* of an answer: base offset, append time, log start */
	REST_MAX = OFFSETS + 16,	/* of an answer, from there on */
	SIZE = 4,		/* of a frame, in front of it */
	NUMBER = 4,		/* of a request: where the correlation id is */
	FIXED = 8,		/* of a header: key, version, correlation id */
	TAIL = 3,		/* counts of tagged fields behind the records, where there are such */
	PAUSE = 16		/* after one that was forgotten before it was said again so many are not remembered */
};

struct api_repeat {
	uint32_t		 refs;
	uint64_t		 build, generation;	/* of the tenant's snapshot and of the view; their addresses come again */
	const struct api_def	*def;
	int16_t			 version;
	size_t			 tail, acks_head;	/* acks_head: bytes of acks before the body */
	struct met_hint		 meter;
	struct api_wanted	 topic;
	struct alv_str		 client_id, said, sent, acked, acks;
	char			 text[];
};

void
api_repeat_put(struct api_repeat *r)
{
	if (r != NULL && --r->refs == 0)
		free(r);
}

struct met_hint *
api_repeat_meter(struct api_repeat *r)
{
	return &r->meter;
}

void
api_repeats_forget(struct api_conn *c)
{
	for (size_t i = 0; i < ALV_COUNT(c->repeats.of); i++)
		api_repeat_put(c->repeats.of[i]);
	c->repeats = (struct api_repeats){ 0 };
}

/* ---- learning --------------------------------------------------------------------------------------- */

/* Texts under way to a repeat, one after the other. */
struct draft {
	uint8_t p[4 * PART_MAX];
	size_t	n, end[TEXTS], texts;
	size_t	head;	/* of the fourth, before the body */
	bool	failed;
};

static void
put(struct draft *d, const void *p, size_t n)
{
	if (n > sizeof(d->p) - d->n) {
		d->failed = true;
		return;
	}
	if (n > 0)
		memcpy(d->p + d->n, p, n);
	d->n += n;
}

static void
put_chain(struct draft *d, const struct alv_chain *from, size_t n)
{
	if (n > sizeof(d->p) - d->n || !alv_chain_peek(from, 0, d->p + d->n, n))
		d->failed = true;
	else
		d->n += n;
}

static void
put_name(struct draft *d, bool flexible, struct alv_str s)
{
	uint8_t b[KFK_VARINT_MAX];
	size_t	n = 2;

	if (flexible)
		n = (size_t)kfk_varint_write(b, (uint32_t)s.n + 1);
	else
		alv_put_be16(b, (uint16_t)s.n);
	put(d, b, n);
	put(d, s.p, s.n);
}

/* How an answer without an error begins. */
static void
put_ack(struct draft *d, int16_t version, bool flexible, const struct api_wanted *w, struct alv_str name, const uint8_t index[4])
{
	static const uint8_t one[4] = { 0, 0, 0, 1 }, two[1] = { 2 }, none[2];

	put(d, flexible ? two : one, flexible ? sizeof(two) : sizeof(one));
	if (version >= VERSION_IDS)
		put(d, w->id.b, sizeof(w->id.b));
	else
		put_name(d, flexible, name);
	put(d, flexible ? two : one, flexible ? sizeof(two) : sizeof(one));
	put(d, index, 4);
	put(d, none, sizeof(none));
}

static void
put_header(struct draft *d, struct api_call *c, enum header which)
{
	struct kfk_req_header h = c->hdr;
	struct alv_chain      x;

	if (which == SENT)
		h.client_id = api_upstream_client_id(h.client_id);
	alv_chain_init(&x, c->conn->w->pool);
	if (which == ACKS)
		kfk_rsp_header_write(&x, h.key, h.version, 0, 0);
	else
		kfk_req_header_write(&x, &h, 0);
	if (which == SAID && !x.err)
		alv_chain_drop(&x, SIZE);
	d->failed |= x.err != ALV_OK;
	put_chain(d, &x, x.n);
	alv_chain_clear(&x);
}

static size_t
length_size(bool flexible, uint64_t records)
{
	uint8_t b[KFK_VARINT_MAX];

	return flexible ? (size_t)kfk_varint_write(b, (uint32_t)records + 1) : 4;
}

/* How much of a body lies before this byte of it; all, where it is not in there. */
static size_t
place_of(const struct alv_chain *body, const uint8_t *p)
{
	size_t before = 0;

	for (const struct alv_piece *x = body->head; x != NULL; x = x->next) {
		if (p >= x->p && p < x->p + x->n)
			return before + (size_t)(p - x->p);
		before += x->n;
	}
	return body->n;
}

/* No tagged fields: of the partition, the topic, the request. */
static bool
ends_in_zeros(const struct alv_chain *c, size_t n)
{
	uint8_t b[TAIL] = { 0 };

	return n <= sizeof(b) && n <= c->n && alv_chain_peek(c, c->n - n, b, n) && (b[0] | b[1] | b[2]) == 0;
}

/* The draft's texts are a repeat's from here on. */
static struct api_repeat *
settle(const struct draft *d, const struct api_wanted *w, bool client_id)
{
	struct api_repeat *r = malloc(sizeof(*r) + d->n);
	size_t		   at = 0;

	if (r == NULL)
		return NULL;
	memset(r, 0, sizeof(*r));
	memcpy(r->text, d->p, d->n);
	r->topic.id = w->id;
	for (size_t i = 0; i < TEXTS; i++) {
		struct alv_str *const to[TEXTS] = { &r->said, &r->sent, &r->acked, &r->acks, &r->topic.virt, &r->topic.phys, &r->client_id };

		*to[i] = alv_str_make(r->text + at, d->end[i] - at);
		at = d->end[i];
	}
	if (!client_id)
		r->client_id = ALV_STR_NULL;
	r->acks_head = d->head;
	return r;
}

static void
text_ends(struct draft *d)
{
	d->end[d->texts++] = d->n;
}

static struct api_repeat *
make(struct api_call *c, const struct alv_chain *body, size_t before, size_t sent, const struct api_wanted *w, bool flexible)
{
	struct draft   d = { .n = 0 };
	const uint8_t *index;	/* of the partition: what is said last before the records */
	size_t	       at;

	put_header(&d, c, SAID);
	put_chain(&d, body, before);
	text_ends(&d);
	if (d.failed || before < 4)
		return NULL;
	index = d.p + d.n - 4;
	put_header(&d, c, SENT);
	put_chain(&d, &c->out, sent);
	text_ends(&d);
	put_ack(&d, c->hdr.version, flexible, w, w->phys, index);
	text_ends(&d);
	at = d.n;
	put_header(&d, c, ACKS);
	d.head = d.n - at;
	put_ack(&d, c->hdr.version, flexible, w, w->virt, index);
	text_ends(&d);
	put(&d, w->virt.p, w->virt.n);
	text_ends(&d);
	put(&d, w->phys.p, w->phys.n);
	text_ends(&d);
	put(&d, c->hdr.client_id.p, c->hdr.client_id.n);
	text_ends(&d);
	return d.failed || d.end[1] - d.end[0] > PART_MAX || d.end[3] - d.end[2] > PART_MAX ? NULL :
	    settle(&d, w, c->hdr.client_id.p != NULL);
}

static void
remember(struct api_conn *c, struct api_repeat *r)
{
	struct api_repeats *all = &c->repeats;
	size_t		    i = all->next++ % ALV_COUNT(all->of);

	all->pause = all->of[i] != NULL && !all->used[i] ? PAUSE : 0;
	api_repeat_put(all->of[i]);
	all->of[i] = r;
	all->used[i] = false;
}

void
api_repeat_learn(struct api_call *c, const struct alv_chain *body, const struct api_learnt_produce *p)
{
	bool		   flexible = c->hdr.version >= kfk_schema_find(c->hdr.key, KFK_REQUEST)->flexible;
	size_t		   tail = flexible ? TAIL : 0, behind = tail + length_size(flexible, p->records) + p->records;
	struct api_repeat *r;

	if (c->conn->auth != API_AUTH_DONE || c->hdr.version < VERSION_LEAST || c->hdr.size != FIXED + 2 + c->hdr.client_id.n + flexible)
		return;
	if (c->conn->repeats.pause > 0) {
		c->conn->repeats.pause--;
		return;
	}
	if (place_of(body, p->at) + p->records + tail != body->n || behind > body->n || behind > c->out.n || !ends_in_zeros(body, tail))
		return;
	r = make(c, body, body->n - behind, c->out.n - behind, p->topic, flexible);
	if (r == NULL)
		return;
	r->refs = 1;
	r->build = c->tenant->build;
	r->generation = c->view->generation;
	r->def = c->def;
	r->version = c->hdr.version;
	r->tail = tail;
	remember(c->conn, r);
}

/* ---- requests ------------------------------------------------------------------------------------------ */

static bool
says(const struct api_repeat *r, const struct api_call *c, const struct alv_piece *x)
{
	return r != NULL && x->n >= r->said.n && memcmp(x->p + FIXED, r->said.p + FIXED, r->said.n - FIXED) == 0 &&
	    memcmp(x->p, r->said.p, NUMBER) == 0 && r->build == c->tenant->build &&
	    r->generation == c->view->generation;
}

static struct api_repeat *
find(struct api_call *c, const struct alv_piece *x)
{
	struct api_repeats *all = &c->conn->repeats;

	for (size_t i = 0; i < ALV_COUNT(all->of); i++) {
		if (says(all->of[i], c, x)) {
			all->used[i] = true;
			return all->of[i];
		}
	}
	return NULL;
}

/* The records' length behind what was said: *n bytes from *at on, to the tail. */
static bool
find_records(const struct api_repeat *r, const struct alv_chain *frame, size_t *at, size_t *n)
{
	uint8_t	 b[KFK_VARINT_MAX];
	size_t	 left = frame->n - r->said.n, have = left < sizeof(b) ? left : sizeof(b);
	uint32_t length = 0;
	int	 used = 4;

	if (have < 4 || !alv_chain_peek(frame, r->said.n, b, have))
		return false;
	if (r->tail > 0) {
		used = kfk_varint_read(b, have, &length);
		length -= 1;
	} else {
		length = alv_be32(b);
	}
	*at = r->said.n + (size_t)(used > 0 ? used : 0);
	*n = length;
	return used > 0 && length > 0 && length <= INT32_MAX && left == (size_t)used + length + r->tail && ends_in_zeros(frame, r->tail);
}

/* Whole batches of today's kind, and not of a transaction. */
static bool
plain_batches(const struct alv_chain *frame, size_t at, size_t n)
{
	struct kfk_batches b = { .count = 0 };

	for (const struct alv_piece *x = frame->head; n > 0; x = x->next) {
		size_t part;

		if (at >= x->n) {
			at -= x->n;
			continue;
		}
		part = x->n - at < n ? x->n - at : n;
		if (kfk_batches_feed(&b, x->p + at, part))
			return false;
		n -= part;
		at = 0;
	}
	return b.skip == 0 && b.have == 0 && !b.transactional;
}

static void
put_request(struct api_call *c, const struct api_repeat *r, struct alv_chain *frame)
{
	uint8_t b[PART_MAX];

	memcpy(b, r->sent.p, r->sent.n);
	alv_chain_drop(frame, r->said.n);
	alv_put_be32(b, (uint32_t)(r->sent.n - SIZE + frame->n));
	alv_put_be32(b + SIZE + NUMBER, (uint32_t)c->hdr.correlation_id);
	alv_chain_copy(&c->out, b, r->sent.n);
	alv_chain_move(&c->out, frame);
}

bool
api_repeat_request(struct api_call *c, struct alv_chain *frame)
{
	const struct alv_piece *x = frame->head;
	struct api_repeat      *r = x == NULL ? NULL : find(c, x);
	size_t			at, n;

	if (r == NULL || pol_slot_full(c->conn->slot) || !find_records(r, frame, &at, &n) || !plain_batches(frame, at, n))
		return false;
	r->refs++;
	c->repeat = r;
	c->framed = true;
	c->def = r->def;
	c->hdr = (struct kfk_req_header){ .key = r->def->key, .version = r->version, .client_id = r->client_id,
		.correlation_id = (int32_t)alv_be32(x->p + NUMBER) };
	c->up_key = r->def->key;
	c->up_version = r->version;
	put_request(c, r, frame);
	api_quota_request(c);
	api_charge_topic(c, MET_PRODUCE, r->topic.virt, n);
	api_charge_request(c);
	return true;
}

/* ---- responses -------------------------------------------------------------------------------------------- */

/* Behind the offsets: no records in error, no text, no tagged fields; the throttle time may be any. */
static bool
ends_well(int16_t version, const uint8_t *p, size_t n)
{
	static const uint8_t flexible[] = { 1, 0, 0, 0 }, plain[] = { 0, 0, 0, 0, 0xff, 0xff };

	if (version >= 9)
		return n == sizeof(flexible) + 4 + 1 && memcmp(p, flexible, sizeof(flexible)) == 0 && p[n - 1] == 0;
	if (version == 8)
		return n == sizeof(plain) + 4 && memcmp(p, plain, sizeof(plain)) == 0;
	return n == 4;
}

/* The throttle time is what it ends with, but for tagged fields. */
static void
put_throttle(const struct api_call *c, int16_t version, uint8_t *end)
{
	uint8_t *at = end - 4 - (version >= 9);
	int64_t	 ms = api_throttle_ms(c);

	if (ms > (int32_t)alv_be32(at))
		alv_put_be32(at, (uint32_t)ms);
}

static void
put_answer(struct api_call *c, const struct api_repeat *r, const uint8_t *rest, size_t n)
{
	uint8_t b[PART_MAX + REST_MAX];
	size_t	all = r->acks.n + n;

	memcpy(b, r->acks.p, r->acks.n);
	memcpy(b + r->acks.n, rest, n);
	alv_put_be32(b, (uint32_t)(all - SIZE));
	alv_put_be32(b + SIZE, (uint32_t)c->hdr.correlation_id);
	if (c->throttle_until_us != 0)
		put_throttle(c, r->version, b + all);
	alv_chain_copy(&c->out, b, all);
	c->framed = true;
	c->answer_n = all - r->acks_head;
}

bool
api_repeat_response(struct api_call *c, const struct alv_chain *body)
{
	const struct api_repeat *r = c->repeat;
	const struct alv_piece	*x = body->head;
	size_t			 at = r->acked.n;

	if (x == NULL || x->n != body->n || x->n < at + OFFSETS || memcmp(x->p, r->acked.p, at) != 0 ||
	    !ends_well(r->version, x->p + at + OFFSETS, x->n - at - OFFSETS))
		return false;
	put_answer(c, r, x->p + at, x->n - at);
	return true;
}

bool
api_repeat_recall(struct api_call *c)
{
	const struct api_wanted *w = &c->repeat->topic;

	c->memo = alv_arena_alloc(&c->arena, sizeof(struct api_memo));
	return c->memo != NULL && api_asked_begin(c, 1) && api_asked_add(c, w->id, w->phys, w->virt) != NULL;
}
