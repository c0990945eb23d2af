/*
 * Makes the changes whose syncs check_syncs.sh watches:  sync_writer DATA_DIR full|normal
 *
 * A line on standard error says that a call begins, one on standard output that it was acknowledged:
 * both are write(2) calls that the trace shows between the store's own.
 */
#include "expect.h"

static void say(int fd, const char *word, const char *name)
{
    char line[64];
    int length = snprintf(line, sizeof line, "%s %s\n", word, name);
    if (write(fd, line, (size_t)length) != length) {
        FAIL("writing a marker: %s", strerror(errno));
    }
}

#define CALL(name, call)                                                                                       \
    do {                                                                                                       \
        say(2, "begin", name);                                                                                 \
        OK(call);                                                                                              \
        say(1, "acknowledged", name);                                                                          \
    } while (0)

int main(int argc, char **argv)
{
    nexus_fs *fs = NULL;
    nexus_writer *writer = NULL;
    nexus_batch *batch = NULL;
    if (argc != 3) {
        fprintf(stderr, "usage: sync_writer DATA_DIR full|normal\n");
        return 2;
    }
    OK(nexus_connect(text("{\"data_dir\": \"%s\", \"durability\": \"%s\", \"housekeeping\": false}", argv[1], argv[2]), &fs, ERR));
    put(fs, "/warm", "up");
    CALL("small", nexus_write(fs, "/small", BYTES("small content"), ERR));
    CALL("large", nexus_write(fs, "/large", noise(LARGE, 1), LARGE, ERR));
    CALL("overwrite", nexus_write(fs, "/large", noise(LARGE, 2), LARGE, ERR));
    OK(nexus_writer_open(fs, "/streamed", NULL, &writer, ERR));
    OK(nexus_writer_write(writer, noise(LARGE, 3), LARGE, ERR));
    /* What was written to the stream before belongs to the commit. */
    CALL("stream", nexus_writer_commit(writer, NULL, ERR));
    OK(nexus_batch_new(fs, &batch, ERR));
    OK(nexus_batch_write(batch, "/batched", noise(LARGE, 4), LARGE, NULL, ERR));
    OK(nexus_batch_set_meta(batch, "/batched", "k", "1", ERR));
    CALL("batch", nexus_batch_commit(batch, NULL, ERR));
    nexus_batch_free(batch);
    CALL("meta", nexus_set_meta(fs, "/small", "k", "1", ERR));
    CALL("rename", nexus_rename(fs, "/small", "/renamed", ERR));
    CALL("delete", nexus_delete(fs, "/large", ERR));
    close_store(fs);
    (void)expect_error_slot();
    expect_free_blocks();
    return finish();
}
