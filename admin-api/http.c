/* The h2o side of a listener. Invariants: everything of h2o is made, used and ended on the loop's own thread, because
 * its sockets take memory from the thread that made them, without a lock; every open connection is in `conns`, so that
 * stopping can reach it; HTTP/2 is off by both of h2o's switches. */
#include "admin-api/http.h"

#include "admin-api/raw.h"

#include <alcove/clock.h>
#include <alcove/log.h>
#include <alcove/str.h>

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <unistd.h>

enum { DRAIN_MS = 5000, ACCEPT_BATCH = 16, TURN_MS = 1000 };

struct conn {
	struct conn	*prev, *next;
	struct adm_http *http;
	int		 fd;	/* h2o's; only for shutdown(2) */
};

struct handler {
	h2o_handler_t	 super;
	struct adm_http *http;
};

struct adm_http {
	struct adm_http_conf	   conf;
	h2o_globalconf_t	   config;
	h2o_context_t		   ctx;
	h2o_accept_ctx_t	   accept;
	h2o_loop_t		  *loop;
	h2o_socket_t		  *listener;
	h2o_multithread_queue_t	  *queue;
	h2o_multithread_receiver_t receiver;
	int			   fd;	/* bound; -1 when h2o has it */
	uint16_t		   port;
	pthread_t		   thread;
	sem_t			   started;
	bool			   running, kept;
	atomic_bool		   stop;
	struct conn		  *conns;
	size_t			   nconns;
};

/* Wakes the loop so that it sees `stop`. */
static void
ignore_mail(struct adm_mail *m)
{
	free(m);
}

static void
on_mail(h2o_multithread_receiver_t *receiver, h2o_linklist_t *messages)
{
	(void)receiver;
	while (!h2o_linklist_is_empty(messages)) {
		struct adm_mail *m = H2O_STRUCT_FROM_MEMBER(struct adm_mail, link.link, messages->next);

		h2o_linklist_unlink(&m->link.link);
		m->fn(m);
	}
}

void
adm_http_mail(struct adm_http *h, struct adm_mail *m)
{
	memset(&m->link, 0, sizeof(m->link));
	h2o_multithread_send_message(&h->receiver, &m->link);
}

static void
on_close(void *data)
{
	struct conn *c = data;

	if (c->prev != NULL)
		c->prev->next = c->next;
	else
		c->http->conns = c->next;
	if (c->next != NULL)
		c->next->prev = c->prev;
	c->http->nconns--;
	free(c);
}

static void
on_accept(h2o_socket_t *listener, const char *err)
{
	struct adm_http *h = listener->data;

	for (int i = 0; err == NULL && i < ACCEPT_BATCH; i++) {
		h2o_socket_t *sock = h2o_evloop_socket_accept(listener);
		struct conn  *c;

		if (sock == NULL)
			return;
		c = h->nconns < ADM_CONNECTIONS_MAX ? calloc(1, sizeof(*c)) : NULL;
		if (c == NULL) {
			h2o_socket_close(sock);
			continue;
		}
		*c = (struct conn){ .next = h->conns, .http = h, .fd = h2o_socket_get_fd(sock) };
		if (h->conns != NULL)
			h->conns->prev = c;
		h->conns = c;
		h->nconns++;
		sock->on_close.cb = on_close;
		sock->on_close.data = c;
		h2o_accept(&h->accept, sock);
	}
}

/* For what is refused before there is a request that could be trusted. */
static void
refuse(h2o_req_t *req, const char *why)
{
	h2o_iovec_t body = h2o_concat(&req->pool, h2o_iovec_init(H2O_STRLIT("{\"type\":\"urn:alcove:problem:malformed-request\","
	    "\"title\":\"The request is malformed\",\"status\":400,\"detail\":\"")), h2o_iovec_init(why, strlen(why)),
	    h2o_iovec_init(H2O_STRLIT("\"}\n")));

	req->res.status = 400;
	req->res.reason = "Bad Request";
	req->http1_is_persistent = 0;	/* what follows may not be a request */
	h2o_add_header(&req->pool, &req->res.headers, H2O_TOKEN_CONTENT_TYPE, NULL, H2O_STRLIT("application/problem+json"));
	req->res.content_length = body.len;
	h2o_send_inline(req, body.base, body.len);
}

