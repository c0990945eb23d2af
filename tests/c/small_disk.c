/*
 * For LD_PRELOAD, where no small disk can be mounted: below the directory SMALL_DISK, files hold at most
 * SMALL_DISK_BYTES together, each counted in whole blocks as a disk does. A write that would go beyond is ENOSPC. Names
 * cost nothing here, nor does truncating a file to be longer: that makes a hole.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

#define BLOCK 4096

static long long used;
static pthread_mutex_t counting = PTHREAD_MUTEX_INITIALIZER;

static long long blocks(long long bytes)
{
    return (bytes + BLOCK - 1) / BLOCK * BLOCK;
}

static int count(const char *path, const struct stat *status, int type, struct FTW *walk)
{
    (void)path;
    (void)walk;
    if (type == FTW_F) {
        used += blocks(status->st_size);
    }
    return 0;
}

/* Returns whether the file may become `end` bytes long. */
static int has_room(int fd, long long end)
{
    const char *disk = getenv("SMALL_DISK"), *size = getenv("SMALL_DISK_BYTES");
    char link[64], path[PATH_MAX];
    struct stat status;
    long long growth;
    ssize_t length;
    int fits, error = errno;
    if (disk == NULL || size == NULL || fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) {
        errno = error;
        return 1;
    }
    growth = blocks(end) - blocks(status.st_size);
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    length = readlink(link, path, sizeof path - 1);
    if (growth <= 0 || length < 0 || strncmp(path, disk, strlen(disk)) != 0) {
        errno = error;
        return 1;
    }
    pthread_mutex_lock(&counting);
    used = 0;
    nftw(disk, count, 16, FTW_PHYS);
    fits = used + growth <= atoll(size);
    pthread_mutex_unlock(&counting);
    errno = fits ? error : ENOSPC;
    return fits;
}

static long long end_of_write(int fd, size_t length)
{
    int flags = fcntl(fd, F_GETFL);
    struct stat status;
    off_t at = lseek(fd, 0, SEEK_CUR);
    if (flags >= 0 && (flags & O_APPEND) != 0 && fstat(fd, &status) == 0) {
        at = status.st_size;
    }
    return at < 0 ? 0 : (long long)at + (long long)length;
}

static long long total(const struct iovec *pieces, int number)
{
    long long bytes = 0;
    int i;
    for (i = 0; i < number; i++) {
        bytes += (long long)pieces[i].iov_len;
    }
    return bytes;
}

/* The function of the C library that stands behind `name`. A pointer to data is no pointer to a function in C. */
#define BEHIND(type, name)                                   \
    static type name##_behind;                               \
    if (name##_behind == NULL) {                             \
        void *found = dlsym(RTLD_NEXT, #name);               \
        memcpy(&name##_behind, &found, sizeof name##_behind); \
    }

typedef ssize_t (*write_type)(int, const void *, size_t);
typedef ssize_t (*pwrite_type)(int, const void *, size_t, off_t);
typedef ssize_t (*writev_type)(int, const struct iovec *, int);
typedef ssize_t (*pwritev_type)(int, const struct iovec *, int, off_t);
typedef int (*allocate_type)(int, off_t, off_t);

ssize_t write(int fd, const void *data, size_t length)
{
    BEHIND(write_type, write)
    return has_room(fd, end_of_write(fd, length)) ? write_behind(fd, data, length) : -1;
}

ssize_t writev(int fd, const struct iovec *pieces, int number)
{
    BEHIND(writev_type, writev)
    return has_room(fd, end_of_write(fd, (size_t)total(pieces, number))) ? writev_behind(fd, pieces, number) : -1;
}

#define PWRITE(name)                                                                               \
    ssize_t name(int fd, const void *data, size_t length, off_t at)                                \
    {                                                                                              \
        BEHIND(pwrite_type, name)                                                                  \
        return has_room(fd, (long long)at + (long long)length) ? name##_behind(fd, data, length, at) : -1; \
    }
PWRITE(pwrite)
PWRITE(pwrite64)

#define PWRITEV(name)                                                                              \
    ssize_t name(int fd, const struct iovec *pieces, int number, off_t at)                         \
    {                                                                                              \
        BEHIND(pwritev_type, name)                                                                 \
        return has_room(fd, (long long)at + total(pieces, number)) ? name##_behind(fd, pieces, number, at) : -1; \
    }
PWRITEV(pwritev)
PWRITEV(pwritev64)

#define ALLOCATE(name)                                                       \
    int name(int fd, off_t at, off_t length)                                 \
    {                                                                        \
        BEHIND(allocate_type, name)                                          \
        return has_room(fd, at + length) ? name##_behind(fd, at, length) : ENOSPC; \
    }
ALLOCATE(posix_fallocate)
ALLOCATE(posix_fallocate64)

/* Callers go back to plain writes. */
ssize_t copy_file_range(int from, off64_t *from_at, int to, off64_t *to_at, size_t length, unsigned flags)
{
    (void)from;
    (void)from_at;
    (void)to;
    (void)to_at;
    (void)length;
    (void)flags;
    errno = EXDEV;
    return -1;
}
