/* TLS of a stream: the handshake, and TLS 1.2, over bio.c; behind the handshake of TLS 1.3 stream_record.c takes over. Invariants: a step reads no more ciphertext than may be taken into `in`, or than completes
 * the record at hand, and decrypts all of it: nothing is left behind in the shared buffer, and what OpenSSL keeps is
 * part of one record. SSL_write is called only when the shared buffer has room for a whole record, so it never blocks. */
#include <alcove/check.h>

#include "net/stream_int.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

/* Must be asked right after the call that failed. */
static const char *
why(const struct net_stream *s)
{
	unsigned long e = ERR_peek_error();
	const char   *text = e == 0 ? NULL : ERR_reason_error_string(e);
	long	      v = SSL_get_verify_result(s->ssl);

	if (v != X509_V_OK && ERR_GET_REASON(e) == SSL_R_CERTIFICATE_VERIFY_FAILED)
		return X509_verify_cert_error_string(v);
	return text == NULL ? "TLS failed" : text;
}

enum alv_err
net_tls_attach(struct net_stream *s, SSL *ssl)
{
	BIO *b;

	if (ssl == NULL)
		return ALV_E_TLS;
	b = net_bio_new(s);
	if (b == NULL) {
		SSL_free(ssl);
		return ALV_E_NOMEM;
	}
	SSL_set_bio(ssl, b, b);
	if (SSL_set_app_data(ssl, s) != 1) {
		SSL_free(ssl);
		return ALV_E_NOMEM;
	}
	s->ssl = ssl;
	if (net_record_await(s))
		return ALV_OK;
	net_tls_drop(s);
	return ALV_E_NOMEM;
}

void
net_tls_opened(struct net_stream *s)
{
	if (s->record == NULL)
		return;
	SSL_free(s->ssl);
	s->ssl = NULL;
}

void
net_tls_drop(struct net_stream *s)
{
	net_record_drop(s);
	SSL_free(s->ssl);
	s->ssl = NULL;
}

/* Before a call whose failure is to be told. What succeeds leaves nothing behind, and clearing frees 32 strings that are
 * not there. */
static void
no_errors(void)
{
	if (ERR_peek_error() != 0)
		ERR_clear_error();
}

enum net_io
net_tls_handshake(struct net_stream *s)
{
	enum net_io io;
	int	    r, e;

	no_errors();
	r = SSL_do_handshake(s->ssl);
	e = r == 1 ? SSL_ERROR_NONE : SSL_get_error(s->ssl, r);
	if (e != SSL_ERROR_NONE && e != SSL_ERROR_WANT_READ && s->tls_why == NULL)
		s->tls_why = why(s);
	io = net_bio_flush(s);	/* a failure's alert, too */
	if (e != SSL_ERROR_NONE && e != SSL_ERROR_WANT_READ)
		return s->flags & NET_F_SNI ? NET_IO_SNI : NET_IO_TLS;
	if (io != NET_IO_OK && io != NET_IO_BLOCKED)
		return io;
	if (e == SSL_ERROR_NONE) {
		net_record_begin(s);
		s->state = NET_ST_OPEN;
		s->flags |= NET_F_OPENING;
	}
	return NET_IO_OK;
}

/* ---- reading ------------------------------------------------------------------------------ */

static enum net_io
read_failed(struct net_stream *s, int e)
{
	if (e == SSL_ERROR_ZERO_RETURN)
		return NET_IO_EOF;
	s->tls_why = e == SSL_ERROR_WANT_WRITE ? "the peer does not read what it asks for" : why(s);
	return NET_IO_TLS;
}

/* All that is in the shared buffer. */
static enum net_io
decrypt(struct net_stream *s)
{
	struct net_stream_shared *sh = s->ctx->shared;

	no_errors();
	while (sh->in_at < sh->in_n || SSL_pending(s->ssl) > 0) {
		struct net_room r;
		size_t		got = 0;
		int		ok, e;

		if (!net_room_get(s, sh->in_n - sh->in_at + (size_t)SSL_pending(s->ssl), &r))
			return NET_IO_NOMEM;
		ok = SSL_read_ex(s->ssl, r.p, r.n, &got);
		e = ok ? SSL_ERROR_NONE : SSL_get_error(s->ssl, ok);
		net_room_take(s, &r, ok ? got : 0);
		if (s->in.err)
			return NET_IO_NOMEM;
		if (e != SSL_ERROR_NONE && e != SSL_ERROR_WANT_READ)
			return read_failed(s, e);
	}
	return NET_IO_OK;
}

static bool
within_record(const struct net_stream *s)
{
	return s->record != NULL ? net_record_kept(s) > 0 : SSL_has_pending(s->ssl) != 0;
}

