/* A child forked while a store is open may do nothing but exec; one that has called exec starts afresh. */
#include "expect.h"

static const char *self;

static void refuse_everything(nexus_fs *fs, nexus_reader *reader, nexus_batch *batch)
{
    nexus_fs *other = NULL;
    nexus_buffer *buffer = NULL;
    nexus_entries *page = NULL;
    nexus_writer *writer = NULL;
    char *string = NULL;
    uint8_t byte;
    size_t got;
    FAILS(MISUSE, nexus_read(fs, "/a", &buffer, ERR));
    EXPECT_HAS(message(), "exec");
    FAILS(MISUSE, nexus_write(fs, "/a", BYTES("from the child"), ERR));
    FAILS(MISUSE, nexus_list(fs, NULL, &page, ERR));
    FAILS(MISUSE, nexus_set_meta(fs, "/a", "k", "1", ERR));
    FAILS(MISUSE, nexus_writer_open(fs, "/b", NULL, &writer, ERR));
    FAILS(MISUSE, nexus_reader_read(reader, &byte, 1, &got, ERR));
    FAILS(MISUSE, nexus_batch_commit(batch, NULL, ERR));
    FAILS(MISUSE, nexus_with_identity(fs, "acme", NULL, &other, ERR));
    FAILS(MISUSE, nexus_clone(fs, &other, ERR));
    FAILS(MISUSE, nexus_gc(fs, NULL, NULL, &string, ERR));
    FAILS(MISUSE, nexus_config(fs, &string, ERR));
    FAILS(MISUSE, nexus_interrupt(fs, ERR));
    FAILS(MISUSE, nexus_connect(text("{\"data_dir\": \"%s/store\"}", expect_directory), &other, ERR));
    EXPECT_HAS(message(), "exec");
    FAILS(MISUSE, nexus_connect(text("{\"data_dir\": \"%s/elsewhere\"}", expect_directory), &other, ERR));
    EXPECT(other == NULL);
    FAILS(MISUSE, nexus_close(fs, ERR));
    nexus_batch_free(batch);
}

static void expect_success(pid_t child)
{
    int status = -1;
    EXPECT(waitpid(child, &status, 0) == child);
    EXPECT_INT(status, 0);
}

static void a_forked_child_is_refused_and_the_parent_goes_on(void)
{
    nexus_reader *reader = NULL;
    nexus_batch *batch = NULL;
    pid_t child;
    nexus_fs *fs = open_store("");
    put(fs, "/a", "from the parent");
    OK(nexus_reader_open(fs, "/a", &reader, ERR));
    OK(nexus_batch_new(fs, &batch, ERR));
    OK(nexus_batch_write(batch, "/batched", BYTES("x"), NULL, ERR));
    fflush(NULL);
    child = fork();
    EXPECT(child >= 0);
    if (child == 0) {
        expect_can_jump = 0;
        refuse_everything(fs, reader, batch);
        _exit(0);
    }
    expect_success(child);
    EXPECT_STR(get(fs, "/a"), "from the parent");
    OK(nexus_batch_commit(batch, NULL, ERR));
    nexus_batch_free(batch);
    OK(nexus_reader_close(reader, ERR));
    put(fs, "/a", "still at work");
    close_store(fs);
    fs = open_store("");
    EXPECT_STR(listed(fs, NULL), "/a /batched");
    close_store(fs);
}

static void a_child_that_execs_works(void)
{
    pid_t child;
    nexus_fs *fs = open_store("");
    put(fs, "/a", "from the parent");
    fflush(NULL);
    child = fork();
    EXPECT(child >= 0);
    if (child == 0) {
        execl(self, self, "--child", expect_directory, (char *)NULL);
        _exit(9);
    }
    expect_success(child);
    EXPECT_STR(get(fs, "/b"), "from the child");
    close_store(fs);
}

static void a_child_forked_before_the_first_connect_works(void)
{
    pid_t child;
    nexus_fs *fs;
    fflush(NULL);
    child = fork();
    EXPECT(child >= 0);
    if (child == 0) {
        expect_can_jump = 0;
        fs = open_store("");
        put(fs, "/a", "from the child");
        close_store(fs);
        _exit(0);
    }
    expect_success(child);
    fs = open_store("");
    EXPECT_STR(get(fs, "/a"), "from the child");
    close_store(fs);
    /* Nothing is open again: the next child may connect too. */
    fflush(NULL);
    child = fork();
    EXPECT(child >= 0);
    if (child == 0) {
        expect_can_jump = 0;
        fs = open_store("");
        put(fs, "/b", "from the child");
        close_store(fs);
        _exit(0);
    }
    expect_success(child);
}

int main(int argc, char **argv)
{
    self = argv[0];
    if (argc == 3 && strcmp(argv[1], "--child") == 0) {
        nexus_fs *fs;
        snprintf(expect_directory, sizeof expect_directory, "%s", argv[2]);
        fs = open_store("");
        EXPECT_STR(get(fs, "/a"), "from the parent");
        put(fs, "/b", "from the child");
        close_store(fs);
        return finish();
    }
    begin(argc, argv);
    RUN(a_child_forked_before_the_first_connect_works);
    RUN(a_forked_child_is_refused_and_the_parent_goes_on);
    RUN(a_child_that_execs_works);
    return finish();
}
