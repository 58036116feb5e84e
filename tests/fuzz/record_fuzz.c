/* What a peer may put into TLS 1.3's records once the handshake is over: each is really encrypted under its keys, unless a bit is
 * to be changed, and opened as a stream does it. What must hold: nothing that was changed is opened; payload comes out as it
 * went in; nothing is opened behind what was bad; what is answered is a record that the peer can open.
 *
 * Input: the side that we are, then records: how (bits), length, inner type, padding, content. */
#include "tests/unit/gateway/net/record_kit.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define MUST(e) record_must(e, #e)

enum { SEALER_FOLLOWS = 1, CHANGED = 2, REPEATED = 4, LONG = 8 };

static struct shaken shaken[2];	/* AES-128, ChaCha20 */

struct in {
	const uint8_t *p, *end;
};

struct run {
	struct net_record *own, *peer;
	struct sealer	   by_peer;
	bool		   over;
	size_t		   last;	/* bytes of the last record in wire */
};

static uint8_t wire[NET_RECORD_MAX + 64], inner[NET_RECORD_PLAIN + 300];

static uint8_t
next(struct in *in)
{
	return in->p == in->end ? 0 : *in->p++;
}

static void
once(void)
{
	static struct certs certs;

	if (shaken[0].client != NULL)
		return;
	certs_make(&certs);
	shake(&shaken[0], &certs.server, "TLS_AES_128_GCM_SHA256", TLS1_3_VERSION);
	shake(&shaken[1], &certs.server, "TLS_CHACHA20_POLY1305_SHA256", TLS1_3_VERSION);
	certs_drop(&certs);
}

/* What we owe the peer, and what we say at the end. */
static void
answer(struct run *r)
{
	uint8_t		   out[NET_RECORD_SMALL], plain[NET_RECORD_SMALL];
	size_t		   n, got;
	enum net_record_is is;

	if (net_record_owes(r->own)) {
		n = net_record_renew(r->own, out);
		MUST(n > 0 && n <= sizeof(out) && !net_record_owes(r->own));
		is = net_record_open(r->peer, out, n, plain, &got);
		MUST(is == NET_RECORD_DATA || n > 0);	/* the peer has its own bound for them */
	}
	if (!r->over)
		return;
	n = net_record_bye(r->own, out);
	MUST(n <= sizeof(out));
	if (n > 0)
		(void)net_record_open(r->peer, out, n, plain, &got);
}

/* Takes what lies in wire; in an allocation of just its size, so that writing beyond shows. */
static void
take(struct run *r, size_t n, const uint8_t *content, size_t content_n, bool changed)
{
	size_t		   size = net_record_size(r->own, wire), got = 77;
	uint8_t		  *copy = malloc(n), *out = malloc(net_record_room(n) + 1);
	enum net_record_is is;

	MUST(copy != NULL && out != NULL);
	memcpy(copy, wire, n);
	MUST(size == 0 || size == n);
	is = size == 0 ? NET_RECORD_BAD : net_record_open(r->own, copy, n, out, &got);
	MUST(is != NET_RECORD_DATA || !r->over);
	MUST(!changed || is == NET_RECORD_BAD);
	if (is == NET_RECORD_DATA && got > 0)	/* without a type, what is before the padding ends with one */
		MUST(content != NULL && memcmp(out, content, got) == 0 && (got == content_n || (content[content_n] == 0 && got < content_n)));
	MUST(is != NET_RECORD_BAD || strlen(net_record_why(r->own)) > 0);
	r->over = r->over || is == NET_RECORD_BAD;
	free(copy);
	free(out);
	answer(r);
}

static void
one(struct run *r, struct in *in)
{
	uint8_t how = next(in), type = next(in), pad = next(in);
	size_t	n = how & LONG ? (size_t)next(in) << 8 | next(in) : next(in), size;

	if (how & REPEATED && r->last > 0) {
		take(r, r->last, NULL, 0, true);
		return;
	}
	n = n < NET_RECORD_PLAIN + 4 ? n : NET_RECORD_PLAIN + 4;
	for (size_t i = 0; i < n; i++)
		inner[i] = in->p == in->end ? (uint8_t)i : *in->p++;
	inner[n] = type;
	memset(inner + n + 1, 0, pad);
	size = sealer_seal(&r->by_peer, inner, n + 1 + pad, wire);
	if (how & SEALER_FOLLOWS)
		sealer_next(&r->by_peer);
	if (size > NET_RECORD_MAX)
		return;
	if (how & CHANGED)
		wire[5 + next(in) % (size - 5)] ^= (uint8_t)(1 << pad % 8);
	r->last = size;
	take(r, size, inner, n, how & CHANGED);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct in	     in = { data, data + n };
	const struct shaken *x;
	struct run	     r = { .over = false };
	uint8_t		     first;

	once();
	first = next(&in);
	x = &shaken[first & 1];
	r.own = net_record_new(first & 2 ? x->client : x->server, first & 2 ? &x->at_client : &x->at_server);
	r.peer = net_record_new(first & 2 ? x->server : x->client, first & 2 ? &x->at_server : &x->at_client);
	MUST(r.own != NULL && r.peer != NULL);
	sealer_init(&r.by_peer, x, !(first & 2));
	for (int i = 0; i < 60 && in.p < in.end; i++)
		one(&r, &in);
	net_record_free(r.own);
	net_record_free(r.peer);
	return 0;
}
