/*
 * A disk that is full: a tmpfs in a namespace of its own, or, where none can be mounted or FULL_DISK is "preload", the library
 * SMALL_DISK_LIBRARY (small_disk.c). A test begins with have_small_disks().
 */
#ifndef NEXUS_TESTS_FULL_DISK_H
#define NEXUS_TESTS_FULL_DISK_H

#include "expect.h"

#include <sched.h>
#include <sys/mount.h>

/* A disk of this size stands at `small` in the directory of the test. */
#define DISK_BYTES (24 * 1024 * 1024)
#define BALLAST_BYTES (8 * 1024 * 1024)

static inline int write_line(const char *path, const char *line)
{
    int fd = open(path, O_WRONLY);
    ssize_t written = fd < 0 ? -1 : write(fd, line, strlen(line));
    if (fd >= 0) {
        close(fd);
    }
    return written == (ssize_t)strlen(line);
}

/* A namespace of mounts of our own, where the system allows one. */
static inline int may_mount(void)
{
    if (unshare(CLONE_NEWNS) != 0) {
        unsigned user = (unsigned)getuid(), group = (unsigned)getgid();
        char line[64];
        if (unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) {
            return 0;
        }
        snprintf(line, sizeof line, "0 %u 1", user);
        if (!write_line("/proc/self/setgroups", "deny") || !write_line("/proc/self/uid_map", line)) {
            return 0;
        }
        snprintf(line, sizeof line, "0 %u 1", group);
        if (!write_line("/proc/self/gid_map", line)) {
            return 0;
        }
    }
    return mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
}

static inline int is_preloaded(void)
{
    const char *means = getenv("FULL_DISK"), *loaded = getenv("LD_PRELOAD");
    return means != NULL && strcmp(means, "preload") == 0 && loaded != NULL;
}

/* Begins anew with the library in the place of a small disk. Returns if there is none. */
static inline void preload(char **argv)
{
    const char *library = getenv("SMALL_DISK_LIBRARY");
    if (library != NULL && setenv("LD_PRELOAD", library, 1) == 0 && setenv("FULL_DISK", "preload", 1) == 0) {
        execv("/proc/self/exe", argv);
    }
}

static inline int mount_small_disk(void)
{
    char whole[4096];
    EXPECT_INT(mkdir(disk("small"), 0700), 0);
    if (!is_preloaded()) {
        return mount("none", disk("small"), "tmpfs", 0, text("size=%d", DISK_BYTES)) == 0;
    }
    EXPECT(realpath(disk("small"), whole) != NULL);
    EXPECT_INT(setenv("SMALL_DISK_BYTES", text("%d", DISK_BYTES), 1), 0);
    EXPECT_INT(setenv("SMALL_DISK", whole, 1), 0);
    return 1;
}

static inline void unmount_small_disk(void)
{
    if (is_preloaded()) {
        EXPECT_INT(unsetenv("SMALL_DISK"), 0);
    } else {
        EXPECT_INT(umount2(disk("small"), MNT_DETACH), 0);
    }
}

static inline nexus_fs *open_on_small_disk(void)
{
    nexus_fs *fs = NULL;
    OK(nexus_connect(text("{\"data_dir\": \"%s/small/store\"}", expect_directory), &fs, ERR));
    return fs;
}

/* Takes all the room that there is; call it again to take what became free. */
static inline void take_all_room(void)
{
    struct stat status;
    int fd = open(disk("small/taken"), O_WRONLY | O_CREAT, 0600);
    EXPECT(fd >= 0);
    EXPECT_INT(fstat(fd, &status), 0);
    while (posix_fallocate(fd, status.st_size, 4096) == 0) {
        status.st_size += 4096;
    }
    close(fd);
}

static inline void give_room_back(void)
{
    EXPECT_INT(unlink(disk("small/taken")), 0);
}

/* Returns whether there are small disks here, or begins anew with the library that stands for one. */
static inline int have_small_disks(char **argv)
{
    const char *means = getenv("FULL_DISK");
    int preloads = means != NULL && strcmp(means, "preload") == 0;
    if (!is_preloaded() && (preloads || !may_mount())) {
        preload(argv);
        fprintf(stderr, "skipped: a mount namespace (root, or unprivileged user namespaces) or SMALL_DISK_LIBRARY is needed: %s\n",
                strerror(errno));
        return 0;
    }
    fprintf(stderr, "the small disk is %s\n", is_preloaded() ? "a library" : "a tmpfs");
    return 1;
}

#endif
