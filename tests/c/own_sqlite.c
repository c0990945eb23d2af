/*
 * A host with an SQLite of its own: both work side by side, and neither gets the other's.
 */
#include "expect.h"

#include <sqlite3.h>

static int64_t query(sqlite3 *database, const char *sql)
{
    sqlite3_stmt *statement = NULL;
    int64_t value;
    EXPECT_INT(sqlite3_prepare_v2(database, sql, -1, &statement, NULL), SQLITE_OK);
    EXPECT_INT(sqlite3_step(statement), SQLITE_ROW);
    value = sqlite3_column_int64(statement, 0);
    EXPECT_INT(sqlite3_finalize(statement), SQLITE_OK);
    return value;
}

static void both_databases_work_side_by_side(void)
{
    sqlite3 *own = NULL;
    int i;
    nexus_fs *fs = open_store("");
    EXPECT_INT(sqlite3_open(disk("own.db"), &own), SQLITE_OK);
    EXPECT_INT(sqlite3_exec(own, "PRAGMA journal_mode = WAL; CREATE TABLE t (x INTEGER)", NULL, NULL, NULL), SQLITE_OK);
    for (i = 0; i < 50; i++) {
        put(fs, text("/files/%d", i), "x");
        EXPECT_INT(sqlite3_exec(own, text("INSERT INTO t VALUES (%d)", i), NULL, NULL, NULL), SQLITE_OK);
    }
    EXPECT_INT(query(own, "SELECT sum(x) FROM t"), 49 * 50 / 2);
    close_store(fs);
    EXPECT_INT(query(own, "SELECT count(*) FROM t"), 50);
    EXPECT_INT(sqlite3_close(own), SQLITE_OK);
    fs = open_store("");
    EXPECT_STR(get(fs, "/files/49"), "x");
    close_store(fs);
}

static void the_programs_sqlite_is_its_own(void)
{
    nexus_fs *fs = open_store("");
    /* The header and the code of one version: nobody has put another behind the same names. */
    EXPECT_STR(sqlite3_libversion(), SQLITE_VERSION);
    close_store(fs);
}

static void the_hosts_settings_are_its_own(void)
{
    sqlite3 *own = NULL;
    sqlite3_int64 before;
    nexus_fs *fs = open_store("");
    put(fs, "/a", "x");
    /* Memory statistics of the host's SQLite are on as it left them, and count only its own. */
    before = sqlite3_memory_used();
    EXPECT_INT(sqlite3_open(":memory:", &own), SQLITE_OK);
    EXPECT_INT(sqlite3_exec(own, "CREATE TABLE t (x)", NULL, NULL, NULL), SQLITE_OK);
    EXPECT(sqlite3_memory_used() > before);
    EXPECT_INT(sqlite3_close(own), SQLITE_OK);
    close_store(fs);
}

int main(int argc, char **argv)
{
    begin(argc, argv);
    RUN(the_programs_sqlite_is_its_own);
    RUN(both_databases_work_side_by_side);
    RUN(the_hosts_settings_are_its_own);
    return finish();
}
