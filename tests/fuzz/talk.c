/* Conversations of talk.h. What must hold besides what talk_look.c looks for: no crash, every block comes back, nobody who
 * cannot know a password gets in. */
#include "tests/fuzz/talk.h"

#include "api/repeat.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define W talk_world

/* ---- bodies ---------------------------------------------------------------------------------------------------------- */

static void
replace(uint8_t *p, size_t n, const char *what, const char *by)
{
	size_t len = strlen(what);

	for (uint8_t *at = p; n > 0 && (at = memmem(at, n - (size_t)(at - p), what, len)) != NULL; at += len)
		memcpy(at, by, len);
}

static const char *
session_bytes(const struct talk *k)
{
	static uint8_t b[4];

	alv_put_be32(b, (uint32_t)k->session);
	return (const char *)b;
}

static void
raw_body(struct talk *k, enum kfk_dir dir)
{
	size_t	 n = (size_t)in_u8(&k->in) << 8, left;
	uint8_t *copy;

	n |= in_u8(&k->in);
	left = (size_t)(k->in.end - k->in.p);
	n = n < left ? n : left;
	k->made = k->all_made = false;
	copy = malloc(n + 1);
	MUST(copy != NULL);
	memcpy(copy, k->in.p, n);
	k->in.p += n;
	if (dir == KFK_RESPONSE) {
		replace(copy, n, OWN, "acme.");
		replace(copy, n, OTHER, NEEDLE);
	} else {
		replace(copy, n, SESSION, session_bytes(k));
	}
	for (size_t at = 0, most = k->in_one ? n : PIECE; at < n; at += most) {	/* blocks of their own: a view that outlives them is seen */
		size_t		  part = n - at < most ? n - at : most;
		struct alv_block *b = alv_block_get(W.worker.pool, part);

		MUST(b != NULL);
		memcpy(b->data, copy + at, part);
		b->used = (uint32_t)part;
		alv_chain_ref(&k->body, b, b->data, part);
		alv_block_put(b);
	}
	free(copy);
}

static void
made_body(struct talk *k, struct in *in, const struct kfk_schema *s, int16_t version)
{
	struct make g = { .in = in, .session = k->session };

	g.consumer = s->dir == KFK_RESPONSE && k->call.memo != NULL && ((const struct api_memo *)k->call.memo)->consumer;
	if (!make_body(&g, s, version, &k->arena, &k->body))
		alv_chain_clear(&k->body);
}

/* Decisions out of one byte. */
static void
plain_body(struct talk *k, const struct kfk_schema *s, int16_t version)
{
	uint8_t	  all[512];
	uint32_t  x = 0x9e3779b9u * (1u + in_u8(&k->in));
	struct in in = { all, all + sizeof(all) };

	for (size_t i = 0; i < sizeof(all); i++) {
		x ^= x << 13;
		x ^= x >> 17;
		x ^= x << 5;
		all[i] = (uint8_t)x;
	}
	made_body(k, &in, s, version);
}

static void
remember(struct alv_buf *b, const struct alv_chain *body)
{
	uint8_t *flat = malloc(body->n + 1);

	MUST(flat != NULL && alv_chain_peek(body, 0, flat, body->n));
	alv_buf_add(b, flat, body->n);
	free(flat);
}

static void
next_body(struct talk *k, int16_t key, enum kfk_dir dir, int16_t version, bool raw)
{
	const struct kfk_schema *s = kfk_schema_find(key, dir);
	static const uint8_t	 none[1];
	struct in		 nothing = { none, none };

	alv_chain_clear(&k->body);
	if (dir == KFK_RESPONSE)
		k->raw_answer = raw;
	if (raw || s == NULL || !kfk_versions_has(s->versions, version))
		raw_body(k, dir);
	else if (dir == KFK_REQUEST && talk_target.plain_requests)
		plain_body(k, s, version);
	else
		made_body(k, dir == KFK_RESPONSE && talk_target.no_answers ? &nothing : &k->in, s, version);
	remember(dir == KFK_REQUEST ? &k->said : &k->told, &k->body);
}

/* ---- what the proxy does ------------------------------------------------------------------------------------------ */

static void
resolve_ids(struct talk *k)
{
	MUST(!k->call.ids_asked && k->call.nids > 0);
	k->call.ids_asked = true;
	if ((in_u8(&k->in) & 1) == 0)
		return;
	clu_ids_learn(W.worker.ids, make_id('u'), ALV_STR("acme.late"), W.worker.now_us);
	clu_ids_learn(W.worker.ids, make_id('v'), ALV_STR("globex." NEEDLE), W.worker.now_us);
}

