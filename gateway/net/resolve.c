/* Name resolution as a job: getaddrinfo blocks, so it runs on the pool. Addresses keep the resolver's order. */
#include "net/job.h"

#include <netdb.h>
#include <stdio.h>

static int
look_up(struct net_resolve *r)
{
	const struct addrinfo  want = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV };
	struct addrinfo	      *all = NULL;
	char		       port[8];
	int		       e;

	snprintf(port, sizeof(port), "%u", (unsigned)r->port);
	e = getaddrinfo(r->host, port, &want, &all);
	if (e != 0)
		return e;
	for (const struct addrinfo *a = all; a != NULL && r->n < ALV_COUNT(r->addr); a = a->ai_next) {
		if (a->ai_addrlen > sizeof(r->addr[0]))
			continue;
		memcpy(&r->addr[r->n], a->ai_addr, a->ai_addrlen);
		r->len[r->n++] = a->ai_addrlen;
	}
	freeaddrinfo(all);
	return 0;
}

static void
resolve_work(struct net_job *j)
{
	struct net_resolve *r = ALV_HOLDER(j, struct net_resolve, job);

	r->n = 0;
	r->gai_error = r->lookup(r);
	if (r->gai_error == 0 && r->n == 0)
		r->gai_error = EAI_NONAME;
}

void
net_resolve_init(struct net_resolve *r, struct net_loop *loop, const char *host, uint16_t port, void *owner,
    void (*done)(struct net_job *j))
{
	*r = (struct net_resolve){ .port = port, .owner = owner, .lookup = look_up };
	r->job.loop = loop;
	r->job.work = resolve_work;
	r->job.done = done;
	/* A name that does not fit is no host name: it resolves to nothing rather than to another's address. */
	if (snprintf(r->host, sizeof(r->host), "%s", host) >= (int)sizeof(r->host))
		r->host[0] = '\0';
}
