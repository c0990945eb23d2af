/* Stands for a host that brings its own SQLite: it defines the names that a store depends on most. Were SQLite's names
 * global in libnexusfs.a, this would not link, or the store would be opened by what stands here. */
#include <nexus.h>

#include <stdio.h>
#include <string.h>

static int calls_of_the_hosts_sqlite;

int sqlite3_open_v2(const char *file, void **database, int flags, const char *vfs);
int sqlite3_prepare_v3(void *database, const char *sql, int bytes, unsigned flags, void **statement, const char **rest);
int sqlite3_initialize(void);
const char *sqlite3_libversion(void);

int sqlite3_open_v2(const char *file, void **database, int flags, const char *vfs)
{
    (void)file;
    (void)flags;
    (void)vfs;
    *database = NULL;
    return ++calls_of_the_hosts_sqlite;
}

int sqlite3_prepare_v3(void *database, const char *sql, int bytes, unsigned flags, void **statement, const char **rest)
{
    (void)database;
    (void)sql;
    (void)bytes;
    (void)flags;
    *statement = NULL;
    *rest = NULL;
    return ++calls_of_the_hosts_sqlite;
}

int sqlite3_initialize(void)
{
    return ++calls_of_the_hosts_sqlite;
}

const char *sqlite3_libversion(void)
{
    return "the host's";
}

static int failed(const char *what, nexus_error *error)
{
    fprintf(stderr, "%s: %s\n", what, error != NULL ? nexus_error_message(error) : "no error was given");
    nexus_error_free(error);
    return 1;
}

int main(int argc, char **argv)
{
    char config[4096];
    nexus_fs *fs = NULL;
    nexus_error *error = NULL;
    int32_t exists = 0;

    if (argc != 2 || strchr(argv[1], '"') != NULL) {
        fprintf(stderr, "usage: %s DATA_DIR\n", argv[0]);
        return 2;
    }
    snprintf(config, sizeof config, "{\"data_dir\": \"%s\"}", argv[1]);
    if (nexus_connect(config, &fs, &error) != NEXUS_STATUS_OK)
        return failed("connect", error);
    if (nexus_write(fs, "/file", "bytes", 5, &error) != NEXUS_STATUS_OK)
        return failed("write", error);
    if (nexus_exists(fs, "/file", &exists, &error) != NEXUS_STATUS_OK || !exists)
        return failed("the file that was written does not exist", error);
    if (nexus_close(fs, &error) != NEXUS_STATUS_OK)
        return failed("close", error);
    if (calls_of_the_hosts_sqlite != 0) {
        fprintf(stderr, "the store called the host's SQLite %d times\n", calls_of_the_hosts_sqlite);
        return 1;
    }
    if (strcmp(sqlite3_libversion(), "the host's") != 0) {
        fprintf(stderr, "the host's sqlite3_libversion was replaced\n");
        return 1;
    }
    return 0;
}
