/* One client connection with its upstream connection: they live and die together, on one worker. */
#ifndef PX_CLIENT_H
#define PX_CLIENT_H

#include "net/shown.h"
#include "net/stream.h"
#include "proxy/crowd.h"
#include "proxy/hold.h"
#include "proxy/move.h"
#include "proxy/pace.h"
#include "proxy/request.h"
#include "upstream/link.h"

struct px_worker;
struct px_port;

enum px_client_state {
	PX_OPENING,	/* TLS handshake */
	PX_SERVING,	/* frames, before and after login */
	PX_ENDING,	/* nothing more is read; earlier answers still leave */
	PX_CLOSED	/* both streams are told to close */
};

/* While the gateway drains; it only moves on. */
enum px_leave {
	PX_STAYS,
	PX_LEAVES_QUIET,	/* ends as soon as nothing is under way, served until then */
	PX_LEAVES_SOON,		/* takes what has come, and the frame that is half here */
	PX_LEAVES_FRAME,	/* waits for the rest of that frame */
	PX_LEAVES_NOW		/* reads no more, and ends when what was taken is answered */
};

/* What is read of a client before its request is admitted, and how long an end may take. */
enum { PX_IN_MAX = 64 * 1024, PX_ENDING_US = 5 * 1000 * 1000 };

enum px_up_state { PX_UP_NONE, PX_UP_OPENING, PX_UP_READY, PX_UP_CLOSED };

struct px_client {
	uint32_t	     magic;
	struct px_worker    *worker;
	struct px_client    *next, **prev;	/* worker's list */
	struct px_crowd_place place;	/* until it has proved who it is */
	struct px_moving     moving;	/* to another worker */
	enum px_client_state state;
	enum px_leave	     leave;
	struct net_stream    stream;
	bool		     stream_gone;	/* on_closed came */
	struct api_conn	     conn;
	const struct px_port *port;
	struct net_shown     *shown;	/* the certificate; NULL: none */
	struct px_inflight   inflight;
	struct px_request   *current;	/* being judged or waiting to be sent; see request.h */
	struct px_hold	     hold;	/* memory */
	struct px_pace	     in_pace, out_pace;
	struct px_late	    *late;	/* `current` waits for its time; NULL: it does not */
	unsigned	     away;	/* jobs and questions that hold a pointer to us */
	enum met_close	     why;
	const char	    *words;	/* detail for the log; static */
	struct net_timer     unmute;	/* mute.c */
	struct net_timer     timer;	/* whatever ends first; looked at lazily */
	struct net_later     later;	/* frees */
	struct net_later     again;	/* the turn was full: more frames are here */
	uint64_t	     opened_us;
	uint64_t	     frame_begun_us;	/* 0: no frame is half here */
	uint64_t	     ending_us;
	uint64_t	     unmuted_us;	/* when it was last let go on */
	uint64_t	     eof_us;	/* when it stopped talking; 0: it has not */
	/* upstream */
	struct ups_link	     up;
	enum px_up_state     up_state;
	unsigned	     up_tries;	/* brokers that were dialled for it and not reached; 0 once one was */
	bool		     up_paused;	/* its responses wait because the client does not read, or for their turn */
	/* pass.c: an answer that leaves while it comes */
	struct px_request   *passing;	/* NULL: none */
	size_t		     passing_left;	/* bytes of its body that the broker still owes */
	bool		     pass_waits;	/* one could begin, but older answers are not ready */
};

/* Takes the descriptor. Worker's thread, as everything here. */
void px_client_accept(struct px_worker *w, const struct px_port *port, int fd, const struct sockaddr_storage *peer);
/* Stops reading; closes when what is in flight was answered, or after PX_ENDING_MS. First reason wins. */
void px_client_end(struct px_client *c, enum met_close why);
/* Closes now; `flush`: what is queued may still leave. */
void px_client_close(struct px_client *c, enum met_close why, bool flush);
/* After a publication, or other lists of what is revoked: may it go on? */
void px_client_check(struct px_client *c);
/* Asks it to leave, in the manner of PX_LEAVES_QUIET or PX_LEAVES_SOON. */
void px_client_leave(struct px_client *c, enum px_leave how);

/* It was quiet, and comes from another worker. */
void px_client_enter(struct px_client *c, struct px_worker *w);

/* intake.c: what of its bytes may be here before they are admitted: less before it has proved who it is. */
size_t px_client_in_max(const struct px_client *c);
/* takes frames and moves requests on, as far as that goes. */
void px_client_pump(struct px_client *c);
void px_client_pump_again(struct net_later *l);	/* client->again */
/* Writes finished answers, in order. */
void px_client_flush(struct px_client *c);
/* Sends what r->call.out holds, the first time with the head of an answer of body_n bytes. */
void px_client_send(struct px_client *c, struct px_request *r, size_t body_n);

/* mute.c: a client that is over a limit. Takes nothing of it until the api layer says so (conn.quota). */
void px_mute(struct px_client *c);
void px_unmuted(struct net_timer *t);	/* the timer's function */
/* Where the worker's time is limited: around what is done for it outside of its streams' events. */
uint64_t px_work_begins(const struct px_client *c);
void	 px_work_ends(struct px_client *c, uint64_t begun_us);
/* Its streams measure what their events take, or not. */
void px_work_watch(struct px_client *c);
/* It may go on now, whatever it owes. */
void px_unmute(struct px_client *c);

/* upstream.c: the other half. */
bool px_up_choose(struct px_client *c);		/* sets conn.broker where it is not; false: there is none */
void px_up_send(struct px_client *c);		/* current is READY: sends it now or when the link can take it */
void px_up_resume(struct px_client *c);		/* the client reads again */
void px_up_admitted(struct px_client *c);	/* there is room for the response that waited for it */
void px_up_close(struct px_client *c);
void px_up_check(struct px_client *c);		/* is our broker still there? */
/* The response header in front of `in`, which must be r's; false: the connection ended. */
bool px_up_header(struct px_client *c, const struct px_request *r, const struct alv_chain *in, size_t *n);

/* pass.c: answers that leave while they come. Both take from the link's `in`; false: not now, more has to come first. */
enum { PX_PASS_IN_BYTES = 256 * 1024 };
bool px_pass_suits(const struct px_request *r, uint32_t size);
bool px_pass_begin(struct px_client *c, struct px_request *r, uint32_t size);
bool px_pass_part(struct px_client *c);

/* judge.c: what the api layer wants done with the current request. */
void px_judge(struct px_client *c, enum api_result result);
void px_judge_response(struct px_request *r, enum api_result result);
void px_judge_resume(struct px_client *c, struct px_request *r);	/* what it waited for is here */
bool px_login_send(struct px_client *c) ALV_MUST;	/* login.c: the exchange's work; false: it cannot be done now */
/* late.c: `current` is resumed at a time, unless the connection ends before. False: out of memory. */
bool px_late_wait(struct px_client *c, uint64_t due_us) ALV_MUST;
void px_late_drop(struct px_client *c);
/* change.c: the errand of API_WAIT_CHANGE. False: nobody took it; r->call.change says why. */
bool px_change_send(struct px_client *c, struct px_request *r) ALV_MUST;
void px_unaway(struct px_client *c);		/* a job or question came back */
void px_client_gone(struct px_client *c);	/* frees it, at the end of the turn, when it is closed and nothing points here */

#endif
