/* A stream's TLS 1.3 once its handshake is over, by record.c: from the loop's shared buffer straight into the blocks that stay, and
 * from those straight into the shared buffer that is sent.
 * Invariants as in stream_tls.c; what a stream keeps of ciphertext is part of one record (`part`). */
#include <alcove/check.h>

#include "net/stream_int.h"

#include <openssl/crypto.h>

struct net_stream_part {
	size_t	n, cap;
	uint8_t data[];
};

static const char cannot[] = "a record could not be encrypted";

/* ---- beginning, ending -------------------------------------------------------------------------------- */

bool
net_record_await(struct net_stream *s)
{
	s->secrets = OPENSSL_zalloc(sizeof(*s->secrets));
	return s->secrets != NULL && net_record_watch(s->ssl, s->secrets);
}

static void
drop_secrets(struct net_stream *s)
{
	if (s->ssl != NULL && s->secrets != NULL)
		net_record_unwatch(s->ssl);
	OPENSSL_clear_free(s->secrets, sizeof(*s->secrets));
	s->secrets = NULL;
}

void
net_record_begin(struct net_stream *s)
{
	s->record = net_record_new(s->ssl, s->secrets);
	drop_secrets(s);
	s->tls_need = 0;
}

void
net_record_drop(struct net_stream *s)
{
	drop_secrets(s);
	net_record_free(s->record);
	s->record = NULL;
	OPENSSL_free(s->part);
	s->part = NULL;
}

/* ---- reading ------------------------------------------------------------------------------------------ */

size_t
net_record_kept(const struct net_stream *s)
{
	return s->part == NULL ? 0 : s->part->n;
}

void
net_record_restore(struct net_stream *s)
{
	if (s->part == NULL)
		return;
	memcpy(s->ctx->shared->in, s->part->data, s->part->n);
	s->part->n = 0;
}

/* Full records come in pieces that threads keep (tls_mem.c). */
static bool
part_for(struct net_stream *s, size_t record)
{
	if (s->part != NULL && s->part->cap >= record)
		return true;
	OPENSSL_free(s->part);
	s->part = OPENSSL_malloc(sizeof(*s->part) + record);
	if (s->part != NULL)
		s->part->cap = record;
	return s->part != NULL;
}

/* What is left in the shared buffer: less than a record of `record` bytes, which is 0 where even its header is not whole. */
static enum net_io
keep_part(struct net_stream *s, size_t record)
{
	struct net_stream_shared *sh = s->ctx->shared;
	size_t			  n = sh->in_n - sh->in_at;

	s->tls_need = n == 0 ? 0 : (uint32_t)((record == 0 ? NET_RECORD_HEAD : record) - n);
	if (n == 0) {
		OPENSSL_free(s->part);
		s->part = NULL;
		return NET_IO_OK;
	}
	if (!part_for(s, record == 0 ? NET_RECORD_HEAD : record))
		return NET_IO_NOMEM;
	memcpy(s->part->data, sh->in + sh->in_at, n);
	s->part->n = n;
	sh->in_at = sh->in_n;
	return NET_IO_OK;
}

static enum net_io
refuse(struct net_stream *s)
{
	struct net_stream_shared *sh = s->ctx->shared;

	s->tls_why = net_record_why(s->record);
	sh->out_n += net_record_bye(s->record, sh->out + sh->out_n);
	return NET_IO_TLS;
}

/* Into the block that stays where it has the room for all of it, else by way of the scratch buffer. */
static enum net_record_is
open_into(struct net_stream *s, const uint8_t *p, size_t n, struct net_room *to, size_t *got)
{
	struct net_stream_shared *sh = s->ctx->shared;
	enum net_record_is	  is;

	if (to->n >= net_record_room(n)) {
		is = net_record_open(s->record, p, n, to->p, got);
		net_room_take(s, to, is == NET_RECORD_DATA ? *got : 0);
		return is;
	}
	net_room_take(s, to, 0);
	is = net_record_open(s->record, p, n, sh->scratch, got);
	if (is == NET_RECORD_DATA)
		(void)net_room_copy(s, sh->scratch, *got);	/* in.err tells */
	return is;
}

static enum net_io
open_one(struct net_stream *s, size_t n)
{
	struct net_stream_shared *sh = s->ctx->shared;
	const uint8_t		 *p = sh->in + sh->in_at;
	struct net_room		  to;
	size_t			  got;

	if (!net_room_get(s, sh->in_n - sh->in_at, &to))
		return NET_IO_NOMEM;
	sh->in_at += n;
	switch (open_into(s, p, n, &to, &got)) {
	case NET_RECORD_DATA:
		return s->in.err ? NET_IO_NOMEM : NET_IO_OK;
	case NET_RECORD_END:
		return NET_IO_EOF;
	default:
		return refuse(s);
	}
}

static enum net_io
renew(struct net_stream *s)
{
	struct net_stream_shared *sh = s->ctx->shared;
	size_t			  n = net_record_renew(s->record, sh->out + sh->out_n);

	sh->out_n += n;
	s->under_key = 0;
	if (n > 0)
		return NET_IO_OK;
	s->tls_why = cannot;
	return NET_IO_TLS;
}

enum net_io
net_record_read(struct net_stream *s)
{
	struct net_stream_shared *sh = s->ctx->shared;
	enum net_io		  io = NET_IO_OK;
	size_t			  n = 0;

	while (io == NET_IO_OK && sh->in_n - sh->in_at >= NET_RECORD_HEAD) {
		n = net_record_size(s->record, sh->in + sh->in_at);
		if (n == 0)
			return refuse(s);
		if (n > sh->in_n - sh->in_at)
			break;
		io = open_one(s, n);
		n = 0;
	}
	if (io == NET_IO_OK)
		io = keep_part(s, n);
	if (io != NET_IO_OK || !net_record_owes(s->record))
		return io;
	return renew(s);
}

/* ---- writing ------------------------------------------------------------------------------------------ */

/* The shared buffer has room for a whole record, and NET_TLS_SLACK more. */
enum net_io
net_record_write(struct net_stream *s)
{
	struct net_stream_shared *sh = s->ctx->shared;
	size_t			  n = s->out.n < NET_RECORD_PLAIN ? s->out.n : NET_RECORD_PLAIN;

	if (s->under_key >= s->ctx->rekey_records && renew(s) != NET_IO_OK)
		return NET_IO_TLS;
	if (!net_record_seal(s->record, &s->out, n, sh->out + sh->out_n)) {
		s->tls_why = cannot;
		return NET_IO_TLS;
	}
	s->under_key++;
	sh->out_n += n + NET_RECORD_MORE;
	alv_chain_drop(&s->out, n);
	s->bytes_out += n;
	return NET_IO_OK;
}
