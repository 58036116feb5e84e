/* The PROXY protocol: what is taken, what is refused, and that no cut of the bytes makes a difference. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <alcove/base.h>

#include "net/proxy_protocol.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>

enum { BOTH = NET_PROXY_V1 | NET_PROXY_V2 };

static const char *
source(const struct net_proxy_head *h)
{
	static char out[80];
	char	    text[INET6_ADDRSTRLEN] = "";
	const struct sockaddr_in  *v4 = (const struct sockaddr_in *)&h->source;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&h->source;
	bool	    four = h->source.ss_family == AF_INET;

	if (!h->known)
		return "own";
	inet_ntop(h->source.ss_family, four ? (const void *)&v4->sin_addr : &v6->sin6_addr, text, sizeof(text));
	snprintf(out, sizeof(out), "%s %u", text, ntohs(four ? v4->sin_port : v6->sin6_port));
	return out;
}

/* Asks with every prefix, each in an allocation of just its size: MORE until the answer, then the same for ever. */
static enum net_proxy_step
read_cut(const void *bytes, size_t n, struct net_proxy_head *h)
{
	enum net_proxy_step step = NET_PROXY_MORE, last;

	for (size_t cut = 0; cut <= n; cut++) {
		uint8_t		     *copy = malloc(cut + (cut == 0));
		struct net_proxy_head now;

		assert_non_null(copy);
		memcpy(copy, bytes, cut);
		last = net_proxy_read(copy, cut, BOTH, &now);
		free(copy);
		if (step == NET_PROXY_MORE) {
			step = last;
			*h = now;
			if (step == NET_PROXY_DONE)
				assert_int_equal(h->size, cut);	/* at its last byte, not later */
			continue;
		}
		assert_int_equal(last, step);
		assert_int_equal(now.size, h->size);
		assert_int_equal(now.known, h->known);
		assert_memory_equal(&now.source, &h->source, sizeof(now.source));
	}
	return step;
}

static void
lines(void **state)
{
	static const struct { const char *line, *source; } cases[] = {
		{ "PROXY TCP4 192.0.2.1 198.51.100.1 56324 9092\r\n", "192.0.2.1 56324" },
		{ "PROXY TCP4 0.0.0.0 255.255.255.255 0 65535\r\n", "0.0.0.0 0" },
		{ "PROXY TCP6 2001:db8::1 ::1 1 2\r\n", "2001:db8::1 1" },
		{ "PROXY TCP6 ::ffff:192.0.2.1 ::1 1 2\r\n", "::ffff:192.0.2.1 1" },
		{ "PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n",
		    "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535" },
		{ "PROXY UNKNOWN\r\n", "own" },
		{ "PROXY UNKNOWN ffff::1 whatever it says 1\r\n", "own" },
		{ "PROXY TCP4 192.0.2.1 198.51.100.1 56324 9092\n", NULL },
		{ "PROXY TCP4 192.0.2.1 198.51.100.1 56324 9092\r \r\n", NULL },
		{ "PROXY  TCP4 192.0.2.1 198.51.100.1 56324 9092\r\n", NULL },
		{ "PROXY TCP4  192.0.2.1 198.51.100.1 56324 9092\r\n", NULL },
		{ "PROXY TCP4 192.0.2.1 198.51.100.1 56324 9092 \r\n", NULL },
		{ "PROXY TCP4 192.0.2.1 198.51.100.1 56324 9092 1\r\n", NULL },
		{ "PROXY TCP4 192.0.2.1 198.51.100.1 56324\r\n", NULL },
		{ "PROXY TCP4 192.0.2.1 198.51.100.1\r\n", NULL },
		{ "PROXY TCP4\r\n", NULL }, { "PROXY \r\n", NULL }, { "PROXY\r\n", NULL }, { "\r\n", NULL },
		{ "PROXY TCP4 192.0.2.1 198.51.100.1 056324 9092\r\n", NULL },
		{ "PROXY TCP4 192.0.2.1 198.51.100.1 65536 9092\r\n", NULL },
		{ "PROXY TCP4 192.0.2.1 198.51.100.1 -1 9092\r\n", NULL },
		{ "PROXY TCP4 192.0.2.1 198.51.100.1 1 x\r\n", NULL },
		{ "PROXY TCP4 192.0.2.256 198.51.100.1 1 2\r\n", NULL },
		{ "PROXY TCP4 192.0.2 198.51.100.1 1 2\r\n", NULL },
		{ "PROXY TCP4 ::1 ::1 1 2\r\n", NULL }, { "PROXY TCP6 192.0.2.1 198.51.100.1 1 2\r\n", NULL },
		{ "PROXY TCP6 fe80::1%eth0 ::1 1 2\r\n", NULL },
		{ "PROXY UDP4 192.0.2.1 198.51.100.1 1 2\r\n", NULL }, { "PROXY tcp4 192.0.2.1 198.51.100.1 1 2\r\n", NULL },
		{ "PROXY UNKNOWNS\r\n", NULL }, { "proxy UNKNOWN\r\n", NULL }, { "PROXX UNKNOWN\r\n", NULL },
		{ "GET / HTTP/1.1\r\n", NULL }, { "\x16\x03\x01\x02", NULL },
		{ "PROXY UNKNOWN aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n",
		    NULL },
	};

	(void)state;
	for (size_t i = 0; i < ALV_COUNT(cases); i++) {
		struct net_proxy_head h;
		char		      more[300];
		int		      n = snprintf(more, sizeof(more), "%s%s", cases[i].line, "\x16\x03\x01 and what the client says");
		enum net_proxy_step   step = read_cut(more, (size_t)n, &h);

		if (cases[i].source == NULL) {
			assert_int_equal(step, NET_PROXY_BAD);
			assert_non_null(h.why);
			assert_false(h.known);
			continue;
		}
		assert_int_equal(step, NET_PROXY_DONE);
		assert_int_equal(h.size, strlen(cases[i].line));
		assert_string_equal(source(&h), cases[i].source);
	}
}

