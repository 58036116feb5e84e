/* Sealing and opening records, and the few messages that come after a handshake. See record.h.
 * Invariants: a sequence number is used once under a key, and counts also what was found bad, after which nothing is opened
 * any more; what a record says is looked at only when its tag was good. */
#include "net/record_int.h"

#include <alcove/check.h>

#include <openssl/err.h>

enum {
	TICKET = 4, KEY_UPDATE = 24,		/* kinds of handshake messages (4) */
	MESSAGE_HEAD = 4, TICKET_MAX = 1 << 17,
	CLOSE_NOTIFY = 0, USER_CANCELED = 90,
	IDLE_MAX = 32				/* records in a row that bring nothing; OpenSSL's bound */
};

/* What is wrong with a record: the alert that says so, and OpenSSL's reason, for its words. */
struct fault {
	uint8_t alert;
	int	reason;
};
static const struct fault forged = { SSL_AD_BAD_RECORD_MAC, SSL_R_DECRYPTION_FAILED_OR_BAD_RECORD_MAC };
static const struct fault too_long = { SSL_AD_RECORD_OVERFLOW, SSL_R_ENCRYPTED_LENGTH_TOO_LONG };
static const struct fault too_long_inside = { SSL_AD_RECORD_OVERFLOW, SSL_R_DATA_LENGTH_TOO_LONG };
static const struct fault too_short = { SSL_AD_DECODE_ERROR, SSL_R_LENGTH_TOO_SHORT };
static const struct fault wrong_type = { SSL_AD_UNEXPECTED_MESSAGE, SSL_R_UNEXPECTED_RECORD };
static const struct fault idle = { SSL_AD_UNEXPECTED_MESSAGE, SSL_R_RECORD_TOO_SMALL };
static const struct fault wrong_message = { SSL_AD_UNEXPECTED_MESSAGE, SSL_R_UNEXPECTED_MESSAGE };
static const struct fault wrong_place = { SSL_AD_UNEXPECTED_MESSAGE, SSL_R_NOT_ON_RECORD_BOUNDARY };
static const struct fault wrong_update = { SSL_AD_DECODE_ERROR, SSL_R_BAD_KEY_UPDATE };
static const struct fault wrong_alert = { SSL_AD_DECODE_ERROR, SSL_R_INVALID_ALERT };
static const struct fault internal = { SSL_AD_INTERNAL_ERROR, ERR_R_INTERNAL_ERROR };

struct net_record {
	struct net_record_way	       in, out;
	const struct net_record_suite *suite;
	const EVP_MD		      *md;
	bool			       server;	/* we are */
	bool			       owes;
	uint8_t			       idle;	/* records since the last that brought something */
	uint8_t			       head_n, head[MESSAGE_HEAD];	/* of a message that has begun */
	uint32_t		       skip;	/* bytes of a message that nobody needs */
	uint8_t			       alert;	/* to send; CLOSE_NOTIFY where nothing is wrong */
	bool			       silent;	/* the peer has ended it: no alert */
	int			       reason;	/* 0: nothing is wrong */
};

/* ---- coming and going --------------------------------------------------------------------------------- */

static bool
begin_way(struct net_record_way *w, const struct net_record *r, bool seals, const uint8_t *secret, uint64_t records)
{
	w->seals = seals;
	w->ctx = EVP_CIPHER_CTX_new();
	memcpy(w->secret, secret, NET_RECORD_SECRET);
	if (w->ctx == NULL || !net_record_key(w, r->suite, r->md))
		return false;
	w->seq = records;
	return true;
}

struct net_record *
net_record_new(const SSL *ssl, const struct net_secrets *x)
{
	const struct net_record_suite *suite = SSL_version(ssl) == TLS1_3_VERSION ? net_record_suite_of(ssl) : NULL;
	const EVP_MD		      *md = suite == NULL ? NULL : SSL_CIPHER_get_handshake_digest(SSL_get_current_cipher(ssl));
	struct net_record	      *r;
	bool			       ok;

	if (md == NULL || SSL_has_pending(ssl) || x->from_client.n != EVP_MD_get_size(md) || x->from_server.n != EVP_MD_get_size(md))
		return NULL;
	r = OPENSSL_zalloc(sizeof(*r));
	if (r == NULL)
		return NULL;
	r->suite = suite;
	r->md = md;
	r->server = SSL_is_server(ssl) != 0;
	ok = begin_way(&r->in, r, false, r->server ? x->from_client.secret : x->from_server.secret,
	    r->server ? x->from_client.records : x->from_server.records) &&
	    begin_way(&r->out, r, true, r->server ? x->from_server.secret : x->from_client.secret,
	    r->server ? x->from_server.records : x->from_client.records);
	if (ok)
		return r;
	net_record_free(r);
	return NULL;
}

void
net_record_free(struct net_record *r)
{
	if (r == NULL)
		return;
	EVP_CIPHER_CTX_free(r->in.ctx);	/* wipes the key */
	EVP_CIPHER_CTX_free(r->out.ctx);
	OPENSSL_clear_free(r, sizeof(*r));
}

