/* Who may have the file: one process, on a local file system. SQLite's WAL needs shared memory and locks that work;
 * on network file systems they often only seem to. */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "state/store_int.h"

static const struct {
	uint32_t    magic;	/* statfs(2) */
	const char *name;
} refused[] = {
	{ 0x00006969, "NFS" },	{ 0x0000517b, "SMB" },	 { 0xff534d42, "CIFS" },   { 0xfe534d42, "SMB2" },
	{ 0x65735546, "FUSE" }, { 0x00c36400, "Ceph" },	 { 0x5346414f, "AFS" },	   { 0x73757245, "Coda" },
	{ 0x01021997, "9P" },	{ 0x0bd00bd0, "Lustre" }, { 0x7461636f, "OCFS2" }, { 0x47504653, "GPFS" },
};

const char *
sto_fs_refused(uint64_t magic)
{
	for (size_t i = 0; i < ALV_COUNT(refused); i++)
		if (refused[i].magic == (uint32_t)magic)
			return refused[i].name;
	return NULL;
}

static enum alv_err
check_fs(const char *file, struct alv_buf *words)
{
	char	     *copy = strdup(file);
	struct statfs fs;
	const char   *dir, *name;
	enum alv_err  err = ALV_OK;

	if (copy == NULL)
		return ALV_E_NOMEM;
	dir = dirname(copy);
	if (statfs(dir, &fs) != 0) {
		alv_buf_printf(words, "%s: its directory %s cannot be used: %s\n", file, dir, strerror(errno));
		err = ALV_E_SYSTEM;
	} else if ((name = sto_fs_refused((uint64_t)fs.f_type)) != NULL) {
		alv_buf_printf(words, "%s: found a file system of type %s, expected a local one: SQLite needs locks and shared "
		    "memory that work\n", file, name);
		err = ALV_E_UNSUPPORTED;
	}
	free(copy);
	return err;
}

static void
tell_holder(const char *path, int fd, struct alv_buf *words)
{
	char	pid[32];
	ssize_t n = pread(fd, pid, sizeof(pid) - 1, 0);

	while (n > 0 && (pid[n - 1] < '0' || pid[n - 1] > '9'))
		n--;
	alv_buf_printf(words, "%s: another process (%.*s) has this state open; one at a time may\n", path,
	    n > 0 ? (int)n : 7, n > 0 ? pid : "unknown");
}

/* flock: held by the open file, so it goes with the process however that ends, and a second open of our own meets it. */
enum alv_err
sto_lock(const char *file, int *lock, struct alv_buf *words)
{
	char	     path[PATH_MAX];
	int	     fd, n;
	enum alv_err err = check_fs(file, words);

	if (err)
		return err;
	n = snprintf(path, sizeof(path), "%s.lock", file);
	fd = n < 0 || n >= (int)sizeof(path) ? -1 : open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0) {
		alv_buf_printf(words, "%s.lock: cannot be created: %s\n", file, strerror(errno));
		return ALV_E_SYSTEM;
	}
	if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
		tell_holder(file, fd, words);
		close(fd);
		return ALV_E_CONFLICT;
	}
	/* The number is for people only; a full disk is no reason not to start. */
	if (ftruncate(fd, 0) == 0)
		(void)!dprintf(fd, "%ld\n", (long)getpid());
	*lock = fd;
	return ALV_OK;
}