static int
on_req(h2o_handler_t *self, h2o_req_t *req)
{
	struct adm_http *h = ((struct handler *)(void *)self)->http;
	h2o_socket_t	*sock = req->conn->callbacks->get_socket(req->conn);
	const char	*wrong = "the head of the request is gone";

	/* h2o keeps the head at the front of the input until the request is over. */
	if (sock != NULL && sock->input->size != 0)
		wrong = adm_raw_check(alv_str_make(sock->input->bytes, sock->input->size));
	if (wrong != NULL)
		refuse(req, wrong);
	else
		h->conf.on_request(h->conf.arg, req);
	return 0;
}

/* ---- opening ---- */

static int
bind_one(const struct addrinfo *ai)
{
	int one = 1, zero = 0, fd = socket(ai->ai_family, ai->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, ai->ai_protocol);

	if (fd < 0)
		return -1;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) != 0 ||
	    /* "::" is every address of the machine, IPv4 too, as for the other listeners. */
	    (ai->ai_family == AF_INET6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof(zero)) != 0) ||
	    bind(fd, ai->ai_addr, ai->ai_addrlen) != 0 || listen(fd, 128) != 0) {
		int saved = errno;

		close(fd);
		errno = saved;
		return -1;
	}
	return fd;
}

static int
listen_on(const struct adm_http_conf *c, struct alv_buf *err)
{
	const struct addrinfo hints = { .ai_flags = AI_PASSIVE | AI_NUMERICSERV, .ai_socktype = SOCK_STREAM };
	struct addrinfo	     *all = NULL;
	char		      port[8];
	int		      fd = -1, r;

	snprintf(port, sizeof(port), "%u", (unsigned)c->bind.port);
	r = getaddrinfo(c->bind.host[0] == '\0' ? NULL : c->bind.host, port, &hints, &all);
	if (r != 0) {
		alv_buf_printf(err, "%s: the address \"%s\" cannot be resolved: %s\n", c->name, c->bind.host, gai_strerror(r));
		return -1;
	}
	for (const struct addrinfo *ai = all; ai != NULL && fd < 0; ai = ai->ai_next)
		fd = bind_one(ai);
	if (fd < 0)
		alv_buf_printf(err, "%s: cannot listen on %s port %s: %s\n", c->name, c->bind.host, port, strerror(errno));
	freeaddrinfo(all);
	return fd;
}

static uint16_t
bound_port(int fd)
{
	union {
		struct sockaddr	    sa;
		struct sockaddr_in  in;
		struct sockaddr_in6 in6;
	} a;
	socklen_t n = sizeof(a);

	memset(&a, 0, sizeof(a));
	if (getsockname(fd, &a.sa, &n) != 0)
		return 0;
	return ntohs(a.sa.sa_family == AF_INET6 ? a.in6.sin6_port : a.in.sin_port);
}

static void
configure(struct adm_http *h)
{
	h2o_hostconf_t *host;
	struct handler *handler;

	h2o_config_init(&h->config);
	h->config.server_name = h2o_iovec_init(H2O_STRLIT("alcove"));
	h->config.max_request_entity_size = ADM_BODY_MAX;
	h->config.http1.req_timeout = h->conf.request_timeout_ms;
	h->config.http1.upgrade_to_http2 = 0;
	h->config.handshake_timeout = h->conf.request_timeout_ms;
	host = h2o_config_register_host(&h->config, h2o_iovec_init(H2O_STRLIT("default")), 65535);
	handler = (struct handler *)(void *)h2o_create_handler(h2o_config_register_path(host, "/", 0), sizeof(*handler));
	handler->super.on_req = on_req;
	handler->http = h;
}

enum alv_err
adm_http_open(const struct adm_http_conf *c, struct adm_http **out, struct alv_buf *err)
{
	int		 fd = listen_on(c, err);
	struct adm_http *h;

	*out = NULL;
	if (fd < 0)
		return ALV_E_SYSTEM;
	h = calloc(1, sizeof(*h));
	if (h == NULL) {
		close(fd);
		return ALV_E_NOMEM;
	}
	h->conf = *c;
	h->fd = fd;
	h->port = bound_port(fd);
	sem_init(&h->started, 0, 0);
	*out = h;
	return ALV_OK;
}

static void
set_tls(struct adm_http *h, SSL_CTX *tls)
{
	static const h2o_iovec_t protocols[] = { { (char *)(uintptr_t)"http/1.1", 8 }, { NULL, 0 } };

	if (tls != NULL)
		h2o_ssl_register_alpn_protocols(tls, protocols);
	h->accept.ssl_ctx = tls;
}