const char *
net_record_why(const struct net_record *r)
{
	const char *text = r->reason == 0 ? NULL : ERR_reason_error_string(ERR_PACK(ERR_LIB_SSL, 0, r->reason));

	return text == NULL ? "TLS failed" : text;
}

static enum net_record_is
bad(struct net_record *r, const struct fault *f)
{
	r->alert = f->alert;
	r->reason = f->reason;
	return NET_RECORD_BAD;
}

/* ---- the cipher ---------------------------------------------------------------------------------------- */

/* The header is what the tag covers besides (5.2). */
static bool
begin(struct net_record_way *w, const uint8_t head[static NET_RECORD_HEAD])
{
	uint8_t nonce[NET_RECORD_IV];
	int	n;

	memcpy(nonce, w->iv, sizeof(nonce));
	for (size_t i = 0; i < 8; i++)
		nonce[NET_RECORD_IV - 1 - i] ^= (uint8_t)(w->seq >> 8 * i);
	w->seq++;
	return EVP_CipherInit_ex(w->ctx, NULL, NULL, NULL, nonce, -1) == 1 &&
	    EVP_CipherUpdate(w->ctx, NULL, &n, head, NET_RECORD_HEAD) == 1;
}

static bool
add(struct net_record_way *w, uint8_t *to, const uint8_t *from, size_t n)
{
	int done = 0;

	return n == 0 || (EVP_CipherUpdate(w->ctx, to, &done, from, (int)n) == 1 && done == (int)n);
}

/* ---- sending ------------------------------------------------------------------------------------------- */

/* What is sent calls itself application data of TLS 1.2 whatever it is. */
static bool
begin_sealing(struct net_record *r, size_t n, uint8_t *out)
{
	size_t body = n + 1 + NET_RECORD_TAG;

	out[0] = SSL3_RT_APPLICATION_DATA;
	out[1] = 3;
	out[2] = 3;
	out[3] = (uint8_t)(body >> 8);
	out[4] = (uint8_t)body;
	return begin(&r->out, out);
}

static bool
end_sealing(struct net_record *r, uint8_t type, uint8_t *at)
{
	int none = 0;

	return add(&r->out, at, &type, 1) && EVP_CipherFinal_ex(r->out.ctx, at + 1, &none) == 1 &&
	    EVP_CIPHER_CTX_ctrl(r->out.ctx, EVP_CTRL_AEAD_GET_TAG, NET_RECORD_TAG, at + 1) == 1;
}

bool
net_record_seal(struct net_record *r, const struct alv_chain *from, size_t n, uint8_t *out)
{
	uint8_t *at = out + NET_RECORD_HEAD;

	ALV_CHECK(n > 0 && n <= NET_RECORD_PLAIN && n <= from->n);
	if (!begin_sealing(r, n, out))
		return false;
	for (const struct alv_piece *x = from->head; n > 0; x = x->next) {
		size_t part = x->n < n ? x->n : n;

		if (!add(&r->out, at, x->p, part))
			return false;
		at += part;
		n -= part;
	}
	return end_sealing(r, SSL3_RT_APPLICATION_DATA, at);
}

static size_t
seal_small(struct net_record *r, uint8_t type, const uint8_t *p, size_t n, uint8_t *out)
{
	uint8_t *at = out + NET_RECORD_HEAD;

	ALV_CHECK(n + NET_RECORD_MORE <= NET_RECORD_SMALL);
	return begin_sealing(r, n, out) && add(&r->out, at, p, n) && end_sealing(r, type, at + n) ? n + NET_RECORD_MORE : 0;
}

size_t
net_record_renew(struct net_record *r, uint8_t *out)
{
	static const uint8_t message[] = { KEY_UPDATE, 0, 0, 1, SSL_KEY_UPDATE_NOT_REQUESTED };
	size_t		     n = seal_small(r, SSL3_RT_HANDSHAKE, message, sizeof(message), out);

	r->owes = false;
	return n > 0 && net_record_next(&r->out, r->suite, r->md) ? n : 0;
}

bool
net_record_owes(const struct net_record *r)
{
	return r->owes;
}

size_t
net_record_bye(struct net_record *r, uint8_t *out)
{
	const uint8_t alert[] = { r->reason == 0 ? SSL3_AL_WARNING : SSL3_AL_FATAL, r->alert };

	return r->silent ? 0 : seal_small(r, SSL3_RT_ALERT, alert, sizeof(alert), out);
}

/* ---- receiving ----------------------------------------------------------------------------------------- */

static enum net_record_is
take_alert(struct net_record *r, const uint8_t *p, size_t n)
{
	if (n != 2)
		return bad(r, &wrong_alert);
	if (p[1] == CLOSE_NOTIFY)
		return NET_RECORD_END;
	if (p[1] == USER_CANCELED)	/* close_notify follows */
		return NET_RECORD_DATA;
	r->silent = true;	/* all others end it, whatever level they say (6) */
	r->reason = SSL_AD_REASON_OFFSET + p[1];
	return NET_RECORD_BAD;
}

