/* Dependencies in numbers: very many on one item, very long chains, cycles of any length, blockers that fail or go. */
#include "queue.h"

enum { MANY = 10000, PER_BATCH = 500 };

/* Makes `count` items named by `name`, of which each has the keys that `keys` gives for its number. */
static void make_items(nexus_fs *fs, int count, const char *name, char *(*keys)(int))
{
    int i = 0;
    while (i < count) {
        nexus_batch *batch = NULL;
        int end = i + PER_BATCH;
        OK(nexus_batch_new(fs, &batch, ERR));
        for (; i < count && i < end; i++) {
            char path[64];
            snprintf(path, sizeof path, "%s/%05d", name, i);
            OK(nexus_batch_write(batch, path, BYTES("x"), NULL, ERR));
            OK(nexus_batch_set_meta_many(batch, path, keys(i), ERR));
        }
        OK(nexus_batch_commit(batch, NULL, ERR));
        nexus_batch_free(batch);
    }
}

static int64_t view_count(nexus_fs *fs, const char *prefix, const char *place)
{
    char *stats = NULL;
    OK(nexus_work_stats(fs, prefix, &stats, ERR));
    return json_int(keep(stats), place);
}

static char *waits_for_root(int number)
{
    static char keys[96];
    snprintf(keys, sizeof keys, "{\"status\": \"blocked\", \"priority\": %d, \"depends_on\": \"/root\"}", number % 7);
    return keys;
}

static void ten_thousand_dependents_become_ready_together(void)
{
    lease root, *taken = (lease *)scratch(MANY * sizeof *taken);
    nexus_fs *fs = open_store("\"durability\": \"normal\"");
    size_t i;
    item(fs, "/root", READY);
    make_items(fs, MANY, "/dependents", waits_for_root);
    EXPECT_INT(view_count(fs, "/dependents/", "by_status.blocked"), MANY);
    root = claim(fs, NULL, 600000);
    EXPECT_STR(root.path, "/root");
    EXPECT_STR(claimed(fs, NULL, 9), "");
    OK(nexus_work_complete(fs, root.path, root.token, NULL, ERR));
    EXPECT_INT(view_count(fs, "/dependents/", "views.ready"), MANY);
    /* All of them with one claim, each under a token of its own, by priority and age. */
    EXPECT_INT(claim_many(fs, NULL, MANY, 600000, taken), MANY);
    EXPECT_STR(taken[0].path, "/dependents/00000");
    EXPECT_STR(taken[1].path, "/dependents/00007");
    EXPECT_STR(taken[MANY - 1].path, "/dependents/09995");
    for (i = 1; i < MANY; i++) {
        EXPECT(taken[i].token > taken[i - 1].token);
    }
    EXPECT_STR(claimed(fs, NULL, 9), "");
    close_store(fs);
}

static char *waits_for_the_one_before(int number)
{
    static char keys[96];
    if (number == 0) {
        return text("%s", READY);
    }
    snprintf(keys, sizeof keys, "{\"status\": \"blocked\", \"depends_on\": \"/chain/%05d\"}", number - 1);
    return keys;
}

static void a_chain_of_ten_thousand_is_worked_off_link_by_link(void)
{
    nexus_fs *fs = open_store("\"durability\": \"normal\"");
    int i;
    make_items(fs, MANY, "/chain", waits_for_the_one_before);
    EXPECT_INT(view_count(fs, NULL, "views.blocked"), MANY - 1);
    FAILS(CYCLE, nexus_set_meta(fs, "/chain/00000", "depends_on", "\"/chain/09999\"", ERR));
    EXPECT_HAS(message(), "/chain/00000");
    EXPECT_HAS(message(), "/chain/09999");
    FAILS(CYCLE, nexus_set_meta(fs, "/chain/05000", "depends_on", "[\"/chain/09999\", \"/chain/00001\"]", ERR));
    for (i = 0; i < MANY; i++) {
        nexus_claim_options options = claiming(NULL, 2, 600000);
        nexus_work_list *items = NULL;
        char expected[32];
        snprintf(expected, sizeof expected, "/chain/%05d", i);
        OK(nexus_work_claim(fs, "worker", &options, &items, ERR));
        EXPECT_INT(nexus_work_list_len(items), 1);
        EXPECT_STR(nexus_work_list_at(items, 0)->virtual_path, expected);
        OK(nexus_work_complete(fs, expected, nexus_work_list_at(items, 0)->lease, NULL, ERR));
        nexus_work_list_free(items);
    }
    EXPECT_STR(claimed(fs, NULL, 9), "");
    EXPECT_INT(view_count(fs, NULL, "by_status.completed"), MANY);
    close_store(fs);
}

