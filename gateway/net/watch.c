/* Watched files are few and small, so they are simply read: no time stamp, no inode and no notification could be missed.
 * Invariant: `seen` is what was found at the last look; `changed` is called from the loop, at most once a period. */
#include "net/watch.h"

#include <alcove/check.h>

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <unistd.h>

struct file {
	char	*path;
	uint8_t	 seen[NET_DIGEST];
};

struct net_watch {
	struct net_loop *loop;
	struct net_timer timer;
	uint64_t	 period_us;
	bool		 dirty;	/* changed at the last look */
	struct file	*files;
	size_t		 n;
	void (*changed)(void *arg);
	void *arg;
};

/* False: it could not be read to its end. */
static bool
digest_fd(int fd, EVP_MD_CTX *md)
{
	uint8_t part[8192];	/* may be a key */
	ssize_t n;

	while ((n = read(fd, part, sizeof(part))) > 0)
		if (EVP_DigestUpdate(md, part, (size_t)n) != 1)
			break;
	OPENSSL_cleanse(part, sizeof(part));
	return n == 0;
}

void
net_file_digest(const char *path, uint8_t out[static NET_DIGEST])
{
	int	    fd = path == NULL ? -1 : open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	int	    why = fd >= 0 ? -1 : path == NULL ? ENOENT : errno;
	EVP_MD_CTX *md = EVP_MD_CTX_new();

	memset(out, 0, NET_DIGEST);
	if (fd >= 0 && md != NULL && EVP_DigestInit_ex(md, EVP_sha256(), NULL) == 1 && digest_fd(fd, md)) {
		if (EVP_DigestFinal_ex(md, out, NULL) != 1)
			memset(out, 0, NET_DIGEST);
	} else {
		memcpy(out, &why, sizeof(why));
	}
	EVP_MD_CTX_free(md);
	if (fd >= 0)
		close(fd);
}

/* Takes what is there as seen. Is any of it new? */
static bool
look(struct net_watch *w)
{
	bool changed = false;

	for (size_t i = 0; i < w->n; i++) {
		uint8_t now[NET_DIGEST];

		net_file_digest(w->files[i].path, now);
		changed = changed || memcmp(now, w->files[i].seen, sizeof(now)) != 0;
		memcpy(w->files[i].seen, now, sizeof(now));
	}
	return changed;
}

static void
on_timer(struct net_timer *t)
{
	struct net_watch *w = ALV_HOLDER(t, struct net_watch, timer);
	bool		  fresh = look(w), tell = w->dirty && !fresh;

	w->dirty = fresh;
	net_timer_set(t, net_loop_now(w->loop) + w->period_us);
	if (tell)
		w->changed(w->arg);
}

struct net_watch *
net_watch_new(struct net_loop *l, uint32_t period_ms, void (*changed)(void *arg), void *arg)
{
	struct net_watch *w = calloc(1, sizeof(*w));

	if (w == NULL)
		return NULL;
	w->loop = l;
	w->period_us = (uint64_t)period_ms * 1000;
	w->changed = changed;
	w->arg = arg;
	net_timer_init(l, &w->timer, on_timer);
	net_timer_set(&w->timer, net_loop_now(l) + w->period_us);
	return w;
}

/* What was seen of a file that stays is kept: a change since then is still to be told. */
static void
first_look(const struct net_watch *w, struct file *f)
{
	for (size_t i = 0; i < w->n; i++)
		if (strcmp(w->files[i].path, f->path) == 0) {
			memcpy(f->seen, w->files[i].seen, sizeof(f->seen));
			return;
		}
	net_file_digest(f->path, f->seen);
}

static void
free_files(struct file *f, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(f[i].path);
	free(f);
}

enum alv_err
net_watch_files(struct net_watch *w, const char *const *paths, size_t n)
{
	struct file *f = calloc(n + 1, sizeof(*f));

	for (size_t i = 0; f != NULL && i < n; i++) {
		f[i].path = strdup(paths[i]);
		if (f[i].path == NULL) {
			free_files(f, n);
			f = NULL;
		}
	}
	if (f == NULL)
		return ALV_E_NOMEM;
	for (size_t i = 0; i < n; i++)
		first_look(w, &f[i]);
	free_files(w->files, w->n);
	w->files = f;
	w->n = n;
	return ALV_OK;
}

void
net_watch_free(struct net_watch *w)
{
	if (w == NULL)
		return;
	net_timer_stop(&w->timer);
	free_files(w->files, w->n);
	free(w);
}
