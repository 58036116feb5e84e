/* One listener on a thread and an h2o loop of its own: HTTP/1.1 only, bounded connections, mail from other threads. */
#ifndef ADMIN_API_HTTP_H
#define ADMIN_API_HTTP_H

#include <alcove/base.h>
#include <alcove/buf.h>
#include <alcove/config.h>
#include <alcove/err.h>

#include <h2o.h>

enum { ADM_BODY_MAX = 1024 * 1024, ADM_CONNECTIONS_MAX = 256 };

struct adm_http_conf {
	const char	*name;	/* for messages: "admin" */
	struct pol_bind	 bind;
	SSL_CTX		*tls;	/* NULL: plain; the listener's from adm_http_open on, if that succeeds */
	uint32_t	 request_timeout_ms;
	void		*arg;
	/* On the loop's thread, before the first and after the last turn: timers. May be NULL. */
	void (*on_start)(void *arg, h2o_loop_t *loop);
	void (*on_end)(void *arg, h2o_loop_t *loop);
	/* On the loop's thread. The request was checked by adm_raw_check; it must be answered, now or later. */
	void (*on_request)(void *arg, h2o_req_t *req);
	/* On the loop's thread, once, when the listener was closed: answer what waits. May be NULL. */
	void (*on_stop)(void *arg);
	/* Is something out that will still send mail? May be NULL. */
	bool (*busy)(void *arg);
};

struct adm_http;

/* Mail to the loop's thread. Embedded in a heap object. */
struct adm_mail {
	h2o_multithread_message_t link;
	void (*fn)(struct adm_mail *m);
};

/* Binds. */
enum alv_err adm_http_open(const struct adm_http_conf *c, struct adm_http **h, struct alv_buf *err) ALV_MUST;
/* Starts the thread; it serves when this returns. */
enum alv_err adm_http_run(struct adm_http *h) ALV_MUST;
uint16_t     adm_http_port(const struct adm_http *h);
/* New connections go by another context, which is the listener's from here on, with the one before. On the loop's thread. */
void	     adm_http_tls(struct adm_http *h, SSL_CTX *tls);
/* Any thread. Mail always arrives, also during adm_http_stop as long as `busy` says so. */
void	     adm_http_mail(struct adm_http *h, struct adm_mail *m);
/* Ends the thread. False when something was still out after the deadline: then h stays, so that late mail finds its
 * box, and must not be freed. */
bool	     adm_http_stop(struct adm_http *h) ALV_MUST;
void	     adm_http_free(struct adm_http *h);

#endif
