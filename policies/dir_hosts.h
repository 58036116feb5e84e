/* Which tenant a host name of its own leads to: the part of the directory that is asked by host. */
#ifndef ALCOVE_POLICIES_DIR_HOSTS_H
#define ALCOVE_POLICIES_DIR_HOSTS_H

#include <alcove/policy.h>

struct pol_hosts;

struct pol_hosts *pol_hosts_new(void) ALV_MUST;
/* Readers may be about: what is taken out is freed when they have passed. */
void		  pol_hosts_free(struct pol_hosts *h);

/* A tenant's names instead of those it had; writer only. NOMEM: nothing changed. */
enum alv_err pol_hosts_change(struct pol_hosts *h, struct alv_qsbr *q, struct pol_slot *slot, const struct pol_tenant *was,
    const struct pol_tenant *is) ALV_MUST;
/* NULL: nobody's. Any reader. */
struct pol_slot *pol_hosts_find(const struct pol_hosts *h, struct alv_str key);

#endif
