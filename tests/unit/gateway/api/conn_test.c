/* Connections: who may go on, and which addresses clients are told. */
#include "stage.h"

static void
a_changed_user_has_to_log_in_again(void **state)
{
	struct stage   s;
	enum met_close why;

	(void)state;
	stage_open(&s, NULL, 0);
	assert_true(api_conn_check(&s.conn, &why));
	s.conn.user_revision = 6;
	assert_false(api_conn_check(&s.conn, &why));
	assert_int_equal(why, MET_CLOSE_USER_CHANGED);
	s.conn.user_revision = 7;
	snprintf(s.conn.user, sizeof(s.conn.user), "bob");
	assert_false(api_conn_check(&s.conn, &why));
	assert_int_equal(why, MET_CLOSE_USER_CHANGED);
	s.conn.auth = API_AUTH_HANDSHAKE;
	assert_true(api_conn_check(&s.conn, &why));
	stage_close(&s);
}

static void
addresses_by_sni(void **state)
{
	struct stage   s;
	struct alv_str host;
	int32_t	       port;

	(void)state;
	stage_open(&s, NULL, 0);
	assert_true(api_advertise(&s.conn, &s.arena, -1, &host, &port));
	stage_text(host, "acme.kafka.test");
	assert_int_equal(port, 9093);
	assert_true(api_advertise(&s.conn, &s.arena, 2, &host, &port));
	stage_text(host, "b2-acme.kafka.test");
	assert_false(api_advertise(&s.conn, &s.arena, 3, &host, &port));
	s.listener.advertised_port = 443;
	assert_true(api_advertise(&s.conn, &s.arena, 1, &host, &port));
	assert_int_equal(port, 443);
	stage_close(&s);
}

static void
addresses_by_port(void **state)
{
	struct stage   s;
	struct alv_str host;
	int32_t	       port;

	(void)state;
	stage_open(&s, NULL, 0);
	s.listener.endpoint = POL_ENDPOINT_PORT;
	snprintf(s.listener.advertised_host, sizeof(s.listener.advertised_host), "gw.test");
	s.listener.bind.port = 19092;
	s.listener.node_port_first = 19093;
	s.listener.node_port_last = 19093;
	s.listener.node_id_first = 1;
	s.conn.node = 1;
	s.conn.listener_port = 19093;
	assert_true(api_advertise(&s.conn, &s.arena, -1, &host, &port));
	stage_text(host, "gw.test");
	assert_int_equal(port, 19092);
	assert_true(api_advertise(&s.conn, &s.arena, 1, &host, &port));
	assert_int_equal(port, 19093);
	assert_false(api_advertise(&s.conn, &s.arena, 2, &host, &port));	/* there is no port for it */
	stage_close(&s);
}

/* By a name of the tenant's own: addresses of that name, until it is given away. */
static void
addresses_by_own_names(void **state)
{
	struct stage	 s;
	struct ten_own	 own;
	struct pol_parts p = { .id = ALV_STR("acme"), .state = POL_ACTIVE, .cluster_id = "acme-cluster-id-22char", .revision = 2 };
	const char	*field, *expected;
	struct alv_str	 host;
	int32_t		 port;
	enum met_close	 why;

	(void)state;
	stage_open(&s, NULL, 0);
	assert_int_equal(ten_own_parse(ALV_STR("k.acme.com"), ALV_STR("b$(node)-k.acme.com"), &own, &field, &expected), ALV_OK);
	assert_int_equal(api_conn_own(&s.conn, &own), ALV_OK);
	s.conn.listener_port = 9092;
	assert_true(api_advertise(&s.conn, &s.arena, -1, &host, &port));
	stage_text(host, "k.acme.com");
	assert_true(api_advertise(&s.conn, &s.arena, 1, &host, &port));
	stage_text(host, "b1-k.acme.com");
	assert_int_equal(port, 9092);
	assert_false(api_conn_check(&s.conn, &why));	/* the tenant never had it */
	assert_int_equal(why, MET_CLOSE_HOST_GONE);
	s.conn.auth = API_AUTH_NONE;
	p.own = &own;
	p.nown = 1;
	assert_int_equal(pol_dir_publish(s.dir, p.id, pol_build(&p)), ALV_OK);
	assert_true(api_conn_check(&s.conn, &why));
	p.nown = 0;
	assert_int_equal(pol_dir_publish(s.dir, p.id, pol_build(&p)), ALV_OK);
	assert_false(api_conn_check(&s.conn, &why));	/* also before the login */
	assert_int_equal(why, MET_CLOSE_HOST_GONE);
	api_conn_fini(&s.conn);
	stage_close(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_changed_user_has_to_log_in_again),
		cmocka_unit_test(addresses_by_sni),
		cmocka_unit_test(addresses_by_port),
		cmocka_unit_test(addresses_by_own_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