void
adm_http_tls(struct adm_http *h, SSL_CTX *tls)
{
	SSL_CTX_free(h->conf.tls);	/* connections hold what they began with */
	h->conf.tls = tls;
	set_tls(h, tls);
}

uint16_t
adm_http_port(const struct adm_http *h)
{
	return h->port;
}

/* ---- running and stopping ---- */

static bool
busy(const struct adm_http *h)
{
	return h->nconns != 0 || (h->conf.busy != NULL && h->conf.busy(h->conf.arg));
}

static void
cut(struct adm_http *h, int how)
{
	for (struct conn *c = h->conns; c != NULL; c = c->next)
		shutdown(c->fd, how);
}

static void
turn_until(struct adm_http *h, uint64_t deadline_us)
{
	while (busy(h) && alv_mono_us() < deadline_us)
		h2o_evloop_run(h->loop, 50);
}

/* Nobody reads a new request; responses may leave; then everything is cut. */
static void
drain(struct adm_http *h)
{
	h2o_socket_close(h->listener);
	h->listener = NULL;
	if (h->conf.on_stop != NULL)
		h->conf.on_stop(h->conf.arg);
	cut(h, SHUT_RD);
	turn_until(h, alv_mono_us() + DRAIN_MS * 1000);
	cut(h, SHUT_RDWR);
	turn_until(h, alv_mono_us() + 1000 * 1000);
	h2o_evloop_run(h->loop, 0);
}

static void
begin(struct adm_http *h)
{
	configure(h);
	h->loop = h2o_evloop_create();
	h2o_context_init(&h->ctx, h->loop, &h->config);
	h->queue = h2o_multithread_create_queue(h->loop);
	h2o_multithread_register_receiver(h->queue, &h->receiver, on_mail);
	h->accept = (h2o_accept_ctx_t){ .ctx = &h->ctx, .hosts = h->config.hosts };
	set_tls(h, h->conf.tls);
	h->listener = h2o_evloop_socket_create(h->loop, h->fd, H2O_SOCKET_FLAG_DONT_READ);
	h->fd = -1;
	h->listener->data = h;
	h2o_socket_read_start(h->listener, on_accept);
	if (h->conf.on_start != NULL)
		h->conf.on_start(h->conf.arg, h->loop);
}

static void
end(struct adm_http *h)
{
	if (h->conf.on_end != NULL)
		h->conf.on_end(h->conf.arg, h->loop);
	h2o_multithread_unregister_receiver(h->queue, &h->receiver);
	h2o_multithread_destroy_queue(h->queue);
	h2o_evloop_run(h->loop, 0);
	h2o_context_dispose(&h->ctx);
	h2o_evloop_destroy(h->loop);
	h2o_config_dispose(&h->config);
}

static void *
loop_main(void *arg)
{
	struct adm_http *h = arg;

	pthread_setname_np(pthread_self(), h->conf.name);
	begin(h);
	sem_post(&h->started);
	while (!atomic_load(&h->stop))
		h2o_evloop_run(h->loop, TURN_MS);
	drain(h);
	h->kept = busy(h);
	if (h->kept)
		alv_log(ALV_LOG_WARN, "listener stopped with work still out", ALV_KV_Z("listener", h->conf.name),
		    ALV_KV_I("connections", h->nconns));
	else
		end(h);
	return NULL;
}

enum alv_err
adm_http_run(struct adm_http *h)
{
	if (pthread_create(&h->thread, NULL, loop_main, h) != 0)
		return ALV_E_SYSTEM;
	while (sem_wait(&h->started) != 0)
		;
	h->running = true;
	return ALV_OK;
}

bool
adm_http_stop(struct adm_http *h)
{
	struct adm_mail *wake;

	if (!h->running)
		return true;
	atomic_store(&h->stop, true);
	wake = calloc(1, sizeof(*wake));
	if (wake != NULL) {	/* else the loop looks within TURN_MS */
		wake->fn = ignore_mail;
		adm_http_mail(h, wake);
	}
	pthread_join(h->thread, NULL);
	h->running = false;
	return !h->kept;
}

void
adm_http_free(struct adm_http *h)
{
	if (h == NULL)
		return;
	if (h->fd >= 0)
		close(h->fd);
	sem_destroy(&h->started);
	SSL_CTX_free(h->conf.tls);
	free(h);
}
