/* Mounts: the content of a prefix in another directory, the metadata in the one database. */
#include "expect.h"

/* The config member for one mount whose root is `root` in the directory of the test. */
static char *mount(const char *name, const char *path, const char *root, const char *more)
{
    return text("{\"name\": \"%s\", \"path\": \"%s\", \"backend\": \"local\", \"root\": \"%s/%s\"%s}", name, path, expect_directory, root,
                more);
}

static nexus_fs *open_with(const char *mounts)
{
    return open_store(text("\"mounts\": [%s]", mounts));
}

/* Content files in the root of a mount: everything but the marker that says whose it is. There even a small
   content is a file, as the directory has to hold all that is read from it. */
static uint64_t contents_in(const char *root)
{
    return files_below(disk(root)) - (access(disk(text("%s/nexus-store", root)), F_OK) == 0);
}

static void put_noise(nexus_fs *fs, const char *path, uint64_t seed)
{
    OK(nexus_write(fs, path, noise(LARGE, seed), LARGE, ERR));
}

static void content_lives_in_the_directory_of_its_mount(void)
{
    nexus_fs *fs = open_with(mount("models", "/models", "m", ""));
    put_noise(fs, "/models/a", 1);
    put_noise(fs, "/local", 2);
    EXPECT_STR(look(fs, "/models/a").backend_name, "models");
    EXPECT_STR(look(fs, "/local").backend_name, "local");
    EXPECT_INT(contents_in("m"), 1);
    EXPECT_INT(files_below(disk("store/cas")), 1);
    EXPECT_CONTENT(fs, "/models/a", noise(LARGE, 1), LARGE);
    OK(nexus_delete(fs, "/models/a", ERR));
    EXPECT_INT(contents_in("m"), 0);
    EXPECT_INT(files_below(disk("store/cas")), 1);
    close_store(fs);
}

static void the_longest_prefix_wins_on_segment_borders(void)
{
    nexus_fs *fs = open_with(text("%s, %s", mount("outer", "/m", "outer", ""), mount("inner", "/m/in", "inner", "")));
    put_noise(fs, "/m/a", 1);
    put_noise(fs, "/m/in/b", 2);
    put_noise(fs, "/m/in-2/c", 3);
    put_noise(fs, "/m-2/d", 4);
    EXPECT_STR(look(fs, "/m/a").backend_name, "outer");
    EXPECT_STR(look(fs, "/m/in/b").backend_name, "inner");
    EXPECT_STR(look(fs, "/m/in-2/c").backend_name, "outer");
    EXPECT_STR(look(fs, "/m-2/d").backend_name, "local");
    EXPECT_INT(contents_in("outer"), 2);
    EXPECT_INT(contents_in("inner"), 1);
    close_store(fs);
}

static void contents_are_stored_once_for_each_backend(void)
{
    nexus_fs *fs = open_with(mount("models", "/models", "m", ""));
    put_noise(fs, "/models/a", 1);
    put_noise(fs, "/models/b", 1);
    put_noise(fs, "/c", 1);
    put_noise(fs, "/d", 1);
    EXPECT_INT(contents_in("m"), 1);
    EXPECT_INT(files_below(disk("store/cas")), 1);
    OK(nexus_delete(fs, "/models/a", ERR));
    OK(nexus_delete(fs, "/models/b", ERR));
    EXPECT_INT(contents_in("m"), 0);
    EXPECT_CONTENT(fs, "/c", noise(LARGE, 1), LARGE);
    close_store(fs);
}

static void a_read_only_mount_takes_no_change_from_anyone(void)
{
    nexus_fs *fs = open_with(mount("ref", "/ref", "m", ""));
    put_noise(fs, "/ref/a", 1);
    put(fs, "/b", "x");
    close_store(fs);
    fs = open_store(text("\"is_admin\": true, \"allow_readonly_writes\": true, \"mounts\": [%s]", mount("ref", "/ref", "m", ", \"readonly\": true")));
    EXPECT_CONTENT(fs, "/ref/a", noise(LARGE, 1), LARGE);
    FAILS(READ_ONLY, nexus_write(fs, "/ref/a", BYTES("x"), ERR));
    FAILS(READ_ONLY, nexus_write(fs, "/ref/new", BYTES("x"), ERR));
    FAILS(READ_ONLY, nexus_append(fs, "/ref/a", BYTES("x"), ERR));
    FAILS(READ_ONLY, nexus_delete(fs, "/ref/a", ERR));
    FAILS(READ_ONLY, nexus_rename(fs, "/ref/a", "/a", ERR));
    FAILS(READ_ONLY, nexus_rename(fs, "/b", "/ref/b", ERR));
    FAILS(READ_ONLY, nexus_copy(fs, "/b", "/ref/b", ERR));
    FAILS(READ_ONLY, nexus_mkdir(fs, "/ref/dir", 0, ERR));
    FAILS(READ_ONLY, nexus_rmdir(fs, "/ref", 1, ERR));
    OK(nexus_copy(fs, "/ref/a", "/a", ERR));
    EXPECT_STR(look(fs, "/a").backend_name, "local");
    EXPECT_STR(listed(fs, NULL), "/a /b /ref/a");
    close_store(fs);
}