/* Does what the proxy does with a call that waits, until it waits no more. */
static enum api_result
wait(struct talk *k, enum api_result r, bool response)
{
	for (int i = 0; r == API_WAIT; i++) {
		MUST(i < WAITS_MAX && k->call.wait != API_WAIT_NONE);
		switch (k->call.wait) {
		case API_WAIT_WORK:
			aut_server_work(k->conn.sasl);
			break;
		case API_WAIT_CHANGE:
			MUST(k->call.change != NULL && k->call.change->native);
			k->call.change->err = i % 2 == 0 ? ALV_OK : ALV_E_STORE;
			break;
		case API_WAIT_GROUPS:
			MUST(!k->call.groups_asked);
			k->call.groups_asked = true;
			r = api_request(&k->call, &k->body);
			continue;
		case API_WAIT_IDS:
			resolve_ids(k);
			if (!response) {
				r = api_request(&k->call, &k->body);
				continue;
			}
			alv_chain_clear(&k->body);	/* the api layer keeps what it needs */
			break;
		default:
			break;
		}
		r = api_resume(&k->call);
	}
	return r;
}

static const struct api_def *
next_def(struct talk *k)
{
	uint8_t		      x = in_u8(&k->in);
	const struct api_def *d = NULL;

	if (talk_target.keys != NULL)
		return api_def_find(talk_target.keys[x % talk_target.nkeys]);
	for (x &= HAPPENS; d == NULL; x = (x + 1) & HAPPENS)
		d = api_def_find(x);
	return d;
}

static bool
begin(struct talk *k)
{
	bool		      any = k->in.p < k->in.end && talk_target.keys == NULL && *k->in.p & 0x80;
	const struct api_def *d = next_def(k);
	uint8_t		      x = in_u8(&k->in);
	int		      version = x & 0x1f;

	if (version < d->lo || version > d->hi)
		version = d->lo + version % (d->hi - d->lo + 1);
	memset(&k->call, 0, sizeof(k->call));
	k->call.conn = &k->conn;
	k->call.request_bytes = 100;
	k->call.hdr = (struct kfk_req_header){ .key = d->key, .version = (int16_t)version, .correlation_id = 4,
		.client_id = x & 0x80 ? ALV_STR("__admin_client") : ALV_STR("test") };
	if (any) {
		k->call.hdr.key = (int16_t)(in_u8(&k->in) - 1);
		k->call.hdr.version = (int16_t)(in_u8(&k->in) - 1);
	}
	alv_arena_init(&k->call.arena, 1 << 22);
	x = in_u8(&k->in);
	k->in_one = x & 8;
	k->fail_at = x >> 2 < 32 || !talk_target.fails ? 0 : (x >> 2) - 31;
	return (x & 3) == 3;
}

/* Every request is first held against those that were said before, as a whole frame. */
static bool
again(struct talk *k)
{
	struct api_call	     *c = &k->call;
	struct kfk_req_header h;
	struct alv_chain      frame;
	uint8_t		     *flat = malloc(k->body.n + 1);
	bool		      same;

	alv_chain_init(&frame, W.worker.pool);
	kfk_req_header_write(&frame, &c->hdr, k->body.n);
	MUST(flat != NULL && alv_chain_peek(&k->body, 0, flat, k->body.n));
	alv_chain_copy(&frame, flat, k->body.n);
	free(flat);
	alv_chain_drop(&frame, 4);
	alv_chain_pack(&frame);
	MUST(!frame.err);
	if (kfk_req_header_read(&frame, &k->arena, &h) == ALV_OK)
		c->hdr.size = h.size;
	talk_fail_at = k->fail_at;
	same = api_again(c, &frame);
	MUST(!same || (frame.n == 0 && c->framed));
	alv_chain_clear(&frame);
	return same;
}

static enum api_result
request(struct talk *k)
{
	enum api_result r = API_FORWARD;

	if (!again(k))
		r = api_request(&k->call, &k->body);
	talk_fail_at = 0;
	return r;
}

static enum api_result
response(struct talk *k)
{
	enum api_result r;

	talk_fail_at = k->fail_at;
	r = api_response(&k->call, &k->body);
	talk_fail_at = 0;
	return r;
}

/* The same while it comes, in pieces that the bytes choose: what has left was announced, holds nothing of others even where
 * the rest never comes, and is whole in the end. */
