/* A directory for the time of a run: made in $TMPDIR (or /tmp), removed with all it holds.
 * Include it before every other header: it asks the system headers for POSIX. */
#ifndef NEXUS_EXAMPLES_SCRATCH_H
#define NEXUS_EXAMPLES_SCRATCH_H

#ifndef _XOPEN_SOURCE
#define _XOPEN_SOURCE 700
#endif

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define SCRATCH_PATH_MAX 4096

static char scratch_directory[SCRATCH_PATH_MAX];

static inline int scratch_remove_one(const char *path, const struct stat *info, int kind, struct FTW *position)
{
    (void)info;
    (void)kind;
    (void)position;
    return remove(path);
}

static inline void scratch_remove(void)
{
    if (scratch_directory[0] != '\0')
        nftw(scratch_directory, scratch_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* Makes the directory and returns its path; it goes when the program exits, also by an error. */
static inline const char *scratch_create(void)
{
    const char *parent = getenv("TMPDIR");
    int length = snprintf(scratch_directory, sizeof scratch_directory, "%s/nexus-example-XXXXXX",
                          parent != NULL && parent[0] != '\0' ? parent : "/tmp");
    if (length < 0 || (size_t)length >= sizeof scratch_directory || mkdtemp(scratch_directory) == NULL) {
        scratch_directory[0] = '\0';
        perror("cannot make a temporary directory");
        exit(EXIT_FAILURE);
    }
    atexit(scratch_remove);
    return scratch_directory;
}

#endif
