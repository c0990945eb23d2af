/* A large graph of work items: the packages of a Debian index, each of which waits for those that it depends on.
 *
 *     apt-cache dumpavail | package_graph [--batch N] [--data-dir DIR] [FILE]
 *
 * Reads the index from FILE or from the standard input, makes a work item of each package, and sets `depends_on` to
 * what `Depends` and `Pre-Depends` name: of alternatives the first that is in the index. Real packages also depend on
 * what no index has under that name (`Provides` is not looked at), and on each other in cycles. The first are counted;
 * the second the store refuses, and the dependency that would have closed the cycle is left out.
 *
 * N is how many items are changed in one transaction; how long everything took goes to the standard error.
 */
#include "scratch.h"

#include "errors.h"
#include "json_text.h"

#include <string.h>
#include <time.h>

#define PACKAGES "/packages/"
#define MOST_SHOWN 10

struct package {
    char *name;
    char *version;
    char *depends;        /* as it was read: groups with commas between them, of alternatives with bars */
    size_t *dependencies; /* those that are in the index, as positions in `packages` */
    size_t count;
    size_t waits_for; /* those that the walk in `longest_chain` has not come to yet */
    size_t chain;     /* how many packages the longest chain up to this one has */
};

static struct package *packages = NULL;
static size_t package_count = 0;

/* What was left out. */
static size_t missing = 0, cycles = 0;

static void *allocate(void *old, size_t size)
{
    void *memory = realloc(old, size > 0 ? size : 1);
    must_hold(memory != NULL);
    return memory;
}

/* Returns `text` with `more` behind it; both may be NULL. */
static char *join(char *text, const char *separator, const char *more)
{
    size_t length = text != NULL ? strlen(text) : 0;
    size_t size = length + strlen(separator) + strlen(more) + 1;
    text = (char *)allocate(text, size);
    snprintf(text + length, size - length, "%s%s", length > 0 ? separator : "", more);
    return text;
}

/* ---- Reading the index --------------------------------------------------------------------------- */

/* Returns what stands behind `field` and its colon where `line` begins with it; else NULL. */
static const char *value_of(const char *line, const char *field)
{
    size_t length = strlen(field);
    if (strncmp(line, field, length) != 0 || line[length] != ':')
        return NULL;
    return line + length + 1 + strspn(line + length + 1, " ");
}

static struct package *add_package(const char *name)
{
    struct package *package;
    if (package_count % 1024 == 0)
        packages = (struct package *)allocate(packages, (package_count + 1024) * sizeof *packages);
    package = &packages[package_count++];
    memset(package, 0, sizeof *package);
    package->name = join(NULL, "", name);
    return package;
}

/* Reads paragraphs of fields; a line that begins with a space goes on with the field before it. */
static void read_index(FILE *input)
{
    struct package *package = NULL;
    char *line = NULL;
    size_t size = 0;
    int in_depends = 0;
    ssize_t length;
    while ((length = getline(&line, &size, input)) >= 0) {
        const char *value;
        while (length > 0 && (line[length - 1] == '\n' || line[length - 1] == '\r'))
            line[--length] = '\0';
        if ((value = value_of(line, "Package")) != NULL && *value != '\0')
            package = add_package(value);
        if (package == NULL)
            continue;
        if ((value = value_of(line, "Version")) != NULL)
            package->version = join(package->version, " ", value);
        value = value_of(line, "Depends");
        if (value == NULL)
            value = value_of(line, "Pre-Depends");
        in_depends = value != NULL || (in_depends && line[0] == ' ');
        if (in_depends)
            package->depends = join(package->depends, value != NULL ? ", " : "", value != NULL ? value : line);
    }
    must_hold(!ferror(input));
    free(line);
}

static void free_package(struct package *package)
{
    free(package->name);
    free(package->version);
    free(package->depends);
    free(package->dependencies);
}