/* The header of a message is there. */
static enum net_record_is
begin_message(struct net_record *r)
{
	uint32_t n = (uint32_t)r->head[1] << 16 | (uint32_t)r->head[2] << 8 | r->head[3];

	if (r->head[0] == KEY_UPDATE)
		return n == 1 ? NET_RECORD_DATA : bad(r, &wrong_update);
	if (r->head[0] != TICKET || r->server || n > TICKET_MAX)
		return bad(r, &wrong_message);
	r->skip = n;	/* sessions with brokers are not resumed */
	r->head_n = 0;
	return NET_RECORD_DATA;
}

static enum net_record_is
update_key(struct net_record *r, uint8_t asks, bool last)
{
	if (asks != SSL_KEY_UPDATE_NOT_REQUESTED && asks != SSL_KEY_UPDATE_REQUESTED)
		return bad(r, &wrong_update);
	if (!last)	/* what follows in this record would be under a key that is gone (5.1) */
		return bad(r, &wrong_place);
	r->head_n = 0;
	r->owes = r->owes || asks == SSL_KEY_UPDATE_REQUESTED;
	return net_record_next(&r->in, r->suite, r->md) ? NET_RECORD_DATA : bad(r, &internal);
}

/* Messages may share a record, or go on in the next one. */
static enum net_record_is
take_messages(struct net_record *r, const uint8_t *p, size_t n)
{
	enum net_record_is is = n > 0 ? NET_RECORD_DATA : bad(r, &wrong_message);

	while (n > 0 && is == NET_RECORD_DATA) {
		size_t part = 1;

		if (r->skip > 0) {
			part = r->skip < n ? r->skip : n;
			r->skip -= (uint32_t)part;
		} else if (r->head_n == MESSAGE_HEAD) {
			is = update_key(r, *p, n == 1);
		} else {
			r->head[r->head_n++] = *p;
			if (r->head_n == MESSAGE_HEAD)
				is = begin_message(r);
		}
		p += part;
		n -= part;
	}
	return is;
}

static enum net_record_is
take(struct net_record *r, uint8_t type, const uint8_t *p, size_t n, size_t *got)
{
	bool within = r->skip > 0 || r->head_n > 0;

	if (type == SSL3_RT_APPLICATION_DATA && n > 0 && !within) {
		r->idle = 0;
		*got = n;
		return NET_RECORD_DATA;
	}
	if (++r->idle > IDLE_MAX)
		return bad(r, &idle);
	if (type == SSL3_RT_HANDSHAKE)
		return take_messages(r, p, n);
	if (within)	/* a message may not be interrupted (5.1) */
		return bad(r, &wrong_type);
	if (type == SSL3_RT_ALERT)
		return take_alert(r, p, n);
	return type == SSL3_RT_APPLICATION_DATA ? NET_RECORD_DATA : bad(r, &wrong_type);
}

size_t
net_record_size(struct net_record *r, const uint8_t head[static NET_RECORD_HEAD])
{
	size_t body = (size_t)head[3] << 8 | head[4];

	/* The version says nothing (5.1); the tag covers it. */
	if (head[0] != SSL3_RT_APPLICATION_DATA)
		(void)bad(r, &wrong_type);
	else if (body > NET_RECORD_MAX - NET_RECORD_HEAD)
		(void)bad(r, &too_long);
	else if (body < 1 + NET_RECORD_TAG)
		(void)bad(r, &too_short);
	else
		return NET_RECORD_HEAD + body;
	return 0;
}

/* Type and padding stand behind the payload. The last byte is apart, so that payload alone needs room. */
static bool
decrypt(struct net_record *r, const uint8_t *p, size_t payload, uint8_t *out, uint8_t *last)
{
	const uint8_t *body = p + NET_RECORD_HEAD;
	uint8_t	       tag[NET_RECORD_TAG];
	int	       none = 0;

	memcpy(tag, body + payload + 1, sizeof(tag));
	return begin(&r->in, p) && add(&r->in, out, body, payload) && add(&r->in, last, body + payload, 1) &&
	    EVP_CIPHER_CTX_ctrl(r->in.ctx, EVP_CTRL_AEAD_SET_TAG, NET_RECORD_TAG, tag) == 1 &&
	    EVP_CipherFinal_ex(r->in.ctx, tag, &none) == 1;
}

enum net_record_is
net_record_open(struct net_record *r, const uint8_t *p, size_t n, uint8_t *out, size_t *got)
{
	size_t	payload = net_record_room(n);
	uint8_t type;

	ALV_CHECK(n >= NET_RECORD_MORE);
	*got = 0;
	if (r->reason != 0)
		return NET_RECORD_BAD;
	if (!decrypt(r, p, payload, out, &type))
		return bad(r, &forged);
	if (payload > NET_RECORD_PLAIN)
		return bad(r, &too_long_inside);
	while (type == 0 && payload > 0)
		type = out[--payload];
	return take(r, type, out, payload, got);
}
