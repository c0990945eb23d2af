/* A host with little memory left: what asks for much is refused, and the process and the store go on. */
#define _DEFAULT_SOURCE
#include "expect.h"

#include <sys/resource.h>

#define MIB ((size_t)1 << 20)
#define FILE_BYTES (300 * MIB)
#define PIECE_BYTES (FILE_BYTES / 2)
#define LEFT (100 * MIB)

/* Returns the bytes of the address space that are in use. */
static size_t in_use(void)
{
    unsigned long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    EXPECT(file != NULL);
    EXPECT_INT(fscanf(file, "%lu", &pages), 1);
    fclose(file);
    return pages * (size_t)sysconf(_SC_PAGESIZE);
}

static void contents_that_do_not_fit_are_refused_and_the_store_goes_on(void)
{
    struct rlimit former, limit;
    nexus_writer *writer = NULL;
    nexus_buffer *buffer = NULL;
    nexus_batch *batch = NULL;
    uint8_t *piece = (uint8_t *)scratch(PIECE_BYTES);
    size_t written;
    nexus_fs *fs = open_store("\"cache_size_mb\": 4");
    OK(nexus_writer_open(fs, "/large", NULL, &writer, ERR));
    for (written = 0; written < FILE_BYTES; written += PIECE_BYTES) {
        OK(nexus_writer_write(writer, piece, PIECE_BYTES, ERR));
    }
    OK(nexus_writer_commit(writer, NULL, ERR));
    OK(nexus_batch_new(fs, &batch, ERR));

    EXPECT_INT(getrlimit(RLIMIT_AS, &former), 0);
    limit = former;
    limit.rlim_cur = in_use() + LEFT;
    EXPECT_INT(setrlimit(RLIMIT_AS, &limit), 0);
    FAILS(IO, nexus_read(fs, "/large", &buffer, ERR));
    EXPECT_HAS(message(), "memory");
    EXPECT_HAS(message(), "/large");
    FAILS(IO, nexus_batch_append(batch, "/a", piece, PIECE_BYTES, NULL, ERR));
    EXPECT_HAS(message(), "memory");
    FAILS(IO, nexus_append(fs, "/a", piece, PIECE_BYTES, ERR));
    OK(nexus_append(fs, "/large", BYTES("more"), ERR));
    put(fs, "/small", "small");
    EXPECT_STR(get(fs, "/small"), "small");
    EXPECT_INT(setrlimit(RLIMIT_AS, &former), 0);

    OK(nexus_read(fs, "/large", &buffer, ERR));
    EXPECT_INT((int64_t)nexus_buffer_len(buffer), (int64_t)FILE_BYTES + 4);
    nexus_buffer_free(buffer);
    nexus_batch_free(batch);
    close_store(fs);
}

int main(void)
{
    if (UNDER_ASAN) {
        return SKIPPED; /* its allocator ends the process instead of saying no */
    }
    RUN(contents_that_do_not_fit_are_refused_and_the_store_goes_on);
    return finish();
}