static int by_name(const void *one, const void *other)
{
    return strcmp(((const struct package *)one)->name, ((const struct package *)other)->name);
}

/* Sorts the packages by name. Of one that is there in several versions, one is kept. */
static void sort_packages(void)
{
    size_t i, kept = 0;
    qsort(packages, package_count, sizeof *packages, by_name);
    for (i = 0; i < package_count; i++) {
        if (kept > 0 && strcmp(packages[i].name, packages[kept - 1].name) == 0)
            free_package(&packages[i]);
        else
            packages[kept++] = packages[i];
    }
    package_count = kept;
}

/* Returns the package whose name `alternative` begins with: "name", "name:any (>= 1.2)". NULL where there is none. */
static struct package *find_package(char *alternative)
{
    struct package wanted;
    wanted.name = alternative + strspn(alternative, " ");
    wanted.name[strcspn(wanted.name, " :([<")] = '\0';
    return (struct package *)bsearch(&wanted, packages, package_count, sizeof *packages, by_name);
}

static void add_dependency(struct package *package, size_t dependency)
{
    size_t i;
    for (i = 0; i < package->count; i++)
        if (package->dependencies[i] == dependency)
            return;
    package->dependencies =
        (size_t *)allocate(package->dependencies, (package->count + 1) * sizeof *package->dependencies);
    package->dependencies[package->count++] = dependency;
}

/* Finds out what the package depends on. */
static void resolve(struct package *package)
{
    char *group, *alternative, *rest, *next = package->depends;
    while ((group = next) != NULL && *group != '\0') {
        struct package *found = NULL;
        char *shown;
        if ((next = strchr(group, ',')) != NULL)
            *next++ = '\0';
        group += strspn(group, " ");
        shown = join(NULL, "", group);
        for (rest = group; found == NULL && (alternative = rest) != NULL;) {
            if ((rest = strchr(alternative, '|')) != NULL)
                *rest++ = '\0';
            found = find_package(alternative);
        }
        if (found != NULL)
            add_dependency(package, (size_t)(found - packages));
        else if (missing++ < MOST_SHOWN)
            printf("  missing: %s needs %s\n", package->name, shown);
        free(shown);
    }
}

/* ---- Into the store ------------------------------------------------------------------------------ */

static char *path_of(const struct package *package)
{
    return join(join(NULL, "", PACKAGES), "", package->name);
}

/* Makes an item of each package, `size` of them in a transaction. All are ready; dependencies will hold them up. */
static void make_items(nexus_fs *fs, size_t size)
{
    size_t first, i;
    for (first = 0; first < package_count; first += size) {
        nexus_batch *batch = NULL;
        must(nexus_batch_new(fs, &batch, &error));
        for (i = first; i < first + size && i < package_count; i++) {
            const char *version = packages[i].version != NULL ? packages[i].version : "";
            char *path = path_of(&packages[i]);
            must(nexus_batch_write(batch, path, version, strlen(version), NULL, &error));
            must(nexus_batch_set_meta(batch, path, "status", "\"ready\"", &error));
            free(path);
        }
        must(nexus_batch_commit(batch, NULL, &error));
        nexus_batch_free(batch);
    }
}

/* Returns the first `count` dependencies of the package as the JSON of `depends_on`, to be freed. */
static char *depends_on(const struct package *package, size_t count)
{
    char *json = join(NULL, "", "[");
    size_t i;
    for (i = 0; i < count; i++) {
        char *path = path_of(&packages[package->dependencies[i]]);
        char *quoted = json_quote(path);
        json = join(json, i > 0 ? ", " : "", quoted);
        free(quoted);
        free(path);
    }
    return join(json, "", "]");
}

