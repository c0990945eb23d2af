/*
 * Holds a store open with work items in each of the five queues, for sqlite_reads.sh:  live_store DATA_DIR
 *
 * Says "ready" on standard output, and ends when its standard input does. While it waits for that it has
 * the store open; for each line that it reads it completes the dependency, and says "done".
 */
#include "expect.h"

static void item(nexus_fs *fs, const char *path, const char *keys)
{
    put(fs, path, path);
    OK(nexus_set_meta_many(fs, path, keys, ERR));
}

int main(int argc, char **argv)
{
    char line[16];
    nexus_fs *fs = NULL;
    if (argc != 2) {
        fprintf(stderr, "usage: live_store DATA_DIR\n");
        return 2;
    }
    OK(nexus_connect(text("{\"data_dir\": \"%s\"}", argv[1]), &fs, ERR));
    item(fs, "/shared/acme/ready", "{\"status\": \"ready\", \"priority\": 2, \"tags\": [\"x\"]}");
    item(fs, "/shared/acme/first", "{\"status\": \"ready\", \"priority\": 1}");
    item(fs, "/later", "{\"status\": \"ready\", \"not_before\": \"2100-01-01T00:00:00Z\"}");
    item(fs, "/due", "{\"status\": \"ready\", \"not_before\": \"2020-01-01T00:00:00Z\"}");
    item(fs, "/blocked", "{\"status\": \"blocked\", \"depends_on\": [\"/shared/acme/first\", \"/due\"]}");
    item(fs, "/held", "{\"status\": \"blocked\"}");
    item(fs, "/pending", "{\"status\": \"pending\"}");
    item(fs, "/workspace/acme/bot/running", "{\"status\": \"in_progress\", \"worker_id\": \"w1\", \"started_at\": \"2026-01-02T03:04:05Z\"}");
    item(fs, "/over", "{\"status\": \"completed\"}");
    put(fs, "/no-item", "x");
    puts("ready");
    fflush(stdout);
    while (fgets(line, sizeof line, stdin) != NULL) {
        set_meta(fs, "/shared/acme/first", "status", "\"completed\"");
        puts("done");
        fflush(stdout);
    }
    close_store(fs);
    (void)expect_error_slot();
    expect_free_blocks();
    return finish();
}