/* The longest line there may be is taken, one byte more is not. */
static void
longest_line(void **state)
{
	struct net_proxy_head h;
	char		      line[NET_PROXY_V1_MAX + 2];

	(void)state;
	memset(line, 'x', sizeof(line));
	memcpy(line, "PROXY UNKNOWN ", 14);
	memcpy(line + NET_PROXY_V1_MAX - 2, "\r\n", 2);
	assert_int_equal(read_cut(line, NET_PROXY_V1_MAX, &h), NET_PROXY_DONE);
	memcpy(line + NET_PROXY_V1_MAX - 2, "x\r\n", 3);
	assert_int_equal(read_cut(line, NET_PROXY_V1_MAX + 1, &h), NET_PROXY_BAD);
	assert_int_equal(net_proxy_read((const uint8_t *)line, NET_PROXY_V1_MAX - 1, BOTH, &h), NET_PROXY_MORE);
}

/* ---- version 2 ---- */

struct head {
	uint8_t b[NET_PROXY_MAX + 64];
	size_t	n;
};

static void
begin(struct head *x, uint8_t command, uint8_t family)
{
	static const uint8_t mark[12] = "\r\n\r\n\0\r\nQUIT\n";

	memset(x, 0, sizeof(*x));
	memcpy(x->b, mark, sizeof(mark));
	x->b[12] = command;
	x->b[13] = family;
	x->n = 16;
}

static void
set_len(struct head *x)
{
	x->b[14] = (uint8_t)((x->n - 16) >> 8);
	x->b[15] = (uint8_t)(x->n - 16);
}

static void
add(struct head *x, const void *p, size_t n)
{
	assert_true(x->n + n <= sizeof(x->b));
	memcpy(x->b + x->n, p, n);
	x->n += n;
	set_len(x);
}

static const uint8_t v4[12] = { 192, 0, 2, 1, 198, 51, 100, 1, 0xdc, 0x04, 0x23, 0x84 };
static const uint8_t v6[36] = { 0x20, 0x01, 0x0d, 0xb8, [15] = 1, [31] = 1, [32] = 0, [33] = 7, [34] = 0, [35] = 8 };

static const char *
answer(const struct head *x)
{
	struct net_proxy_head h;
	enum net_proxy_step   step = read_cut(x->b, x->n, &h);

	if (step == NET_PROXY_DONE)
		assert_int_equal(h.size, x->n);
	return step == NET_PROXY_DONE ? source(&h) : step == NET_PROXY_BAD ? "bad" : "more";
}