/* Sets the dependencies of one package one after the other, and leaves out those that would close a cycle. */
static void set_one_by_one(nexus_fs *fs, struct package *package)
{
    char *path = path_of(package);
    size_t i, kept = 0;
    for (i = 0; i < package->count; i++) {
        char *json;
        nexus_status status;
        package->dependencies[kept] = package->dependencies[i];
        json = depends_on(package, kept + 1);
        status = nexus_set_meta(fs, path, "depends_on", json, &error);
        free(json);
        if (status != NEXUS_STATUS_CYCLE) {
            must(status);
            kept++;
            continue;
        }
        if (cycles++ < MOST_SHOWN)
            printf("  refused: %s\n", nexus_error_message(error));
        nexus_error_free(error);
        error = NULL;
    }
    package->count = kept;
    free(path);
}

/* Sets the dependencies of `count` packages in one transaction. Where that would close a cycle, the error names the
 * operation that does; that package is set aside, and the others are tried again. */
static void set_together(nexus_fs *fs, struct package **changed, size_t count)
{
    struct package **aside = (struct package **)allocate(NULL, count * sizeof *aside);
    size_t i, left_aside = 0;
    nexus_status status = NEXUS_STATUS_CYCLE;
    while (status == NEXUS_STATUS_CYCLE) {
        nexus_batch *batch = NULL;
        must(nexus_batch_new(fs, &batch, &error));
        for (i = 0; i < count; i++) {
            char *path = path_of(changed[i]);
            char *json = depends_on(changed[i], changed[i]->count);
            must(nexus_batch_set_meta(batch, path, "depends_on", json, &error));
            free(json);
            free(path);
        }
        status = nexus_batch_commit(batch, NULL, &error);
        nexus_batch_free(batch);
        if (status == NEXUS_STATUS_CYCLE) {
            size_t closing = (size_t)nexus_error_index(error);
            nexus_error_free(error);
            error = NULL;
            aside[left_aside++] = changed[closing];
            memmove(changed + closing, changed + closing + 1, (--count - closing) * sizeof *changed);
        }
    }
    must(status);
    for (i = 0; i < left_aside; i++)
        set_one_by_one(fs, aside[i]);
    free(aside);
}

static void set_dependencies(nexus_fs *fs, size_t size)
{
    struct package **changed = (struct package **)allocate(NULL, size * sizeof *changed);
    size_t i, count = 0;
    for (i = 0; i < package_count; i++) {
        if (packages[i].count > 0)
            changed[count++] = &packages[i];
        if (count == size || i + 1 == package_count) {
            set_together(fs, changed, count);
            count = 0;
        }
    }
    free(changed);
}

/* ---- What came of it ----------------------------------------------------------------------------- */

/* Returns how many packages the longest chain has, each waiting for the next. Takes away, again and again, what waits
 * for nothing; that this takes away everything shows that no cycle is left. */
static size_t longest_chain(void)
{
    size_t *first_dependent = (size_t *)allocate(NULL, (package_count + 1) * sizeof(size_t));
    size_t *order = (size_t *)allocate(NULL, package_count * sizeof(size_t));
    size_t *dependents, edges = 0, done = 0, free_items = 0, longest = 0, i, j;

    /* The dependents of package i are those from first_dependent[i] to before first_dependent[i + 1]. They are counted,
     * then filled in from behind. */
    memset(first_dependent, 0, (package_count + 1) * sizeof(size_t));
    for (i = 0; i < package_count; i++)
        for (j = 0; j < packages[i].count; j++)
            first_dependent[packages[i].dependencies[j]]++;
    for (i = 0; i < package_count; i++) {
        edges += first_dependent[i];
        first_dependent[i] = edges;
    }
    first_dependent[package_count] = edges;
    dependents = (size_t *)allocate(NULL, edges * sizeof(size_t));
    for (i = package_count; i-- > 0;)
        for (j = 0; j < packages[i].count; j++)
            dependents[--first_dependent[packages[i].dependencies[j]]] = i;

    for (i = 0; i < package_count; i++) {
        packages[i].waits_for = packages[i].count;
        packages[i].chain = 1;
        if (packages[i].count == 0)
            order[free_items++] = i;
    }
    while (done < free_items) {
        size_t at = order[done++];
        const struct package *package = &packages[at];
        if (package->chain > longest)
            longest = package->chain;
        for (j = first_dependent[at]; j < first_dependent[at + 1]; j++) {
            struct package *dependent = &packages[dependents[j]];
            if (dependent->chain < package->chain + 1)
                dependent->chain = package->chain + 1;
            if (--dependent->waits_for == 0)
                order[free_items++] = dependents[j];
        }
    }
    must_hold(done == package_count);
    free(dependents);
    free(order);
    free(first_dependent);
    return longest;
}

