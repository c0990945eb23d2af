/*
 * Child processes of a test. They are forked while no store is open, as every host has to do it, and
 * end with 0 if all their expectations held. Pipes keep them in step; nothing here waits for time.
 */
#ifndef NEXUS_TESTS_CHILDREN_H
#define NEXUS_TESTS_CHILDREN_H

#include "expect.h"

#include <sys/prctl.h>

/* Starts a process that runs `work` and ends. It does not outlive this one, however that ends: what holds the output
   open would keep whoever reads it waiting. */
static inline pid_t spawn(void (*work)(void *), void *user)
{
    const pid_t parent = getpid();
    pid_t child;
    if (nexus_live_objects() != 0) {
        FAIL("a child must not be forked while a store is open");
    }
    fflush(NULL);
    child = fork();
    if (child < 0) {
        FAIL("fork: %s", strerror(errno));
    }
    if (child == 0) {
        if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent) {
            _exit(1);
        }
        expect_can_jump = 0;
        work(user);
        (void)expect_error_slot();
        if (nexus_live_objects() != 0) {
            FAIL("a child ends with %" PRIu64 " objects open", nexus_live_objects());
        }
        _exit(0);
    }
    return child;
}

/* How a process ended, as waitpid tells it. */
static inline int ended(pid_t child)
{
    int status = -1;
    while (waitpid(child, &status, 0) < 0) {
        if (errno != EINTR) {
            FAIL("waitpid: %s", strerror(errno));
        }
    }
    return status;
}

/* Waits for processes that all have to succeed. */
static inline void join_all(const pid_t *children, int count)
{
    int i, failed = 0;
    for (i = 0; i < count; i++) {
        failed += ended(children[i]) != 0;
    }
    if (failed != 0) {
        FAIL("%d of %d processes failed", failed, count);
    }
}

static inline void open_pipe(int ends[2])
{
    if (pipe(ends) != 0) {
        FAIL("pipe: %s", strerror(errno));
    }
}

/* Waits for one byte; 0 where all writers are gone. */
static inline int wait_for_word(int fd)
{
    char byte = 0;
    ssize_t got;
    do {
        got = read(fd, &byte, 1);
    } while (got < 0 && errno == EINTR);
    return got == 1;
}

static inline void give_word(int fd)
{
    char byte = 'x';
    if (write(fd, &byte, 1) != 1) {
        FAIL("pipe: %s", strerror(errno));
    }
}

/* A small generator, so that a run can be repeated by its seed. */
static inline uint32_t draw(uint64_t *state, uint32_t below)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return (uint32_t)(*state >> 33) % below;
}

/* Compares every reference count with a listing, and the contents on disk with the large ones among them. */
static inline void expect_exact_counts(nexus_fs *fs, size_t inline_max)
{
    nexus_entries *page = NULL;
    size_t count, i, k, large = 0;
    OK(nexus_gc(fs, NULL, NULL, NULL, ERR));
    OK(nexus_list(fs, NULL, &page, ERR));
    count = nexus_entries_len(page);
    for (i = 0; i < count; i++) {
        const nexus_entry *row = nexus_entries_at(page, i);
        int64_t holders = 0;
        int first = 1;
        if (i > 0 && strcmp(nexus_entries_at(page, i - 1)->path, row->path) >= 0) {
            FAIL("%s is listed twice or out of order", row->path);
        }
        for (k = 0; k < count; k++) {
            int same = strcmp(nexus_entries_at(page, k)->etag, row->etag) == 0;
            holders += same;
            first = first && !(same && k < i);
        }
        if (first) {
            EXPECT_INT(reference_count(fs, row->etag), holders);
            large += row->size > inline_max;
        }
    }
    nexus_entries_free(page);
    EXPECT_INT(files_below(disk("store/cas")), large);
    EXPECT_INT(files_below(disk("store/tmp")), 0);
}

#endif