static void
binary(void **state)
{
	struct head x;

	(void)state;
	begin(&x, 0x21, 0x11);
	assert_string_equal(answer(&x), "bad");	/* no addresses */
	add(&x, v4, 11);
	assert_string_equal(answer(&x), "bad");
	add(&x, v4 + 11, 1);
	assert_string_equal(answer(&x), "192.0.2.1 56324");
	begin(&x, 0x21, 0x21);
	add(&x, v6, 35);
	assert_string_equal(answer(&x), "bad");
	add(&x, v6 + 35, 1);
	assert_string_equal(answer(&x), "2001:db8::1 7");
}

static void
own_address_stays(void **state)
{
	static const uint8_t path[216] = "/a/socket", odd[5] = { 1, 2, 3, 4, 5 };
	struct head	     x;

	(void)state;
	begin(&x, 0x20, 0x00);			/* LOCAL */
	assert_string_equal(answer(&x), "own");
	begin(&x, 0x20, 0x11);			/* LOCAL with addresses, or with anything: not looked at */
	add(&x, v4, sizeof(v4));
	assert_string_equal(answer(&x), "own");
	begin(&x, 0x20, 0xff);
	add(&x, odd, sizeof(odd));
	assert_string_equal(answer(&x), "own");
	begin(&x, 0x21, 0x00);			/* PROXY of what is no address */
	add(&x, odd, sizeof(odd));
	assert_string_equal(answer(&x), "own");
	begin(&x, 0x21, 0x12);			/* UDP */
	add(&x, v4, sizeof(v4));
	assert_string_equal(answer(&x), "own");
	begin(&x, 0x21, 0x31);			/* a Unix socket */
	add(&x, path, sizeof(path));
	assert_string_equal(answer(&x), "own");
	begin(&x, 0x21, 0x31);
	add(&x, path, sizeof(path) - 1);
	assert_string_equal(answer(&x), "bad");
}

static void
binary_refused(void **state)
{
	static const struct { size_t at; uint8_t value; } wrong[] = {
		{ 0, 0x0a }, { 1, 0 }, { 4, 1 }, { 11, 0x0d }, { 12, 0x11 }, { 12, 0x31 }, { 12, 0x22 }, { 12, 0x2f }, { 12, 0x01 },
		{ 13, 0x41 }, { 13, 0x13 }, { 13, 0xf1 },
	};
	struct head x;

	(void)state;
	for (size_t i = 0; i < ALV_COUNT(wrong); i++) {
		begin(&x, 0x21, 0x11);
		add(&x, v4, sizeof(v4));
		x.b[wrong[i].at] = wrong[i].value;
		assert_string_equal(answer(&x), "bad");
	}
}

static void
lengths(void **state)
{
	static uint8_t	      filler[NET_PROXY_V2_BODY_MAX];
	struct net_proxy_head h;
	struct head	      x;

	(void)state;
	begin(&x, 0x20, 0);
	add(&x, filler, NET_PROXY_V2_BODY_MAX);
	assert_string_equal(answer(&x), "own");
	x.b[15]++;
	assert_string_equal(answer(&x), "bad");	/* refused by its length, before it comes */
	assert_int_equal(net_proxy_read(x.b, 16, BOTH, &h), NET_PROXY_BAD);
	begin(&x, 0x20, 0);
	x.b[14] = x.b[15] = 0xff;
	assert_int_equal(net_proxy_read(x.b, 16, BOTH, &h), NET_PROXY_BAD);
	begin(&x, 0x21, 0x11);
	add(&x, v4, sizeof(v4));
	x.b[15]++;
	assert_string_equal(answer(&x), "more");	/* one byte is missing */
}

