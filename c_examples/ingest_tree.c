/* Takes directory trees of the host into a store, in batches, and reads all of it back.
 *
 *     ingest_tree [options] DIRECTORY...
 *
 * Files shorter than a piece (1 MiB) go in batches, one transaction each; longer ones through a streaming writer, so
 * that memory stays bounded whatever the trees hold. Symbolic links, special files, and names that Nexus refuses are
 * skipped and counted. Then every file is read back and compared, byte by byte, with the file on the host.
 */
#define _XOPEN_SOURCE 700

#include "errors.h"
#include "json_text.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
    PIECE_BYTES = 1 << 20,
    BATCH_BYTES = 16 << 20, /* a batch holds its bytes in memory until it is committed */
    PATH_BYTES = 8192
};

typedef struct {
    const char *data_dir;
    const char *tenant;
    const char *prefix; /* NULL: /ingest, or /shared/{tenant}/ingest */
    const char *durability;
    unsigned long batch_files;
} settings;

/* One walk over the trees: taking the files in, or comparing them. */
typedef struct tree_walk {
    const char *verb;
    void (*visit)(struct tree_walk *walk, int host_file);
    nexus_fs *fs;

    char host_path[PATH_BYTES];
    char store_path[PATH_BYTES];
    unsigned char *piece;  /* PIECE_BYTES of the host's file */
    unsigned char *stored; /* PIECE_BYTES of the store's file */

    nexus_batch *batch;
    unsigned long batch_files;
    unsigned long batch_files_max;
    size_t batch_bytes;

    uint64_t files;
    uint64_t bytes;
    uint64_t links;
    uint64_t special;
    uint64_t refused;    /* names that Nexus does not take */
    uint64_t unreadable; /* the host says no */
    uint64_t different;  /* read back other than written */
    struct timespec started;
    double last_progress;
} tree_walk;

static void out_of_memory(void)
{
    fputs("out of memory\n", stderr);
    exit(EXIT_FAILURE);
}

/* ---- progress ---------------------------------------------------------------------------------------------------- */

static double elapsed_seconds(const tree_walk *walk)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)(now.tv_sec - walk->started.tv_sec) + (double)(now.tv_nsec - walk->started.tv_nsec) / 1e9 + 1e-9;
}

/* Renews the progress line, ten times a second, where standard error is a terminal. */
static void show_progress(tree_walk *walk)
{
    double elapsed = elapsed_seconds(walk);
    if (!isatty(STDERR_FILENO) || elapsed - walk->last_progress < 0.1)
        return;
    walk->last_progress = elapsed;
    fprintf(stderr, "\r\033[K%s %" PRIu64 " files, %.1f MiB, %.0f files/s", walk->verb, walk->files,
            (double)walk->bytes / (1 << 20), (double)walk->files / elapsed);
    fflush(stderr);
}

static void clear_progress(void)
{
    if (isatty(STDERR_FILENO))
        fputs("\r\033[K", stderr);
}

static void warn(const char *path, const char *why)
{
    clear_progress();
    fprintf(stderr, "%s: %s\n", path, why);
}

static void print_rate(const tree_walk *walk)
{
    double elapsed = elapsed_seconds(walk);
    double mebibytes = (double)walk->bytes / (1 << 20);
    clear_progress();
    printf("%s %" PRIu64 " files, %" PRIu64 " bytes, in %.2f s: %.0f files/s, %.1f MiB/s\n", walk->verb, walk->files,
           walk->bytes, elapsed, (double)walk->files / elapsed, mebibytes / elapsed);
}

/* ---- taking files in --------------------------------------------------------------------------------------------- */

/* Fills `piece` from the host's file, short only at its end; -1 with errno set where the host fails. */
static ssize_t read_piece(int host_file, unsigned char *piece)
{
    size_t filled = 0;
    while (filled < PIECE_BYTES) {
        ssize_t got = read(host_file, piece + filled, PIECE_BYTES - filled);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -1;
        if (got == 0)
            break;
        filled += (size_t)got;
    }
    return (ssize_t)filled;
}

static void commit_batch(tree_walk *walk)
{
    if (walk->batch == NULL)
        return;
    must(nexus_batch_commit(walk->batch, NULL, &error));
    nexus_batch_free(walk->batch);
    walk->batch = NULL;
    walk->batch_files = 0;
    walk->batch_bytes = 0;
}