static void a_chain_built_from_its_end_is_the_same_chain(void)
{
    nexus_fs *fs = open_store("\"durability\": \"normal\"");
    int i, length = 2000;
    make_items(fs, length, "/chain", waits_for_the_one_before);
    make_items(fs, length, "/back", waits_for_the_one_before);
    for (i = length - 1; i > 0; i--) {
        char path[32], value[32];
        snprintf(path, sizeof path, "/back/%05d", i);
        snprintf(value, sizeof value, "\"/back/%05d\"", i - 1);
        set_meta(fs, path, "depends_on", value);
    }
    FAILS(CYCLE, nexus_set_meta(fs, "/back/00000", "depends_on", text("\"/back/%05d\"", length - 1), ERR));
    EXPECT_STR(json(explain(fs, "/back/01999"), "open[0].path"), "\"/back/01998\"");
    EXPECT_INT(view_count(fs, NULL, "views.ready"), 2);
    close_store(fs);
}

static void cycles_of_any_length_are_refused_and_leave_no_edge(void)
{
    static const int lengths[] = {1, 2, 3, 17, 64, 65, 300};
    size_t i;
    nexus_fs *fs = open_store("\"durability\": \"normal\"");
    item(fs, "/self", READY);
    FAILS(CYCLE, nexus_set_meta(fs, "/self", "depends_on", "\"/self\"", ERR));
    FAILS(CYCLE, nexus_set_meta(fs, "/self", "depends_on", text("[\"%s\"]", id_of(fs, "/self")), ERR));
    for (i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        const char *place = text("/cycle/%d", lengths[i]);
        int k;
        for (k = 0; k < lengths[i]; k++) {
            item(fs, text("%s/%d", place, k), k == 0 ? READY : text("{\"status\": \"blocked\", \"depends_on\": \"%s/%d\"}", place, k - 1));
        }
        FAILS(CYCLE, nexus_set_meta(fs, text("%s/0", place), "depends_on", text("\"%s/%d\"", place, lengths[i] - 1), ERR));
        EXPECT_HAS(message(), place);
        expect_no_meta(fs, text("%s/0", place), "depends_on");
        EXPECT_STR(claimed(fs, text("%s/", place), 9), text("%s/0", place));
    }
    close_store(fs);
}

static void failed_cancelled_and_deleted_blockers_hold_their_dependents(void)
{
    lease mine;
    const char *why;
    nexus_fs *fs = open_store("");
    item(fs, "/fails", "{\"status\": \"ready\", \"max_attempts\": 1}");
    item(fs, "/expires", "{\"status\": \"ready\", \"max_attempts\": 1}");
    item(fs, "/cancelled", READY);
    item(fs, "/deleted", READY);
    item(fs, "/completed", READY);
    item(fs, "/job", "{\"status\": \"blocked\", \"depends_on\": [\"/fails\", \"/expires\", \"/cancelled\", \"/deleted\", \"/completed\"]}");
    mine = claim(fs, "/fails", 60000);
    OK(nexus_work_fail(fs, mine.path, mine.token, "no", 0, ERR));
    (void)zombie(fs, "/expires");
    EXPECT_STR(claimed(fs, "/expires", 1), "");
    mine = claim(fs, "/cancelled", 60000);
    set_meta(fs, "/cancelled", "status", "\"cancelled\"");
    mine = claim(fs, "/deleted", 60000);
    OK(nexus_delete(fs, "/deleted", ERR));
    FAILS(LEASE_LOST, nexus_work_complete(fs, mine.path, mine.token, NULL, ERR));
    mine = claim(fs, "/completed", 60000);
    OK(nexus_work_complete(fs, mine.path, mine.token, NULL, ERR));
    OK(nexus_delete(fs, "/completed", ERR));
    why = explain(fs, "/job");
    EXPECT_INT(json_len(why, "open"), 4);
    EXPECT_STR(json(why, "open[0].reason"), "\"failed\"");
    EXPECT_STR(json(why, "open[1].reason"), "\"failed\"");
    EXPECT_STR(json(why, "open[2].reason"), "\"cancelled\"");
    EXPECT_STR(json(why, "open[3].reason"), "\"deleted before it was completed\"");
    EXPECT_STR(claimed(fs, NULL, 9), "");
    set_meta(fs, "/fails", "status", "\"completed\"");
    set_meta(fs, "/expires", "status", "\"completed\"");
    set_meta(fs, "/cancelled", "status", "\"completed\"");
    EXPECT_STR(status_of(fs, "/job"), "\"blocked\"");
    set_meta(fs, "/job", "depends_on", "[\"/fails\", \"/expires\", \"/cancelled\"]");
    EXPECT_STR(claimed(fs, NULL, 9), "/job");
    close_store(fs);
}

int main(int argc, char **argv)
{
    begin(argc, argv);
    RUN(ten_thousand_dependents_become_ready_together);
    RUN(a_chain_of_ten_thousand_is_worked_off_link_by_link);
    RUN(a_chain_built_from_its_end_is_the_same_chain);
    RUN(cycles_of_any_length_are_refused_and_leave_no_edge);
    RUN(failed_cancelled_and_deleted_blockers_hold_their_dependents);
    return finish();
}