static void
fields(void **state)
{
	static const uint8_t alpn[] = { 0x01, 0, 2, 'h', '2' }, noop[] = { 0x04, 0, 0 }, own[] = { 0xea, 0, 1, 1 };
	static const uint8_t cut1[] = { 0x01 }, cut2[] = { 0x01, 0 }, cut3[] = { 0x01, 0, 1 }, cut4[] = { 0x01, 0, 3, 1, 2 },
			     big[] = { 0x01, 0xff, 0xff, 1 };
	static const struct { const uint8_t *p; size_t n; } broken[] = {
		{ cut1, sizeof(cut1) }, { cut2, sizeof(cut2) }, { cut3, sizeof(cut3) }, { cut4, sizeof(cut4) }, { big, sizeof(big) },
	};
	struct head x;

	(void)state;
	begin(&x, 0x21, 0x11);
	add(&x, v4, sizeof(v4));
	add(&x, alpn, sizeof(alpn));
	add(&x, noop, sizeof(noop));
	add(&x, own, sizeof(own));
	assert_string_equal(answer(&x), "192.0.2.1 56324");
	for (size_t i = 0; i < ALV_COUNT(broken); i++) {
		begin(&x, 0x21, 0x11);
		add(&x, v4, sizeof(v4));
		add(&x, noop, sizeof(noop));
		add(&x, broken[i].p, broken[i].n);
		assert_string_equal(answer(&x), "bad");
	}
}

/* The sum is made here bit by bit, another way than there; then one bit changed anywhere breaks it. */
static void
checksum(void **state)
{
	static const uint8_t crc[] = { 0x03, 0, 4, 0, 0, 0, 0 }, noop[] = { 0x04, 0, 1, 9 }, wrong_size[] = { 0x03, 0, 3, 0, 0, 0 };
	struct head	     x;
	uint32_t	     sum = UINT32_MAX;

	(void)state;
	begin(&x, 0x21, 0x11);
	add(&x, v4, sizeof(v4));
	add(&x, crc, sizeof(crc));
	add(&x, noop, sizeof(noop));
	for (size_t i = 0; i < x.n; i++)
		for (int bit = 0; bit < 8; bit++) {
			uint32_t in = x.b[i] >> bit & 1;

			sum = (sum & 1) != in ? sum >> 1 ^ 0x82f63b78u : sum >> 1;
		}
	sum = ~sum;
	assert_string_equal(answer(&x), "bad");
	for (int i = 0; i < 4; i++)
		x.b[31 + i] = (uint8_t)(sum >> (24 - 8 * i));
	assert_string_equal(answer(&x), "192.0.2.1 56324");
	for (size_t i = 16; i < x.n; i++) {	/* in front of it other checks have the word */
		if (i == 28)
			continue;	/* another kind of field: no sum is said */
		x.b[i] ^= 0x10;
		assert_string_not_equal(answer(&x), "192.0.2.1 56324");
		x.b[i] ^= 0x10;
	}
	begin(&x, 0x21, 0x11);
	add(&x, v4, sizeof(v4));
	add(&x, wrong_size, sizeof(wrong_size));
	assert_string_equal(answer(&x), "bad");
}

static void
versions(void **state)
{
	struct net_proxy_head h;
	struct head	      x;
	const char	      line[] = "PROXY UNKNOWN\r\n";

	(void)state;
	begin(&x, 0x20, 0);
	assert_int_equal(net_proxy_read(x.b, x.n, NET_PROXY_V2, &h), NET_PROXY_DONE);
	assert_int_equal(net_proxy_read(x.b, x.n, NET_PROXY_V1, &h), NET_PROXY_BAD);
	assert_int_equal(net_proxy_read(x.b, 1, NET_PROXY_V1, &h), NET_PROXY_BAD);
	assert_int_equal(net_proxy_read((const uint8_t *)line, sizeof(line) - 1, NET_PROXY_V1, &h), NET_PROXY_DONE);
	assert_int_equal(net_proxy_read((const uint8_t *)line, sizeof(line) - 1, NET_PROXY_V2, &h), NET_PROXY_BAD);
	assert_int_equal(net_proxy_read((const uint8_t *)line, sizeof(line) - 1, 0, &h), NET_PROXY_BAD);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines),
		cmocka_unit_test(longest_line),
		cmocka_unit_test(binary),
		cmocka_unit_test(own_address_stays),
		cmocka_unit_test(binary_refused),
		cmocka_unit_test(lengths),
		cmocka_unit_test(fields),
		cmocka_unit_test(checksum),
		cmocka_unit_test(versions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
