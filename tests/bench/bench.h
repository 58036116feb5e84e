/* What the load client and the fake broker share: bytes of Kafka's protocol by hand, record batches, sockets with TLS.
 * Both are tools for measuring: whatever they did not expect ends them with a text and exit code 1, because a figure
 * from a run in which something went wrong is worse than none. */
#ifndef BENCH_H
#define BENCH_H

#include <alcove/buf.h>

#include <openssl/ssl.h>

_Noreturn void bench_die(const char *fmt, ...) ALV_PRINTF(1, 2);
void	      *bench_alloc(size_t n);	/* or dies */
uint64_t       bench_mono_ns(void);
uint64_t       bench_wall_ns(void);
long	       bench_number(const char *text, const char *what);

/* ---- wire.c: reading remembers failure, writing goes to an alv_buf ------------------------------- */

struct bench_in {
	const uint8_t *p;
	size_t	       n;
	bool	       bad;
};

uint64_t       bench_get(struct bench_in *r, size_t bytes);	/* big endian, at most 8 */
uint32_t       bench_get_uvarint(struct bench_in *r);
const uint8_t *bench_get_bytes(struct bench_in *r, size_t n);	/* NULL when there are fewer */
struct alv_str bench_get_str(struct bench_in *r, bool compact);	/* null has p NULL */
uint32_t       bench_get_count(struct bench_in *r, bool compact);	/* of an array; null is 0 */
struct bench_in bench_get_blob(struct bench_in *r, bool compact);	/* records; null is empty */
void	       bench_get_tags(struct bench_in *r, bool flexible);

void bench_put_be64(struct alv_buf *b, uint64_t v);
void bench_put_uvarint(struct alv_buf *b, uint32_t v);
void bench_put_str(struct alv_buf *b, bool compact, struct alv_str s);
void bench_put_count(struct alv_buf *b, bool compact, uint32_t n);
void bench_put_blob(struct alv_buf *b, bool compact, size_t n);	/* the length; n bytes must follow */
void bench_put_tags(struct alv_buf *b, bool flexible);

struct bench_head {
	int16_t	       key, version;
	int32_t	       correlation_id;
	struct alv_str client_id;
};
bool	       bench_flexible(int key, int version);
struct bench_head bench_get_head(struct bench_in *r);
/* The size field is filled by bench_put_end. */
void bench_put_request(struct alv_buf *b, const struct bench_head *h);
void bench_put_response(struct alv_buf *b, const struct bench_head *h);
void bench_put_end(struct alv_buf *b);

/* ---- batch.c: record batches that both sides can make and check ----------------------------------- */

struct bench_batch {
	uint8_t *p;
	size_t	 n;
	uint32_t records;
};
enum { BENCH_BATCH_HEAD = 61 };

enum bench_kind {
	BENCH_BULK,	/* 128 KiB of 1 KiB records */
	BENCH_ONE,	/* one record of 1 KiB */
	BENCH_SMALL,	/* one record of 100 bytes */
	BENCH_HALF,	/* 64 KiB of 1 KiB records */
	BENCH_KINDS
};
/* The values do not compress; the same every time but for the timestamps in the head. Made at the first call, which
 * must be before there are threads. */
const struct bench_batch *bench_batch(enum bench_kind k);
/* The one of so many bytes; NULL: none. */
const struct bench_batch *bench_batch_of(size_t n);
/* Is p..n one or more whole batches equal to *b, as far as a look at 8 bytes in every 512 tells? What a broker fills in
 * (base offset, leader epoch) and the timestamps are not compared. Returns the number of batches, 0: something else.
 * `cut`: the last one may be cut off, as a broker does at a fetch's limit. */
uint32_t bench_batch_check(const struct bench_batch *b, const uint8_t *p, size_t n, bool cut);

/* ---- sock.c --------------------------------------------------------------------------------------- */

struct bench_rx {	/* received bytes; a frame is a view into it until the next receive */
	uint8_t *p;
	size_t	 at, n, cap;
};
struct bench_conn {
	int	 fd;
	SSL	*ssl;	/* NULL: plain */
	int32_t	 correlation_id;
};

int	 bench_connect(const char *host, uint16_t port);	/* -1: refused */
int	 bench_listen(uint16_t port);				/* on 127.0.0.1, 0: any */
uint16_t bench_port(int fd);
SSL_CTX *bench_client_ctx(const char *ca, bool read_ahead);
SSL_CTX *bench_server_ctx(const char *certificate, const char *key);
void	 bench_rx_init(struct bench_rx *rx, size_t cap);
bool	 bench_try_send(struct bench_conn *c, const void *p, size_t n);
void	 bench_send(struct bench_conn *c, const void *p, size_t n);
/* Waits for one more frame; its body without the size field. Grows the buffer where a frame needs it. */
struct bench_in bench_receive(struct bench_conn *c, struct bench_rx *rx);
/* The same in steps: is a whole frame here? Room for more of it. The frame. */
bool		bench_rx_has(const struct bench_rx *rx);
void		bench_rx_room(struct bench_rx *rx);
struct bench_in bench_rx_take(struct bench_rx *rx);

#endif