static enum net_io
receive(struct net_stream *s)
{
	struct net_stream_shared *sh = s->ctx->shared;
	size_t			  most = net_in_room(s), need = s->tls_need > 0 ? s->tls_need : SSL3_RT_HEADER_LENGTH;
	size_t			  kept = net_record_kept(s);
	ssize_t			  got;

	if (most < need)
		most = need;
	got = recv(s->fd.fd, sh->in + kept, most < NET_SHARED ? most : NET_SHARED, MSG_DONTWAIT);
	if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
		return NET_IO_BLOCKED;
	if (got < 0) {
		s->sys_errno = errno;
		return NET_IO_RESET;
	}
	if (got == 0) {
		s->in_cut = true;
		return within_record(s) || s->state != NET_ST_OPEN ? NET_IO_CUT : NET_IO_EOF;
	}
	net_record_restore(s);
	sh->in_at = 0;
	sh->in_n = kept + (size_t)got;
	s->flags |= NET_F_HEARD;
	s->last_in_us = net_loop_now(s->ctx->loop);
	return NET_IO_OK;
}

enum net_io
net_tls_read(struct net_stream *s)
{
	struct net_stream_shared *sh = s->ctx->shared;
	enum net_io		  io = receive(s), sent;

	if (io != NET_IO_OK)
		return io;
	if (s->state == NET_ST_HANDSHAKE)
		io = net_tls_handshake(s);
	if (io == NET_IO_OK && s->state == NET_ST_OPEN)
		io = s->record != NULL ? net_record_read(s) : decrypt(s);
	/* Bytes may be left only where nobody will ask for them: after a failure, after close_notify. */
	ALV_CHECK(io != NET_IO_OK || sh->in_at == sh->in_n);
	sh->in_at = sh->in_n = 0;
	if (sh->out_n == 0)
		return io;
	sent = net_bio_flush(s);	/* what OpenSSL answered by itself: alerts, KeyUpdate */
	return io != NET_IO_OK || sent == NET_IO_BLOCKED ? io : sent;
}

/* ---- writing ------------------------------------------------------------------------------ */

/* Up to one record from the front of `out`: in place where a piece is large, else gathered. */
static const uint8_t *
front(struct net_stream *s, size_t *n)
{
	const struct alv_piece *x = s->out.head;
	uint8_t		       *to = s->ctx->shared->scratch;

	if (x->n >= NET_TLS_PLAIN || x->next == NULL) {
		*n = x->n < NET_TLS_PLAIN ? x->n : NET_TLS_PLAIN;
		return x->p;
	}
	*n = s->out.n < NET_TLS_PLAIN ? s->out.n : NET_TLS_PLAIN;
	ALV_CHECK(alv_chain_peek(&s->out, 0, to, *n));
	return to;
}

/* Only for suites that record.c does not know. */
static void
rekey(struct net_stream *s)
{
	if (s->under_key++ < s->ctx->rekey_records || SSL_version(s->ssl) != TLS1_3_VERSION)
		return;
	if (SSL_key_update(s->ssl, SSL_KEY_UPDATE_NOT_REQUESTED) == 1)
		s->under_key = 0;
}

static enum net_io
encrypt_one(struct net_stream *s)
{
	size_t	       n, done = 0;
	const uint8_t *p = front(s, &n);

	rekey(s);
	if (SSL_write_ex(s->ssl, p, n, &done) != 1) {
		s->tls_why = why(s);
		return NET_IO_TLS;
	}
	alv_chain_drop(&s->out, done);
	s->bytes_out += done;
	return NET_IO_OK;
}

enum net_io
net_tls_write(struct net_stream *s)
{
	struct net_stream_shared *sh = s->ctx->shared;
	enum net_io		  io = s->pending == NULL ? NET_IO_OK : net_bio_flush(s);
	uint64_t		  start = s->bytes_out;

	no_errors();
	while (io == NET_IO_OK && s->out.n > 0 && s->bytes_out - start < NET_WRITE_TURN) {
		if (NET_SHARED_OUT - sh->out_n < NET_TLS_RECORD + NET_TLS_SLACK)
			io = net_bio_flush(s);
		else
			io = s->record != NULL ? net_record_write(s) : encrypt_one(s);
	}
	if (sh->out_n > 0) {
		enum net_io sent = net_bio_flush(s);

		if (io == NET_IO_OK)
			io = sent;
	}
	return io;
}

void
net_tls_bye(struct net_stream *s)
{
	if (s->state == NET_ST_HANDSHAKE || s->out.n > 0 || s->pending != NULL)
		return;
	no_errors();
	if (s->record != NULL)
		s->ctx->shared->out_n += net_record_bye(s->record, s->ctx->shared->out + s->ctx->shared->out_n);
	else
		(void)SSL_shutdown(s->ssl);
	if (net_bio_flush(s) != NET_IO_OK)
		return;	/* it was a courtesy */
}
