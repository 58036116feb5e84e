/* The mailbox of a loop: a list under a mutex, an eventfd that is written only when the list was empty, so a batch is
 * one wake-up. Invariant: a non-empty list has a wake-up on its way. */
#include <alcove/check.h>

#include "net/loop_int.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

static void
take_mail(struct net_loop *l)
{
	struct net_mailbox *b = &l->box;

	b->woken = false;
	pthread_mutex_lock(&b->lock);
	b->open = b->head;
	b->head = NULL;
	b->last = &b->head;
	b->n = 0;
	pthread_mutex_unlock(&b->lock);
}

/* The counter is read before the list is taken: whoever adds to the emptied list writes it again. */
static void
on_wake(struct net_fd *f, uint32_t events)
{
	uint64_t n;

	(void)events;
	if (read(f->fd, &n, sizeof(n)) == (ssize_t)sizeof(n))
		f->loop->box.woken = true;
}

enum alv_err
net_mail_init(struct net_loop *l)
{
	int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);

	if (fd < 0)
		return ALV_E_SYSTEM;
	pthread_mutex_init(&l->box.lock, NULL);
	l->box.last = &l->box.head;
	if (net_fd_open(l, &l->box.wake, fd, EPOLLIN, on_wake)) {
		close(fd);
		pthread_mutex_destroy(&l->box.lock);
		return ALV_E_SYSTEM;
	}
	return ALV_OK;
}

static void
run_one(struct net_loop *l)
{
	struct net_mail *m = l->box.open;

	l->box.open = m->next;
	m->next = NULL;
	m->fn(l, m);
}

void
net_mail_run(struct net_loop *l)
{
	if (l->box.open == NULL && l->box.woken)
		take_mail(l);
	while (l->box.open != NULL) {
		run_one(l);
		if (net_loop_spent(l))
			return;
	}
}

void
net_mail_fini(struct net_loop *l)
{
	do {
		while (l->box.open != NULL)
			run_one(l);
		take_mail(l);
	} while (l->box.open != NULL);
	net_fd_close(&l->box.wake);
	pthread_mutex_destroy(&l->box.lock);
}

static enum alv_err
add(struct net_loop *l, struct net_mail *m, size_t most)
{
	struct net_mailbox *b = &l->box;
	const uint64_t	    one = 1;
	bool		    was_empty;

	pthread_mutex_lock(&b->lock);
	if (b->n >= most) {
		pthread_mutex_unlock(&b->lock);
		return ALV_E_FULL;
	}
	was_empty = b->head == NULL;
	m->next = NULL;
	*b->last = m;
	b->last = &m->next;
	b->n++;
	/* Written under the lock: once it is released the loop may have run m, been stopped by it, and be gone. */
	if (was_empty)
		while (write(b->wake.fd, &one, sizeof(one)) < 0 && errno == EINTR)
			;
	pthread_mutex_unlock(&b->lock);
	return ALV_OK;
}

enum alv_err
net_mail_send(struct net_loop *l, struct net_mail *m)
{
	return add(l, m, NET_MAIL_MAX);
}

void
net_mail_must(struct net_loop *l, struct net_mail *m)
{
	ALV_CHECK(add(l, m, SIZE_MAX) == ALV_OK);
}