static enum api_result
passes(struct talk *k)
{
	size_t		 all = k->body.n;
	struct alv_chain part, gone;
	enum api_result	 r = API_MORE;

	alv_chain_init(&gone, W.worker.pool);
	alv_chain_init(&part, W.worker.pool);
	while (r == API_MORE) {
		size_t n = (size_t)in_u8(&k->in) + 1, before = k->call.answer_n;
		bool   last = k->in.p == k->in.end || n >= k->body.n;

		alv_chain_cut(&part, &k->body, last ? k->body.n : n);
		talk_fail_at = k->fail_at;
		r = part.err ? API_CLOSE : api_stream(&k->call, all, &part);
		talk_fail_at = 0;
		alv_chain_clear(&part);
		MUST(k->call.out.n == 0 || k->call.answer_n > 0);
		MUST(before == 0 || r == API_CLOSE || before == k->call.answer_n);
		alv_chain_move(&gone, &k->call.out);
		MUST(r != API_MORE || !last);
	}
	MUST(r == API_ANSWER || r == API_CLOSE);
	MUST(r != API_ANSWER || gone.n == k->call.answer_n);
	if (!k->raw_answer)
		talk_look_gone(&gone);
	if (r == API_ANSWER)
		alv_chain_move(&k->call.out, &gone);
	alv_chain_clear(&gone);
	return r;
}

static enum api_result
answer(struct talk *k)
{
	uint8_t how = talk_target.no_answers ? 0 : in_u8(&k->in);

	k->in_one = how & 8;
	next_body(k, k->call.up_key, KFK_RESPONSE, k->call.up_version, (how & 3) == 3);
	if (api_streams(&k->call) && (talk_target.pieces || how & 4))
		return passes(k);
	return wait(k, response(k), true);
}

/* ---- a conversation ---------------------------------------------------------------------------------------------- */

/* True: the connection goes on. */
static bool
ask(struct talk *k)
{
	bool		raw = begin(k), before = k->conn.auth == API_AUTH_DONE;
	enum api_result r;

	k->made = true;
	k->raw_answer = false;
	if (k->conn.raw_sasl) {
		r = wait(k, api_raw_token(&k->call, in_str(&k->in, 200)), false);
	} else {
		next_body(k, k->call.hdr.key, KFK_REQUEST, k->call.hdr.version, raw);
		r = wait(k, request(k), false);
	}
	MUST(before || k->conn.auth != API_AUTH_DONE);
	if (r == API_FORWARD) {
		MUST(before && k->conn.slot != NULL && !k->call.raw);
		talk_look_upstream(k);
		if (k->call.no_response)
			return true;
		r = answer(k);
		MUST(r != API_FORWARD && r != API_MORE);
	}
	if (r == API_ANSWER)
		talk_look_answer(k);
	else
		MUST(k->call.out.n == 0);
	return r == API_ANSWER && !k->call.close_after;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct talk k = { .in = { data, data + n }, .all_made = true };
	bool	    more = true;

	/* What the bytes say themselves may come back: then neither mark would tell anything. */
	if (n == 0 || memmem(data, n, NEEDLE, strlen(NEEDLE)) != NULL || memmem(data, n, "acme.", 5) != NULL)
		return 0;
	if (W.qsbr == NULL)
		talk_build();
	W.worker.ids = clu_ids_new(100);
	W.shared.tally = tal_book_new();
	memset(W.worker.asked, 0, sizeof(W.worker.asked));
	alv_arena_init(&k.arena, 1 << 24);
	alv_chain_init(&k.body, W.worker.pool);
	alv_buf_init(&k.said, SAID_MAX);
	alv_buf_init(&k.told, SAID_MAX);
	talk_connect(&k, in_u8(&k.in));
	for (int i = 0; i < STEPS_MAX && more && (i == 0 || k.in.p < k.in.end); i++) {
		if (k.in.p < k.in.end && *k.in.p == HAPPENS) {
			k.in.p++;
			more = talk_happens(&k, in_u8(&k.in));
			continue;
		}
		more = ask(&k);
		api_call_fini(&k.call);
	}
	api_conn_fini(&k.conn);
	alv_chain_clear(&k.body);
	alv_buf_fini(&k.said);
	alv_buf_fini(&k.told);
	alv_arena_fini(&k.arena);
	clu_ids_free(W.worker.ids);
	tal_book_free(W.shared.tally);
	api_keep_free(W.worker.keep);
	MUST(alv_pool_out(W.worker.pool) == 0);
	return 0;
}