/* Whether Nexus refuses the name: counted and left out. Any other error ends the program. */
static int is_refused(tree_walk *walk, nexus_status status)
{
    if (status == NEXUS_STATUS_OK)
        return 0;
    if (status != NEXUS_STATUS_INVALID_PATH)
        stop_because(__FILE__, __LINE__, walk->store_path, status);
    warn(walk->host_path, nexus_error_message(error));
    nexus_error_free(error);
    error = NULL;
    walk->refused++;
    return 1;
}

/* Adds the file of `size` bytes in `walk->piece` to the batch, and commits the batch when it is full. */
static void ingest_small(tree_walk *walk, size_t size)
{
    if (walk->batch == NULL)
        must(nexus_batch_new(walk->fs, &walk->batch, &error));
    if (is_refused(walk, nexus_batch_write(walk->batch, walk->store_path, walk->piece, size, NULL, &error)))
        return;
    walk->files++;
    walk->bytes += size;
    walk->batch_files++;
    walk->batch_bytes += size;
    if (walk->batch_files >= walk->batch_files_max || walk->batch_bytes >= BATCH_BYTES)
        commit_batch(walk);
}

/* Streams the rest of the file behind the piece that was read; the file appears in the store at the commit. */
static void ingest_large(tree_walk *walk, int host_file)
{
    nexus_writer *writer = NULL;
    ssize_t got = PIECE_BYTES;
    uint64_t size = 0;
    if (is_refused(walk, nexus_writer_open(walk->fs, walk->store_path, NULL, &writer, &error)))
        return;
    while (got > 0) {
        must(nexus_writer_write(writer, walk->piece, (size_t)got, &error));
        size += (uint64_t)got;
        show_progress(walk);
        got = read_piece(host_file, walk->piece);
    }
    if (got < 0) {
        warn(walk->host_path, strerror(errno));
        must(nexus_writer_abort(writer, &error));
        walk->unreadable++;
        return;
    }
    must(nexus_writer_commit(writer, NULL, &error));
    walk->files++;
    walk->bytes += size;
}

static void ingest_file(tree_walk *walk, int host_file)
{
    ssize_t got = read_piece(host_file, walk->piece);
    if (got < 0) {
        warn(walk->host_path, strerror(errno));
        walk->unreadable++;
    } else if (got < PIECE_BYTES)
        ingest_small(walk, (size_t)got);
    else
        ingest_large(walk, host_file);
}

/* ---- reading back ------------------------------------------------------------------------------------------------ */

static size_t read_stored_piece(nexus_reader *reader, unsigned char *piece)
{
    size_t filled = 0;
    size_t got = 1;
    while (filled < PIECE_BYTES && got > 0) {
        must(nexus_reader_read(reader, piece + filled, PIECE_BYTES - filled, &got, &error));
        filled += got;
    }
    return filled;
}

/* Whether the store's bytes are those of the host's file. The library checks them against their hash as it reads. */
static int same_bytes(tree_walk *walk, nexus_reader *reader, int host_file)
{
    for (;;) {
        ssize_t expected = read_piece(host_file, walk->piece);
        size_t got = read_stored_piece(reader, walk->stored);
        if (expected < 0 || (size_t)expected != got || memcmp(walk->piece, walk->stored, got) != 0)
            return 0;
        if (got == 0)
            return 1;
        walk->bytes += got;
        show_progress(walk);
    }
}

static void compare_file(tree_walk *walk, int host_file)
{
    nexus_reader *reader = NULL;
    nexus_entry *before = NULL;
    nexus_entry *after = NULL;
    uint64_t size = 0;
    nexus_status status = nexus_stat(walk->fs, walk->store_path, &before, &error);

    if (status == NEXUS_STATUS_INVALID_PATH || status == NEXUS_STATUS_NOT_FOUND) {
        /* The first walk left such a name out, and has said so; a file made since then is missing here. */
        if (status == NEXUS_STATUS_NOT_FOUND) {
            warn(walk->host_path, "is not in the store");
            walk->different++;
        }
        nexus_error_free(error);
        error = NULL;
        return;
    }
    must(status);
    must(nexus_reader_open(walk->fs, walk->store_path, &reader, &error));
    must(nexus_reader_size(reader, &size, &error));
    must_hold(size == before->size);
    if (!same_bytes(walk, reader, host_file)) {
        warn(walk->host_path, "differs from what the store holds");
        walk->different++;
    }
    must(nexus_reader_close(reader, &error));

    /* Reading leaves the content, and so the etag, as it was. */
    must(nexus_stat(walk->fs, walk->store_path, &after, &error));
    must_hold(strcmp(before->etag, after->etag) == 0);
    nexus_entry_free(before);
    nexus_entry_free(after);
    walk->files++;
}

