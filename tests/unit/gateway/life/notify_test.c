/* systemd is played by a socket of the test's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "life/notify.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static void
test_a_datagram_arrives(void **state)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	socklen_t	   n = sizeof(a);
	char		   name[128], got[64] = "";
	int		   fd = socket(AF_UNIX, SOCK_DGRAM, 0);

	(void)state;
	/* Bound without a name it gets a free one in the abstract namespace. */
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a.sun_family)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &n), 0);
	n -= (socklen_t)offsetof(struct sockaddr_un, sun_path);
	snprintf(name, sizeof(name), "@%.*s", (int)n - 1, a.sun_path + 1);
	setenv("NOTIFY_SOCKET", name, 1);
	assert_true(lif_notify("READY=1"));
	assert_int_equal(recv(fd, got, sizeof(got), MSG_DONTWAIT), 7);
	assert_string_equal(got, "READY=1");
	close(fd);
	assert_false(lif_notify("READY=1"));
}

static void
test_nobody_listens(void **state)
{
	static const char *const bad[] = { "", "@", "relative", "/nobody/is/here" };

	(void)state;
	unsetenv("NOTIFY_SOCKET");
	assert_false(lif_notify("READY=1"));
	for (size_t i = 0; i < ALV_COUNT(bad); i++) {
		setenv("NOTIFY_SOCKET", bad[i], 1);
		assert_false(lif_notify("READY=1"));
	}
}

static void
test_the_watchdog_is_for_this_process(void **state)
{
	char pid[32];

	(void)state;
	unsetenv("WATCHDOG_PID");
	unsetenv("WATCHDOG_USEC");
	assert_int_equal(lif_notify_watchdog_us(), 0);
	setenv("WATCHDOG_USEC", "30000000", 1);
	assert_int_equal(lif_notify_watchdog_us(), 30000000);
	setenv("WATCHDOG_PID", "1", 1);
	assert_int_equal(lif_notify_watchdog_us(), 0);
	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	setenv("WATCHDOG_PID", pid, 1);
	assert_int_equal(lif_notify_watchdog_us(), 30000000);
	setenv("WATCHDOG_USEC", "-1", 1);
	assert_int_equal(lif_notify_watchdog_us(), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_datagram_arrives),
		cmocka_unit_test(test_nobody_listens),
		cmocka_unit_test(test_the_watchdog_is_for_this_process),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
