/* Tokens of leases: what they say of others, and who is shown them. */
#include "queue.h"

/* The token that the view of what is in progress shows for `path`; -1 where the view has no such row. */
static int64_t shown(nexus_fs *fs, const char *path)
{
    nexus_work_list *items = NULL;
    int64_t token = -1;
    size_t i;
    OK(nexus_get_in_progress_work(fs, 100, &items, ERR));
    for (i = 0; i < nexus_work_list_len(items); i++) {
        const nexus_work_item *row = nexus_work_list_at(items, i);
        if (strcmp(row->virtual_path, path) == 0) {
            char *rows = NULL;
            token = (int64_t)row->lease;
            EXPECT(row->lease_expires_at > 0);
            OK(nexus_work_list_json(items, &rows, ERR));
            if (token == 0) {
                EXPECT_STR(json(rows, text("[%d].lease", (int)i)), "null");
            } else {
                EXPECT_INT(json_int(rows, text("[%d].lease", (int)i)), token);
            }
            nexus_string_free(rows);
        }
    }
    nexus_work_list_free(items);
    return token;
}

static void tokens_grow_by_steps_that_count_nothing(void)
{
    nexus_fs *fs = open_store("");
    uint64_t previous = 0, least = UINT64_MAX, greatest = 0;
    int i;
    for (i = 0; i < 64; i++) {
        lease mine;
        uint64_t step;
        item(fs, text("/jobs/%d", i), READY);
        mine = claim(fs, NULL, 60000);
        EXPECT(mine.token > previous && mine.token < (uint64_t)1 << 53);
        step = mine.token - previous;
        previous = mine.token;
        if (i > 0) {
            least = step < least ? step : least;
            greatest = step > greatest ? step : greatest;
        }
        OK(nexus_work_complete(fs, mine.path, mine.token, NULL, ERR));
    }
    /* Sixty-three steps of one length would count. */
    EXPECT(greatest > least);
    EXPECT(greatest > 8);
    close_store(fs);
}

static void items_of_one_claim_have_tokens_in_their_order(void)
{
    lease taken[50];
    nexus_fs *fs = open_store("");
    uint64_t steps = 0;
    size_t i;
    for (i = 0; i < 50; i++) {
        item(fs, text("/jobs/%02d", (int)i), READY);
    }
    EXPECT_INT(claim_many(fs, NULL, 50, 60000, taken), 50);
    for (i = 1; i < 50; i++) {
        EXPECT(taken[i].token > taken[i - 1].token);
        steps |= (taken[i].token - taken[i - 1].token) - 1;
    }
    EXPECT(steps != 0);
    for (i = 0; i < 50; i++) {
        OK(nexus_work_complete(fs, taken[i].path, taken[i].token, NULL, ERR));
    }
    close_store(fs);
}

static void a_token_is_shown_to_who_may_change_the_item(void)
{
    lease own, shared, archived;
    nexus_fs *fs = open_store(""), *filler, *acme, *bot;
    item(fs, "/workspace/acme/bot/1", READY);
    item(fs, "/shared/acme/1", READY);
    filler = open_store("\"is_admin\": true, \"allow_readonly_writes\": true");
    item(filler, "/archives/acme/1", READY);
    acme = open_as("acme", NULL);
    bot = open_as("acme", "bot");
    own = claim(bot, "/workspace/", 60000);
    shared = claim(fs, "/shared/", 60000);
    archived = claim(filler, "/archives/", 60000);
    EXPECT_INT(shown(bot, own.path), (int64_t)own.token);
    EXPECT_INT(shown(acme, own.path), (int64_t)own.token);
    EXPECT_INT(shown(fs, own.path), (int64_t)own.token);
    EXPECT_INT(shown(bot, shared.path), (int64_t)shared.token);
    /* These may read the item, and see that there is a lease and when it ends. */
    EXPECT_INT(shown(acme, archived.path), 0);
    EXPECT_INT(shown(fs, archived.path), 0);
    EXPECT_INT(shown(filler, archived.path), (int64_t)archived.token);
    close_store(bot), close_store(acme), close_store(filler), close_store(fs);
}

static void no_tenant_reads_the_tokens_of_others_in_an_open_namespace(void)
{
    lease mine;
    nexus_fs *fs = open_store(""), *acme = open_as("acme", NULL), *rival = open_as("rival", NULL);
    item(fs, "/external/jobs/1", READY);
    item(fs, "/jobs/2", READY);
    mine = claim(acme, "/external/", 60000);
    EXPECT(mine.token != 0);
    EXPECT_INT(shown(rival, mine.path), 0);
    EXPECT_INT(shown(acme, mine.path), 0);
    /* A handle that nothing binds is the operator's. */
    EXPECT_INT(shown(fs, mine.path), (int64_t)mine.token);
    OK(nexus_work_complete(acme, mine.path, mine.token, NULL, ERR));
    mine = claim(acme, "/jobs/", 60000);
    EXPECT_INT(shown(rival, mine.path), 0);
    close_store(rival), close_store(acme), close_store(fs);
}

int main(int argc, char **argv)
{
    begin(argc, argv);
    RUN(tokens_grow_by_steps_that_count_nothing);
    RUN(items_of_one_claim_have_tokens_in_their_order);
    RUN(a_token_is_shown_to_who_may_change_the_item);
    RUN(no_tenant_reads_the_tokens_of_others_in_an_open_namespace);
    return finish();
}
