/* Rows by key: one thread adds and counts, any thread reads. Rows stay where they are until the table goes. */
#ifndef METER_TABLE_H
#define METER_TABLE_H

#include <alcove/meter.h>

#include <stdatomic.h>

enum { MET_PARTS = 4, MET_PART_MAX = 255 };

/* tenant, principal, client id, topic; unused parts are empty. Parts longer than MET_PART_MAX count as their head. */
struct met_key {
	struct alv_str part[MET_PARTS];
};

/* Of a tenant that was over a limit. */
struct met_throttle {
	_Atomic uint64_t us[MET_QUOTAS], bytes[MET_QUOTAS];
};

/* Of a tenant whose clients were denied something. */
struct met_denials {
	_Atomic uint64_t n[MET_RESOURCES][MET_OPERATIONS];
};

struct met_entry {
	uint64_t	 hash;
	uint8_t		 len[MET_PARTS];
	size_t		 owned;	/* in a tenant's entry: its rows in the ledger; the writer's alone */
	_Atomic uint64_t requests;
	_Atomic uint64_t bytes[MET_DIRECTIONS], charges[MET_DIRECTIONS];
	_Atomic(struct met_throttle *) throttle;	/* NULL: it never was */
	_Atomic(struct met_denials *) denials;	/* the same */
	bool		 coarse;	/* more than one key's bytes are in here; the writer's alone */
	char		 text[];	/* the parts one after the other */
};

struct met_table {
	size_t		 mask;	/* slots - 1 */
	_Atomic uint64_t used;
	uint64_t	 key[2];	/* of hashes: parts are chosen by clients */
	_Atomic(struct met_entry *) *slot;
};

/* Room for `max` rows: the caller never adds more. */
enum alv_err met_table_init(struct met_table *t, size_t max) ALV_MUST;
void	     met_table_fini(struct met_table *t);
/* NULL: not there. */
struct met_entry *met_table_find(const struct met_table *t, const struct met_key *k);
/* Adds what is not there. NULL: out of memory. */
struct met_entry *met_table_add(struct met_table *t, const struct met_key *k) ALV_MUST;
bool		  met_entry_is(const struct met_entry *e, const struct met_key *k);
struct alv_str	  met_entry_part(const struct met_entry *e, int part);

/* Only the one writer may call this, so no locked instruction is needed. */
static inline void
met_count(_Atomic uint64_t *c, uint64_t n)
{
	atomic_store_explicit(c, atomic_load_explicit(c, memory_order_relaxed) + n, memory_order_relaxed);
}

static inline uint64_t
met_read(const _Atomic uint64_t *c)
{
	return atomic_load_explicit(c, memory_order_relaxed);
}

#endif
