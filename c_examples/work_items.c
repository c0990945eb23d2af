/* Files as work items: a small pipeline whose dependencies resolve step by step.
 *
 *     work_items [DATA_DIR]
 *
 * A file with the metadata key `status` is a work item. `depends_on` names the items that must be completed first;
 * an item that is `blocked` becomes `ready` by itself when the last of them is, in the same transaction. Here the only
 * worker sets the statuses itself; where there are several they claim items: see worker_pool.c.
 */
#include "scratch.h"

#include "errors.h"
#include "json_text.h"

#include <inttypes.h>
#include <string.h>

typedef nexus_status (*work_query)(nexus_fs *fs, int64_t limit, nexus_work_list **items, nexus_error **error);

/* Makes the job and sets its work metadata, both or neither. */
static void add_job(nexus_fs *fs, const char *path, const char *content, const char *metadata)
{
    nexus_batch *batch = NULL;
    must(nexus_batch_new(fs, &batch, &error));
    must(nexus_batch_write(batch, path, content, strlen(content), NULL, &error));
    must(nexus_batch_set_meta_many(batch, path, metadata, &error));
    must(nexus_batch_commit(batch, NULL, &error));
    nexus_batch_free(batch);
}

static void print_view(const char *title, nexus_fs *fs, work_query query)
{
    nexus_work_list *items = NULL;
    size_t i;
    must(query(fs, 10, &items, &error));
    printf("  %-12s", title);
    for (i = 0; i < nexus_work_list_len(items); i++) {
        const nexus_work_item *item = nexus_work_list_at(items, i);
        printf("%s%s", i == 0 ? "" : ", ", item->virtual_path);
        if (item->blocker_count > 0)
            printf(" (waits for %" PRIu64 ")", (uint64_t)item->blocker_count);
        if (item->worker_id != NULL)
            printf(" (by %s)", item->worker_id);
    }
    printf("%s\n", nexus_work_list_len(items) == 0 ? "-" : "");
    nexus_work_list_free(items);
}

static void print_views(const char *title, nexus_fs *fs)
{
    printf("\n%s\n", title);
    print_view("ready", fs, nexus_get_ready_work);
    print_view("blocked", fs, nexus_get_blocked_work);
    print_view("pending", fs, nexus_get_pending_work);
    print_view("in progress", fs, nexus_get_in_progress_work);
}

static void explain(nexus_fs *fs, const char *path)
{
    char *json = NULL;
    must(nexus_work_explain(fs, path, &json, &error));
    printf("  %s: %s\n", path, json);
    nexus_string_free(json);
}

static void start(nexus_fs *fs, const char *path, const char *worker)
{
    char *worker_json = json_quote(worker);
    char metadata[256];
    snprintf(metadata, sizeof metadata, "{\"status\": \"in_progress\", \"worker_id\": %s}", worker_json);
    free(worker_json);
    must(nexus_set_meta_many(fs, path, metadata, &error));
}

static void complete(nexus_fs *fs, const char *path)
{
    must(nexus_set_meta(fs, path, "status", "\"completed\"", &error));
}

int main(int argc, char **argv)
{
    char data_dir[SCRATCH_PATH_MAX + 16];
    char config[6 * SCRATCH_PATH_MAX + 64];
    char *data_dir_json;
    char *json = NULL;
    nexus_fs *fs = NULL;

    if (argc > 2 || (argc == 2 && argv[1][0] == '-')) {
        fprintf(stderr, "usage: %s [DATA_DIR]\n", argv[0]);
        return 2;
    }
    if (argc == 2)
        snprintf(data_dir, sizeof data_dir, "%s", argv[1]);
    else
        snprintf(data_dir, sizeof data_dir, "%s/store", scratch_create());
    data_dir_json = json_quote(data_dir);
    snprintf(config, sizeof config, "{\"data_dir\": %s, \"tenant_id\": \"acme\"}", data_dir_json);
    free(data_dir_json);
    must(nexus_connect(config, &fs, &error));

    /* fetch -> clean -> train -> report, where train also needs the labels. Lower priorities come first. */
    add_job(fs, "/shared/acme/jobs/fetch", "get the data", "{\"status\": \"ready\", \"priority\": 1}");
    add_job(fs, "/shared/acme/jobs/label", "ask the experts", "{\"status\": \"ready\", \"priority\": 5}");
    add_job(fs, "/shared/acme/jobs/clean", "drop the noise",
            "{\"status\": \"blocked\", \"depends_on\": \"/shared/acme/jobs/fetch\"}");
    add_job(fs, "/shared/acme/jobs/train", "fit the model",
            "{\"status\": \"blocked\", \"depends_on\": [\"/shared/acme/jobs/clean\", \"/shared/acme/jobs/label\"]}");
    add_job(fs, "/shared/acme/jobs/report", "write it up",
            "{\"status\": \"blocked\", \"depends_on\": \"/shared/acme/jobs/train\"}");
    /* Blocked without a dependency: held until someone sets it free. Pending: not yet released. Delayed: not due. */
    add_job(fs, "/shared/acme/jobs/publish", "tell the world", "{\"status\": \"blocked\"}");
    add_job(fs, "/shared/acme/jobs/retro", "look back", "{\"status\": \"pending\"}");
    add_job(fs, "/shared/acme/jobs/renew", "renew the licence",
            "{\"status\": \"ready\", \"not_before\": \"2999-01-01T00:00:00Z\"}");
    print_views("At first", fs);
    explain(fs, "/shared/acme/jobs/train");

    /* A dependency that would close a circle is refused, and nothing of the change is stored. */
    must_refuse(NEXUS_STATUS_CYCLE, nexus_set_meta(fs, "/shared/acme/jobs/fetch", "depends_on",
                                                   "\"/shared/acme/jobs/report\"", &error));
    must_refuse(NEXUS_STATUS_INVALID_ARGUMENT,
                nexus_set_meta(fs, "/shared/acme/jobs/fetch", "priority", "\"high\"", &error));

    start(fs, "/shared/acme/jobs/fetch", "worker-1");
    print_views("worker-1 fetches", fs);

    complete(fs, "/shared/acme/jobs/fetch");
    print_views("fetch is completed: clean is ready by itself", fs);

    complete(fs, "/shared/acme/jobs/clean");
    print_views("clean is completed: train still waits for label", fs);
    explain(fs, "/shared/acme/jobs/train");

    /* A failed dependency is not a satisfied one. */
    must(nexus_set_meta(fs, "/shared/acme/jobs/label", "status", "\"failed\"", &error));
    print_views("label has failed: train does not start", fs);
    explain(fs, "/shared/acme/jobs/train");

    complete(fs, "/shared/acme/jobs/label");
    complete(fs, "/shared/acme/jobs/train");
    complete(fs, "/shared/acme/jobs/report");
    print_views("label was mended, train and report are completed", fs);

    must(nexus_set_meta(fs, "/shared/acme/jobs/publish", "status", "\"ready\"", &error));
    must(nexus_set_meta(fs, "/shared/acme/jobs/retro", "status", "\"ready\"", &error));
    print_views("publish and retro are set free by hand", fs);

    must(nexus_work_stats(fs, "/shared/acme/jobs", &json, &error));
    printf("\nStatistics: %s\n", json);
    nexus_string_free(json);

    must(nexus_close(fs, &error));
    must_hold(nexus_live_objects() == 0);
    return EXIT_SUCCESS;
}