static void without_its_mount_a_file_can_be_handled_but_not_read(void)
{
    nexus_buffer *buffer = NULL;
    nexus_reader *reader = NULL;
    uint8_t byte;
    size_t got;
    nexus_fs *fs = open_with(mount("models", "/models", "m", ""));
    put_noise(fs, "/models/a", 1);
    put_noise(fs, "/models/b", 2);
    put(fs, "/models/small", "small");
    set_meta(fs, "/models/a", "k", "1");
    close_store(fs);
    fs = open_store("");
    EXPECT_STR(listed(fs, NULL), "/models/a /models/b /models/small");
    EXPECT_INT(look(fs, "/models/a").size, LARGE);
    EXPECT_STR(look(fs, "/models/a").backend_name, "models");
    EXPECT_STR(meta(fs, "/models/a", "k"), "1");
    FAILS(NOT_MOUNTED, nexus_read(fs, "/models/a", &buffer, ERR));
    EXPECT_HAS(message(), "models");
    FAILS(NOT_MOUNTED, nexus_read(fs, "/models/small", &buffer, ERR));
    FAILS(NOT_MOUNTED, nexus_read_at(fs, "/models/a", 0, &byte, 1, &got, ERR));
    FAILS(NOT_MOUNTED, nexus_reader_open(fs, "/models/a", &reader, ERR));
    OK(nexus_rename(fs, "/models/a", "/models/renamed", ERR));
    OK(nexus_delete(fs, "/models/b", ERR));
    close_store(fs);
    fs = open_with(mount("models", "/models", "m", ""));
    EXPECT_CONTENT(fs, "/models/renamed", noise(LARGE, 1), LARGE);
    EXPECT_STR(get(fs, "/models/small"), "small");
    OK(nexus_gc(fs, NULL, NULL, NULL, ERR));
    EXPECT_INT(contents_in("m"), 2);
    close_store(fs);
}

static void a_rename_across_backends_takes_the_content_along(void)
{
    const char *id;
    nexus_fs *fs = open_with(mount("models", "/models", "m", ""));
    put_noise(fs, "/a", 1);
    put_noise(fs, "/tree/b", 2);
    put(fs, "/tree/c", "small");
    set_meta(fs, "/a", "k", "1");
    id = id_of(fs, "/a");
    OK(nexus_rename(fs, "/a", "/models/a", ERR));
    EXPECT_STR(look(fs, "/models/a").backend_name, "models");
    EXPECT_STR(id_of(fs, "/models/a"), id);
    EXPECT_STR(meta(fs, "/models/a", "k"), "1");
    EXPECT_INT(look(fs, "/models/a").version, 1);
    EXPECT_CONTENT(fs, "/models/a", noise(LARGE, 1), LARGE);
    OK(nexus_rename(fs, "/tree", "/models/tree", ERR));
    EXPECT_CONTENT(fs, "/models/tree/b", noise(LARGE, 2), LARGE);
    EXPECT_STR(look(fs, "/models/tree/b").backend_name, "models");
    EXPECT_STR(get(fs, "/models/tree/c"), "small");
    EXPECT_INT(contents_in("m"), 3);
    EXPECT_INT(files_below(disk("store/cas")), 0);
    OK(nexus_rename(fs, "/models/a", "/back", ERR));
    EXPECT_STR(look(fs, "/back").backend_name, "local");
    EXPECT_CONTENT(fs, "/back", noise(LARGE, 1), LARGE);
    EXPECT_INT(contents_in("m"), 2);
    close_store(fs);
}

static void adding_a_mount_hides_nothing(void)
{
    nexus_fs *fs = open_store("");
    put_noise(fs, "/models/old", 1);
    put(fs, "/models/small", "small");
    close_store(fs);
    fs = open_with(mount("models", "/models", "m", ""));
    EXPECT_STR(listed(fs, NULL), "/models/old /models/small");
    EXPECT_CONTENT(fs, "/models/old", noise(LARGE, 1), LARGE);
    EXPECT_STR(get(fs, "/models/small"), "small");
    EXPECT_STR(look(fs, "/models/old").backend_name, "local");
    put_noise(fs, "/models/old", 2);
    EXPECT_STR(look(fs, "/models/old").backend_name, "models");
    EXPECT_INT(look(fs, "/models/old").version, 2);
    EXPECT_INT(files_below(disk("store/cas")), 0);
    EXPECT_INT(contents_in("m"), 1);
    close_store(fs);
}

