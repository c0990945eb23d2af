//! What every store of metadata must do, as functions over [`MetadataStore`](nexusfs_core::metadata::MetadataStore): each
//! begins with an empty store and says one thing of it.
//! [`metadata_conformance!`](crate::metadata_conformance) makes a test of each.
//!
//! | cases about | where |
//! |---|---|
//! | what one commit does, and what stops it | [`commits`], [`trees`], [`prepared`], [`imports`] |
//! | what is read | [`catalog`] |
//! | namespaces, backends, changed rules | [`rules`] |
//! | claims and leases | [`claims`], [`leases`] |
//! | dependencies, views, counts, waiting | [`dependencies`], [`views`], [`waiting`] |
//! | which contents are needed | [`references`] |
//! | what only a store in a database file does | [`database_file`] |

pub mod catalog;
mod changes;
pub mod claims;
pub mod commits;
pub mod database_file;
pub mod dependencies;
pub mod imports;
pub mod leases;
pub mod prepared;
pub mod references;
pub mod rules;
mod subject;
pub mod trees;
pub mod views;
pub mod waiting;

pub use subject::{Database, Subject};

/// Runs the suite, each case a test of its own, on the stores that `$create` makes: an expression for a
/// `fn() -> Box<dyn Database>`. With `file`, also what only a store in a database file does.
#[macro_export]
macro_rules! metadata_conformance {
    ($name:ident, $create:expr, file) => {
        mod $name {
            $crate::metadata_conformance!(@all $create);
            $crate::metadata_conformance!(@cases $create, database_file, [
                a_check_of_whole_rows_finds_nothing,
                a_repair_leaves_whole_rows_alone,
                what_is_lost_is_described_and_forgotten,
                a_content_is_found_by_its_row,
                a_copy_is_another_store_with_the_same_files,
                a_copy_that_is_dropped_leaves_nothing,
                lease_tokens_are_raised,
                the_log_is_shrunk,
            ]);
        }
    };
    ($name:ident, $create:expr) => {
        mod $name {
            $crate::metadata_conformance!(@all $create);
        }
    };
    (@all $create:expr) => {
        $crate::metadata_conformance!(@cases $create, commits, [
            a_commit_applies_in_order_and_returns_what_each_change_left,
            a_commit_that_fails_leaves_nothing_and_names_the_change,
            an_interrupted_batch_leaves_nothing,
            commits_of_many_threads_all_count,
            conditions_are_checked_in_the_commit,
            files_count_their_versions_and_keep_their_type,
            a_content_that_cannot_be_published_is_not_named,
            keys_are_set_and_removed,
            another_handle_sees_a_commit,
        ]);
        $crate::metadata_conformance!(@cases $create, trees, [
            directories_are_made_or_implied,
            what_is_in_the_way_is_told,
            a_directory_is_removed_empty_or_as_a_whole,
            a_rename_moves_a_tree_with_all_that_is_said_of_it,
            a_rename_gives_way_as_it_should,
            a_copy_is_new_and_takes_what_the_caller_sees,
            paths_do_not_become_too_long,
        ]);
        $crate::metadata_conformance!(@cases $create, prepared, [
            an_append_names_what_it_needs,
            an_append_in_a_batch_extends_what_the_batch_wrote,
            a_move_between_backends_names_what_it_needs,
            a_reserved_content_is_named_without_being_published,
            a_reservation_that_ended_is_told,
            a_small_content_that_became_a_file_stays_one,
            a_missing_file_is_healed_by_the_next_write,
        ]);
        $crate::metadata_conformance!(@cases $create, imports, [
            an_import_makes_files_as_they_are_described,
            an_import_takes_contents_that_the_caller_can_read,
            an_import_replaces_and_keeps_ids,
            an_import_names_the_file_that_fails,
            an_import_leaves_a_leased_item_to_its_worker,
        ]);
        $crate::metadata_conformance!(@cases $create, catalog, [
            pages_follow_the_bytes_of_paths,
            queries_stay_within_what_is_visible,
            references_are_counted_over_what_is_visible,
            content_is_inline_or_a_file_that_is_in_place,
            directories_above_the_own_part_exist_through_it_alone,
            metadata_is_kept_as_text_and_found_by_meaning,
            ids_stay_through_renames_and_overwrites_and_are_never_shared,
            entries_are_returned_in_the_order_asked_for,
            described_pages_end_with_the_bytes_asked_for,
            duplicates_are_grouped_by_content,
            storage_is_totalled_for_each_tenant,
            typed_keys_are_found_by_value,
            contents_are_listed_with_their_paths,
        ]);
        $crate::metadata_conformance!(@cases $create, rules, [
            under_other_rules_nothing_is_done,
            backends_are_known_by_name_and_place,
            a_namespace_is_registered_where_nothing_is,
            only_an_admin_changes_a_namespace,
            a_namespace_decides_who_owns_what,
        ]);
        $crate::metadata_conformance!(@cases $create, claims, [
            items_are_claimed_by_priority_and_creation,
            a_claim_stays_within_its_prefix_and_part,
            a_claim_returns_the_row_of_the_item,
            each_claim_has_a_greater_token,
            no_item_is_given_twice,
            delayed_items_wait_for_their_time,
            an_expired_lease_is_claimed_again,
            a_last_attempt_that_expires_fails,
            an_agent_of_all_tenants_claims_its_parts,
        ]);
        $crate::metadata_conformance!(@cases $create, leases, [
            a_heartbeat_prolongs_a_live_lease,
            a_completion_ends_the_lease_with_its_result,
            a_failure_is_tried_again_later,
            a_failure_without_attempts_left_is_final,
            a_release_does_not_count,
            only_the_newest_live_token_is_good,
            a_lease_is_a_condition_of_other_changes,
            only_the_holder_changes_the_run_of_an_item,
            cancelling_and_deleting_end_a_lease,
            a_leased_item_is_replaced_by_its_holder_alone,
            setting_the_wall_clock_ends_no_lease,
            a_restart_of_the_machine_ends_leases,
        ]);
        $crate::metadata_conformance!(@cases $create, dependencies, [
            an_item_waits_for_its_dependencies,
            a_completed_dependency_can_open_again,
            a_deleted_dependency_stays_open,
            dependencies_name_files_that_are_seen,
            cycles_are_refused_and_shown,
            dependencies_of_a_batch_may_come_in_any_order,
            a_copy_waits_for_the_same_items,
            what_is_not_visible_is_not_told,
        ]);
        $crate::metadata_conformance!(@cases $create, views, [
            views_hold_items_in_their_order,
            a_view_ends_at_its_limit_and_its_part,
            many_items_are_sorted_like_few,
            counts_agree_with_the_views,
            an_explanation_says_why_an_item_waits,
        ]);
        $crate::metadata_conformance!(@cases $create, waiting, [
            a_watch_notices_what_can_be_claimed,
            a_wait_ends_with_a_change_of_any_handle,
            a_wait_ends_in_time_or_when_interrupted,
            supply_tells_when_to_claim,
            supply_stays_within_the_part,
        ]);
        $crate::metadata_conformance!(@cases $create, references, [
            orphans_are_what_no_path_holds,
            a_dropped_content_is_removed_in_two_steps,
            a_removal_takes_as_many_as_asked_for,
            what_is_held_again_is_not_removed,
            a_content_that_is_being_removed_is_waited_for,
            a_reservation_waits_for_a_removal,
            a_removal_that_was_dropped_is_taken_up_again,
            one_removal_is_under_way_at_a_time,
            reserved_contents_stay,
            a_reservation_tells_what_is_held,
            a_reservation_ends_by_itself,
            pinned_contents_stay,
            unreferenced_contents_are_told,
            pending_deletions_are_visited,
            inline_contents_need_no_removal,
        ]);
    };
    (@cases $create:expr, $group:ident, [$($case:ident),* $(,)?]) => {
        $(#[test]
        fn $case() {
            let subject = $crate::metadata::conformance::Subject::new(($create)());
            $crate::metadata::conformance::$group::$case(&subject);
        })*
    };
}