/* ---- walking ----------------------------------------------------------------------------------------------------- */

static void visit_file(tree_walk *walk)
{
    int host_file = open(walk->host_path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (host_file < 0) {
        warn(walk->host_path, strerror(errno));
        walk->unreadable++;
        return;
    }
    walk->visit(walk, host_file);
    close(host_file);
    show_progress(walk);
}

/* Visits every file below `walk->host_path`; both paths are as they were when it returns. */
static void walk_directory(tree_walk *walk)
{
    size_t host_length = strlen(walk->host_path);
    size_t store_length = strlen(walk->store_path);
    struct dirent *name;
    DIR *directory = opendir(walk->host_path);

    if (directory == NULL) {
        warn(walk->host_path, strerror(errno));
        walk->unreadable++;
        return;
    }
    while ((name = readdir(directory)) != NULL) {
        struct stat info;
        size_t name_bytes = strlen(name->d_name) + sizeof "/";
        if (strcmp(name->d_name, ".") == 0 || strcmp(name->d_name, "..") == 0)
            continue;
        if (host_length + name_bytes > PATH_BYTES || store_length + name_bytes > PATH_BYTES) {
            warn(walk->host_path, "holds a name that makes the path too long");
            walk->refused++;
            continue;
        }
        snprintf(walk->host_path + host_length, PATH_BYTES - host_length, "/%s", name->d_name);
        snprintf(walk->store_path + store_length, PATH_BYTES - store_length, "/%s", name->d_name);
        if (lstat(walk->host_path, &info) != 0) {
            warn(walk->host_path, strerror(errno));
            walk->unreadable++;
        } else if (S_ISDIR(info.st_mode))
            walk_directory(walk);
        else if (S_ISREG(info.st_mode))
            visit_file(walk);
        else if (S_ISLNK(info.st_mode))
            walk->links++;
        else
            walk->special++;
        walk->host_path[host_length] = '\0';
        walk->store_path[store_length] = '\0';
    }
    closedir(directory);
}

/* Returns where the last segment of an absolute path begins. */
static const char *last_segment(const char *path)
{
    return strrchr(path, '/') + 1;
}

/* Walks all trees; each goes below the prefix under its own name. */
static void walk_trees(tree_walk *walk, const settings *chosen, char *const *trees, int count)
{
    int i;
    walk->piece = (unsigned char *)malloc(PIECE_BYTES);
    walk->stored = (unsigned char *)malloc(PIECE_BYTES);
    if (walk->piece == NULL || walk->stored == NULL)
        out_of_memory();
    walk->batch_files_max = chosen->batch_files;
    clock_gettime(CLOCK_MONOTONIC, &walk->started);
    for (i = 0; i < count; i++) {
        snprintf(walk->host_path, PATH_BYTES, "%s", trees[i]);
        if (chosen->prefix != NULL)
            snprintf(walk->store_path, PATH_BYTES, "%s/%s", chosen->prefix, last_segment(trees[i]));
        else if (chosen->tenant != NULL)
            snprintf(walk->store_path, PATH_BYTES, "/shared/%s/ingest/%s", chosen->tenant, last_segment(trees[i]));
        else
            snprintf(walk->store_path, PATH_BYTES, "/ingest/%s", last_segment(trees[i]));
        walk_directory(walk);
    }
    commit_batch(walk);
    print_rate(walk);
    free(walk->piece);
    free(walk->stored);
}

/* ---- the program ------------------------------------------------------------------------------------------------- */

static nexus_fs *open_store(const settings *chosen)
{
    char *data_dir = json_quote(chosen->data_dir);
    char *durability = json_quote(chosen->durability);
    char *tenant = chosen->tenant != NULL ? json_quote(chosen->tenant) : NULL;
    size_t size = strlen(data_dir) + strlen(durability) + (tenant != NULL ? strlen(tenant) : 4) + 64;
    char *config = (char *)malloc(size);
    nexus_fs *fs = NULL;
    if (config == NULL)
        out_of_memory();
    snprintf(config, size, "{\"data_dir\": %s, \"durability\": %s, \"tenant_id\": %s}", data_dir, durability,
             tenant != NULL ? tenant : "null");
    must(nexus_connect(config, &fs, &error));
    free(config);
    free(tenant);
    free(durability);
    free(data_dir);
    return fs;
}

/* What this handle may read of the store, after all that was ever written to it. */
static void print_store(nexus_fs *fs)
{
    char *json = NULL;
    must(nexus_storage_stats(fs, &json, &error));
    printf("store     %llu files, %llu distinct contents, %llu bytes saved by storing each once\n",
           json_number(json, "files"), json_number(json, "distinct_contents"),
           json_number(json, "logical_bytes") - json_number(json, "physical_bytes"));
    nexus_string_free(json);
}

static void usage(FILE *out, const char *program)
{
    fprintf(out,
            "usage: %s [options] DIRECTORY...\n"
            "  --data-dir DIR     where the store is or will be (./nexus-data)\n"
            "  --tenant NAME      work as this tenant\n"
            "  --prefix PATH      put the trees below PATH (/ingest, or /shared/NAME/ingest with --tenant)\n"
            "  --batch N          files in a batch (1000)\n"
            "  --durability WHAT  full or normal (full)\n",
            program);
}

static settings parse_options(int argc, char **argv)
{
    static const struct option names[] = {
        {"data-dir", required_argument, NULL, 'd'},   {"tenant", required_argument, NULL, 't'},
        {"prefix", required_argument, NULL, 'p'},     {"batch", required_argument, NULL, 'b'},
        {"durability", required_argument, NULL, 'u'}, {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    settings chosen = {"./nexus-data", NULL, NULL, "full", 1000};
    char *rest = NULL;
    int option;
    while ((option = getopt_long(argc, argv, "", names, NULL)) != -1) {
        switch (option) {
        case 'd': chosen.data_dir = optarg; break;
        case 't': chosen.tenant = optarg; break;
        case 'p': chosen.prefix = optarg; break;
        case 'u': chosen.durability = optarg; break;
        case 'b':
            chosen.batch_files = strtoul(optarg, &rest, 10);
            if (*rest != '\0' || chosen.batch_files == 0) {
                fprintf(stderr, "--batch takes a number from 1\n");
                exit(2);
            }
            break;
        case 'h': usage(stdout, argv[0]); exit(EXIT_SUCCESS);
        default: usage(stderr, argv[0]); exit(2);
        }
    }
    if (optind == argc) {
        usage(stderr, argv[0]);
        exit(2);
    }
    return chosen;
}

/* Makes the trees' names absolute, so that each has a last segment, and refuses two of the same one. */
static void resolve_trees(char **trees, int count)
{
    int i, j;
    for (i = 0; i < count; i++) {
        char *resolved = realpath(trees[i], NULL);
        if (resolved == NULL) {
            fprintf(stderr, "%s: %s\n", trees[i], strerror(errno));
            exit(EXIT_FAILURE);
        }
        trees[i] = resolved;
        for (j = 0; j < i; j++) {
            if (strcmp(last_segment(trees[i]), last_segment(trees[j])) == 0) {
                fprintf(stderr, "%s and %s would go to the same place\n", trees[j], trees[i]);
                exit(2);
            }
        }
    }
}

int main(int argc, char **argv)
{
    static tree_walk taking;
    static tree_walk comparing;
    settings chosen = parse_options(argc, argv);
    char **trees = argv + optind;
    int count = argc - optind;
    int i;

    resolve_trees(trees, count);
    taking.verb = "written  ";
    taking.visit = ingest_file;
    taking.fs = open_store(&chosen);
    walk_trees(&taking, &chosen, trees, count);
    printf("skipped   %" PRIu64 " symbolic links, %" PRIu64 " special files, %" PRIu64 " refused names, %" PRIu64
           " unreadable\n",
           taking.links, taking.special, taking.refused, taking.unreadable);
    print_store(taking.fs);

    comparing.verb = "read back";
    comparing.visit = compare_file;
    comparing.fs = taking.fs;
    walk_trees(&comparing, &chosen, trees, count);
    printf("compared  %" PRIu64 " files: %" PRIu64 " different\n", comparing.files, comparing.different);

    must(nexus_close(taking.fs, &error));
    must_hold(nexus_live_objects() == 0);
    for (i = 0; i < count; i++)
        free(trees[i]);
    return comparing.different == 0 && comparing.files == taking.files ? EXIT_SUCCESS : EXIT_FAILURE;
}
