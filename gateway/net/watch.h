/* Notices that files changed, by their content: symlinks that are swapped, files that are replaced or rewritten, and files
 * that come or go look all the same. Looks every period and tells when a change is one period old and nothing more came,
 * so that files that are written one after the other are seen together. */
#ifndef NET_WATCH_H
#define NET_WATCH_H

#include "net/loop.h"

enum { NET_DIGEST = 32 };

/* SHA-256 of the file's content, or something of its own for a file that cannot be read. Blocks on the disk. path NULL:
 * as an absent one. */
void net_file_digest(const char *path, uint8_t out[static NET_DIGEST]);

struct net_watch;
struct net_watch *net_watch_new(struct net_loop *l, uint32_t period_ms, void (*changed)(void *arg), void *arg) ALV_MUST;
/* From now on these files: new ones as they are now, others as they were seen last, so call it before they are read.
 * Copies the paths. NOMEM: the old ones still. May be called from `changed`. */
enum alv_err net_watch_files(struct net_watch *w, const char *const *paths, size_t n) ALV_MUST;
void	     net_watch_free(struct net_watch *w);

#endif
