/* What one worker counts. Written by the worker alone, read by anybody through met_read(). */
#ifndef METER_WORKER_H
#define METER_WORKER_H

#include "meter/table.h"

enum { MET_API_KEYS = 128, MET_ERROR_CODES = 256, MET_BUCKETS = 11 };

/* Upper bounds of the histograms' buckets, in microseconds. */
extern const uint64_t met_bounds_us[MET_BUCKETS];

struct met_histogram {
	_Atomic uint64_t bucket[MET_BUCKETS + 1];	/* the last one: beyond all bounds */
	_Atomic uint64_t sum_us;
};

struct met_worker {
	size_t		     max_tenants, max_rows, max_rows_tenant;
	_Atomic int64_t	     connections, upstream, upstream_waiting, reserved, budget, waiting, heavy;
	_Atomic uint64_t     waits;
	_Atomic uint64_t     opened, moved;
	_Atomic uint64_t     closed[MET_CLOSES];
	_Atomic uint64_t     sessions[MET_SESSION_COUNTS];
	_Atomic uint64_t     logins[ALV_LOGIN_BYS][ALV_LOGIN_FAULTS], logins_late;
	_Atomic uint64_t     renewed[2];			/* of these, on open connections */
	_Atomic uint64_t     requests[MET_API_KEYS + 1];	/* the last one: keys beyond */
	_Atomic uint64_t     answers[MET_API_KEYS + 1], answer_bytes[MET_API_KEYS + 1], shared[MET_API_KEYS + 1];
	_Atomic uint64_t     errors[MET_ERROR_CODES + 1];	/* by code + 1; the last one: codes beyond */
	_Atomic uint64_t     tags, elements, streamed, overflow_bytes;
	struct met_histogram own, turn;
	struct met_table     tenants, ledger;
	size_t		     rows;	/* in the ledger, without those of MET_REST */
	struct met_entry    *rest;	/* tenants past the cap; there from the start */
};

static inline size_t
met_api(int16_t key)
{
	return key >= 0 && key < MET_API_KEYS ? (size_t)key : MET_API_KEYS;
}

#endif