static void report(nexus_fs *fs)
{
    char *stats = NULL;
    size_t edges = 0, without = 0, i;
    for (i = 0; i < package_count; i++) {
        edges += packages[i].count;
        without += packages[i].count == 0;
    }
    must(nexus_work_stats(fs, PACKAGES, &stats, &error));
    must_hold(json_number(stats, "total") == package_count);
    must_hold(json_number(strstr(stats, "\"views\""), "ready") == without);
    must_hold(json_number(strstr(stats, "\"views\""), "blocked") == package_count - without);
    nexus_string_free(stats);
    printf("%zu packages, %zu dependencies\n", package_count, edges);
    printf("left out: %zu that are not in the index, %zu that would have closed a cycle\n", missing, cycles);
    printf("%zu packages are ready, %zu wait for others\n", without, package_count - without);
    printf("the longest chain has %zu packages\n", longest_chain());
}

static double seconds_since(double begin)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9 - begin;
}

int main(int argc, char **argv)
{
    char data_dir[SCRATCH_PATH_MAX + 16] = "";
    char config[6 * SCRATCH_PATH_MAX + 64];
    char *data_dir_json;
    FILE *input = stdin;
    nexus_fs *fs = NULL;
    double begin, made;
    size_t size = 32, i;
    int option;

    for (option = 1; option + 1 < argc && strncmp(argv[option], "--", 2) == 0; option += 2) {
        if (strcmp(argv[option], "--batch") == 0)
            size = (size_t)strtoul(argv[option + 1], NULL, 10);
        else if (strcmp(argv[option], "--data-dir") == 0)
            snprintf(data_dir, sizeof data_dir, "%s", argv[option + 1]);
        else
            break;
    }
    if (size == 0 || option + 1 < argc || (option < argc && argv[option][0] == '-')) {
        fprintf(stderr, "usage: %s [--batch N] [--data-dir DIR] [FILE]\n", argv[0]);
        return 2;
    }
    if (option < argc && (input = fopen(argv[option], "r")) == NULL) {
        perror(argv[option]);
        return EXIT_FAILURE;
    }
    read_index(input);
    if (input != stdin)
        fclose(input);
    sort_packages();
    for (i = 0; i < package_count; i++)
        resolve(&packages[i]);

    /* Should power fail, the graph is made once more: no need to wait for the disk at each step. */
    if (data_dir[0] == '\0')
        snprintf(data_dir, sizeof data_dir, "%s/store", scratch_create());
    data_dir_json = json_quote(data_dir);
    snprintf(config, sizeof config, "{\"data_dir\": %s, \"durability\": \"normal\"}", data_dir_json);
    free(data_dir_json);
    must(nexus_connect(config, &fs, &error));
    begin = seconds_since(0);
    make_items(fs, size);
    made = seconds_since(begin);
    set_dependencies(fs, size);
    fprintf(stderr, "items: %.1f s, dependencies: %.1f s\n", made, seconds_since(begin) - made);
    report(fs);

    for (i = 0; i < package_count; i++)
        free_package(&packages[i]);
    free(packages);
    must(nexus_close(fs, &error));
    must_hold(nexus_live_objects() == 0);
    return EXIT_SUCCESS;
}