static void one_batch_spans_all_backends(void)
{
    nexus_batch *batch = NULL;
    nexus_fs *fs = open_with(mount("models", "/models", "m", ""));
    OK(nexus_batch_new(fs, &batch, ERR));
    OK(nexus_batch_write(batch, "/a", noise(LARGE, 1), LARGE, NULL, ERR));
    OK(nexus_batch_write(batch, "/models/b", noise(LARGE, 2), LARGE, NULL, ERR));
    OK(nexus_batch_delete(batch, "/missing", ERR));
    FAILS(NOT_FOUND, nexus_batch_commit(batch, NULL, ERR));
    EXPECT_STR(listed(fs, NULL), "");
    put(fs, "/missing", "x");
    OK(nexus_batch_commit(batch, NULL, ERR));
    nexus_batch_free(batch);
    EXPECT_STR(listed(fs, NULL), "/a /models/b");
    EXPECT_CONTENT(fs, "/models/b", noise(LARGE, 2), LARGE);
    close_store(fs);
}

static void mounts_belong_to_the_handle(void)
{
    nexus_buffer *buffer = NULL;
    nexus_fs *with = open_with(mount("models", "/models", "m", "")), *without = open_store("");
    put_noise(with, "/models/a", 1);
    FAILS(NOT_MOUNTED, nexus_read(without, "/models/a", &buffer, ERR));
    put_noise(without, "/models/b", 2);
    EXPECT_STR(look(with, "/models/b").backend_name, "local");
    EXPECT_CONTENT(with, "/models/b", noise(LARGE, 2), LARGE);
    close_store(with);
    close_store(without);
}

static void the_root_of_another_store_is_refused(void)
{
    nexus_fs *fs = open_with(mount("models", "/models", "m", "")), *other = NULL;
    put_noise(fs, "/models/a", 1);
    close_store(fs);
    FAILS(INVALID_CONFIG, nexus_connect(text("{\"data_dir\": \"%s/other\", \"mounts\": [%s]}", expect_directory, mount("models", "/models", "m", "")), &other, ERR));
    EXPECT(other == NULL);
    /* The root of one store is no mount of itself, nor another store's data directory. */
    FAILS(INVALID_CONFIG, nexus_connect(text("{\"data_dir\": \"%s/other\", \"mounts\": [%s]}", expect_directory, mount("models", "/models", "store", "")), &other, ERR));
    fs = open_with(mount("models", "/models", "m", ""));
    EXPECT_CONTENT(fs, "/models/a", noise(LARGE, 1), LARGE);
    close_store(fs);
}

static void malformed_mounts_are_refused(void)
{
    const char *a = mount("a", "/a", "a", "");
    FAILS(INVALID_CONFIG, try_open(text("\"mounts\": [%s, %s]", a, mount("a", "/b", "b", ""))));
    FAILS(INVALID_CONFIG, try_open(text("\"mounts\": [%s, %s]", a, mount("b", "/a/", "b", ""))));
    FAILS(INVALID_CONFIG, try_open(text("\"mounts\": [%s]", mount("local", "/a", "a", ""))));
    FAILS(INVALID_CONFIG, try_open(text("\"mounts\": [%s]", mount("a", "/a/../b", "a", ""))));
    FAILS(INVALID_CONFIG, try_open(text("\"mounts\": [%s]", mount("a", "/a", "a", ", \"read_only\": true"))));
    EXPECT_HAS(message(), "readonly");
    FAILS(INVALID_CONFIG, try_open("\"mounts\": [{\"name\": \"a\", \"path\": \"/a\", \"backend\": \"local\"}]"));
    FAILS(INVALID_CONFIG, try_open("\"mounts\": {}"));
}

int main(int argc, char **argv)
{
    begin(argc, argv);
    RUN(content_lives_in_the_directory_of_its_mount);
    RUN(the_longest_prefix_wins_on_segment_borders);
    RUN(contents_are_stored_once_for_each_backend);
    RUN(a_read_only_mount_takes_no_change_from_anyone);
    RUN(without_its_mount_a_file_can_be_handled_but_not_read);
    RUN(a_rename_across_backends_takes_the_content_along);
    RUN(adding_a_mount_hides_nothing);
    RUN(one_batch_spans_all_backends);
    RUN(mounts_belong_to_the_handle);
    RUN(the_root_of_another_store_is_refused);
    RUN(malformed_mounts_are_refused);
    return finish();
}
